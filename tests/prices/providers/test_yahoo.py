"""Histories from Yahoo: bars, actions and what is said of them, through the real yfinance."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest

from prices.domain.actions import Actions, Dividend, Split
from tests.standin import Instrument
from tests.standin.mutations import set_bar
from tests.support.against_yahoo import (
    MONDAY_EVENING,
    MONDAY_NOON,
    SATURDAY,
    Yahoo,
    expected_rows,
    rows,
)

FIRST, WEDNESDAY = date(2026, 2, 27), date(2026, 3, 4)


def listed(yahoo: Yahoo, symbol: str, **options: object) -> str:
    """Six sessions by hand, from Friday 2026-02-27 to Friday 2026-03-06."""
    yahoo.standin.book.add(Instrument(symbol=symbol, first_session=FIRST, **options))  # type: ignore[arg-type]
    prices = {27: 90.0, 2: 95.0, 3: 100.0, 4: 10.0, 5: 9.5, 6: 9.25}
    for day, price in prices.items():
        session = FIRST if day == 27 else date(2026, 3, day)
        volume = 1_000 if price > 50 else 20_000
        yahoo.standin.book.revise(
            symbol, session, open=price, high=price, low=price, close=price, volume=volume
        )
    return symbol


class TestHistory:
    @pytest.mark.parametrize("symbol", ["AAPL", "MSFT", "VOD.L", "TEVA.TA", "SAP.DE", "^GSPC"])
    def test_is_what_yahoo_serves_to_the_last_bit(self, yahoo: Yahoo, symbol: str) -> None:
        answer = yahoo.history(symbol)

        assert rows(answer) == expected_rows(yahoo.standin, symbol)
        assert len(answer.series) > 700
        assert answer.lacking == ()

    @pytest.mark.parametrize("symbol", ["BTC-USD", "EURUSD=X"])
    def test_that_trades_around_the_clock_ends_with_the_running_day(
        self, yahoo: Yahoo, symbol: str
    ) -> None:
        yahoo.standin.set_clock(MONDAY_NOON)

        answer = yahoo.history(symbol)

        assert rows(answer)[:-1] == expected_rows(yahoo.standin, symbol)
        assert answer.series.sessions[-1].item() == date(2026, 3, 2)
        assert answer.running == date(2026, 3, 2)

    @pytest.mark.parametrize(
        ("symbol", "currency", "exchange", "timezone", "kind"),
        [
            ("AAPL", "USD", "NMS", "America/New_York", "EQUITY"),
            ("VOD.L", "GBp", "LSE", "Europe/London", "EQUITY"),
            ("TEVA.TA", "ILA", "TLV", "Asia/Jerusalem", "EQUITY"),
            ("BTC-USD", "USD", "CCC", "UTC", "CRYPTOCURRENCY"),
            ("^GSPC", "USD", "SNP", "America/New_York", "INDEX"),
        ],
    )
    def test_describes_the_symbol(
        self, yahoo: Yahoo, symbol: str, currency: str, exchange: str, timezone: str, kind: str
    ) -> None:
        answer = yahoo.history(symbol, date(2026, 3, 2))

        assert (answer.currency, answer.exchange, answer.timezone) == (currency, exchange, timezone)
        assert answer.instrument_type == kind
        assert answer.source == "yahoo"
        assert answer.fetched_at == SATURDAY

    def test_has_the_symbols_name(self, yahoo: Yahoo) -> None:
        assert yahoo.history("AAPL", date(2026, 3, 2)).name == "Apple Inc."

    def test_begins_where_it_is_asked_to(self, yahoo: Yahoo) -> None:
        answer = yahoo.history("AAPL", date(2026, 3, 4))

        assert [row[0] for row in rows(answer)] == [date(2026, 3, day) for day in (4, 5, 6)]
        assert answer.asked.start == date(2026, 3, 4)
        assert SATURDAY.date() in answer.asked

    def test_of_all_times_begins_where_yahoo_may_have_some(self, yahoo: Yahoo) -> None:
        answer = yahoo.history("AAPL", date(1, 1, 1))

        assert answer.asked.start == date(1900, 1, 1)
        assert len(answer.series) > 0

    def test_of_asia_has_todays_session_before_midnight_in_london(self, yahoo: Yahoo) -> None:
        """Tuesday's session in Tokyo begins on Monday evening, UTC."""
        yahoo.standin.book.add(
            Instrument(
                symbol="7203.T",
                first_session=date(2026, 2, 2),
                calendar="XTKS",
                exchange_name="JPX",
                timezone="Asia/Tokyo",
                currency="JPY",
            )
        )
        yahoo.standin.set_clock(datetime.fromisoformat("2026-03-03T08:30+09:00"))
        before = yahoo.history("7203.T")
        yahoo.standin.set_clock(datetime.fromisoformat("2026-03-03T09:30+09:00"))

        answer = yahoo.history("7203.T")

        assert before.series.sessions[-1].item() == date(2026, 3, 2)
        assert before.running is None
        assert answer.series.sessions[-1].item() == date(2026, 3, 3)
        assert answer.running == date(2026, 3, 3)

    def test_in_threads_is_each_symbols_own(self, yahoo: Yahoo) -> None:
        symbols = list(yahoo.standin.book.instruments)[:12]

        with ThreadPoolExecutor(6) as pool:
            answers = dict(zip(symbols, pool.map(yahoo.history, symbols), strict=True))

        for symbol, answer in answers.items():
            expected = expected_rows(yahoo.standin, symbol)
            assert rows(answer)[: len(expected)] == expected, symbol


class TestActions:
    def test_come_with_restated_earlier_prices(self, yahoo: Yahoo) -> None:
        symbol = listed(
            yahoo,
            "ACME",
            splits=((WEDNESDAY, 10, 1),),
            dividends=((date(2026, 3, 3), 5.0), (date(2026, 3, 5), 1.0)),
        )

        answer = yahoo.history(symbol)

        assert answer.actions == Actions(
            (Split(WEDNESDAY, 10, 1),),
            (Dividend(date(2026, 3, 3), 0.5), Dividend(date(2026, 3, 5), 1.0)),
        )
        assert answer.series.close.tolist() == [9.0, 9.5, 10.0, 10.0, 9.5, 9.25]
        assert answer.series.volume.tolist() == [10_000, 10_000, 10_000, 20_000, 20_000, 20_000]

    @pytest.mark.parametrize(("new", "old"), [(1, 30), (3, 2), (1, 4), (21, 20)])
    def test_splits_are_whole_numbers(self, yahoo: Yahoo, new: int, old: int) -> None:
        """yfinance gives 1:30 as 0.0333…"""
        symbol = listed(yahoo, f"SPLIT{new}{old}", splits=((WEDNESDAY, new, old),))

        assert yahoo.history(symbol).actions.splits == (Split(WEDNESDAY, new, old),)

    def test_before_the_range_are_left_out(self, yahoo: Yahoo) -> None:
        symbol = listed(yahoo, "OLDSPLIT", splits=((WEDNESDAY, 10, 1),))

        assert yahoo.history(symbol, date(2026, 3, 5)).actions == Actions()


class TestRunning:
    @pytest.mark.parametrize(
        ("now", "running"),
        [
            (MONDAY_NOON, date(2026, 3, 2)),
            (MONDAY_EVENING - timedelta(hours=2, minutes=3), date(2026, 3, 2)),  # 15:57
            (MONDAY_EVENING - timedelta(hours=2), None),  # 16:00
            (MONDAY_EVENING, None),
            (SATURDAY, None),
        ],
    )
    def test_is_the_session_that_trades(
        self, yahoo: Yahoo, now: datetime, running: date | None
    ) -> None:
        yahoo.standin.set_clock(now)

        assert yahoo.history("AAPL", date(2026, 2, 23)).running == running

    def test_is_known_although_the_calendar_is_not(self, yahoo: Yahoo) -> None:
        yahoo.standin.set_clock(MONDAY_NOON)
        yahoo.standin.mutate("MSFT", "set_meta", exchangeName="YHD")

        answer = yahoo.history("MSFT", date(2026, 2, 23))

        assert answer.exchange == "YHD"
        assert answer.running == date(2026, 3, 2)

    def test_is_not_known_when_yahoo_does_not_tell_the_hours(self, yahoo: Yahoo) -> None:
        yahoo.standin.set_clock(MONDAY_NOON)
        yahoo.standin.mutate("MSFT", "remove_meta", keys=["currentTradingPeriod"])

        assert yahoo.history("MSFT", date(2026, 2, 23)).running is None


class TestBadRows:
    @pytest.mark.parametrize(
        "values",
        [
            dict.fromkeys(("open", "high", "low", "close", "volume", "adjclose")),
            {"close": None},
            {"close": 0.0},
            {"close": -5.0},
        ],
    )
    def test_without_a_close_are_named_and_nothing_else_is_lost(
        self, yahoo: Yahoo, values: dict[str, float | None]
    ) -> None:
        yahoo.standin.mutate("AAPL", set_bar("2026-03-04", **values))

        answer = yahoo.history("AAPL", date(2026, 3, 2))

        assert answer.lacking == (date(2026, 3, 4),)
        assert [row[0] for row in rows(answer)] == [date(2026, 3, day) for day in (2, 3, 5, 6)]

    @pytest.mark.parametrize(
        "values", [{"open": 0.0}, {"open": None}, {"low": -5.0}, {"high": 1.0}, {"close": 1e9}]
    )
    def test_are_normalised_to_fit_their_close(
        self, yahoo: Yahoo, values: dict[str, float | None]
    ) -> None:
        whole = rows(yahoo.history("AAPL", date(2026, 3, 2)))
        yahoo.standin.mutate("AAPL", set_bar("2026-03-04", **values))

        answer = yahoo.history("AAPL", date(2026, 3, 2))

        found = rows(answer)
        assert answer.normalised == (date(2026, 3, 4),)
        assert [row for row in found if row[0] != date(2026, 3, 4)] == [
            row for row in whole if row[0] != date(2026, 3, 4)
        ]
        bar = answer.series[2]
        assert (bar.close, bar.volume) == (values.get("close", whole[2][4]), whole[2][5])
        assert bar.low == min(bar[1:5])
        assert bar.high == max(bar[1:5])

    def test_without_volume_count_as_none_traded(self, yahoo: Yahoo) -> None:
        yahoo.standin.mutate("AAPL", "set_bar", session="2026-03-04", volume=None)

        answer = yahoo.history("AAPL", date(2026, 3, 4))

        assert answer.series.volume[0] == 0
        assert answer.lacking == ()

    def test_that_come_twice_count_once(self, yahoo: Yahoo) -> None:
        yahoo.standin.mutate("AAPL", "duplicate_row", session="2026-03-04")

        assert rows(yahoo.history("AAPL")) == expected_rows(yahoo.standin, "AAPL")

    def test_that_come_backwards_are_brought_in_order(self, yahoo: Yahoo) -> None:
        yahoo.standin.mutate("AAPL", "unsort")

        assert rows(yahoo.history("AAPL")) == expected_rows(yahoo.standin, "AAPL")

    def test_that_are_missing_are_no_failure(self, yahoo: Yahoo) -> None:
        yahoo.standin.mutate("AAPL", "drop_rows", first="2026-03-03", last="2026-03-04")

        answer = yahoo.history("AAPL", date(2026, 3, 2))

        assert [row[0] for row in rows(answer)] == [date(2026, 3, day) for day in (2, 5, 6)]


class TestNothing:
    def test_is_an_answer_for_a_weekend(self, yahoo: Yahoo) -> None:
        answer = yahoo.history("AAPL", date(2026, 3, 7))

        assert len(answer.series) == 0
        assert answer.actions == Actions()
        assert answer.asked.start == date(2026, 3, 7)

    @pytest.mark.parametrize("heard_of", [True, False])
    def test_is_an_answer_for_a_symbol_without_bars(self, yahoo: Yahoo, heard_of: bool) -> None:
        symbol = yahoo.known() if heard_of else yahoo.fresh()
        yahoo.standin.fault("empty", symbol)

        answer = yahoo.history(symbol)

        assert len(answer.series) == 0
        assert answer.source == "yahoo"
        assert answer.fetched_at == SATURDAY


class TestRequests:
    def test_of_a_known_symbol_are_one(self, yahoo: Yahoo) -> None:
        symbol, before = yahoo.known(), yahoo.provider.requests

        yahoo.history(symbol)

        assert yahoo.asked() == 1
        assert yahoo.provider.requests - before == 1

    def test_of_a_new_symbol_are_two(self, yahoo: Yahoo) -> None:
        """One more for its time zone."""
        yahoo.history(yahoo.fresh())

        assert yahoo.asked() == 2

    def test_are_saved_by_a_time_zone_that_is_known(self, yahoo: Yahoo) -> None:
        symbol = yahoo.fresh()

        yahoo.provider.history(symbol, None, now=SATURDAY, timezone="America/New_York")

        assert yahoo.asked() == 1

    def test_are_sent_again_each_time(self, yahoo: Yahoo) -> None:
        """yfinance answers a past range from memory for the process's lifetime."""
        symbol = yahoo.known()
        before = yahoo.history(symbol).series.close[0]
        yahoo.standin.book.revise(symbol, date(2026, 1, 2), close=before * 1.001)
        yahoo.standin.book.revise(symbol, date(2026, 1, 2), high=before * 1.1)

        assert yahoo.history(symbol).series.close[0] == pytest.approx(before * 1.001)
        assert yahoo.asked() == 2
