"""The prices and quotes that the stand-in serves, read with the real yfinance."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.standin import StandIn
from tests.standin.client import (
    MONDAY_EVENING,
    MONDAY_NOON,
    acme_book,
    chart,
    fetch,
    quote,
    yfinance,
)


class TestHistory:
    def test_equals_the_expected_bars_to_the_last_bit(self, standin: StandIn) -> None:
        symbols = ["AAPL", "VOD.L", "TEVA.TA", "BTC-USD", "EURUSD=X", "^GSPC"]

        found = yfinance(standin, f"found = {{s: history(s)[1] for s in {symbols}}}")

        for symbol in symbols:
            bars = standin.expected_bars(symbol)
            rows = [[row[0], *row[1:5], row[6]] for row in found[symbol]][: len(bars)]
            assert rows == [[str(bar.pop("date")), *bar.values()] for bar in bars], symbol
            running = 1 if symbol == "BTC-USD" else 0
            assert len(found[symbol]) == len(bars) + running

    def test_max_period_reaches_the_first_session(self, standin: StandIn) -> None:
        standin.set_clock(None)

        found = yfinance(standin, "found = history('MSFT', period='max')[1]")

        assert found[0][0] == "2023-01-03"

    def test_splits_and_dividends_arrive_and_restate_the_past(self, acme_standin: StandIn) -> None:
        columns, rows, _ = yfinance(acme_standin, "found = history('ACME')")

        assert columns[3:] == ["Close", "Adj Close", "Volume", "Dividends", "Stock Splits"]
        by_thursday = 1 - 1.0 / 10.0  # a dollar, on a close of 10 the day before
        by_tuesday = by_thursday * (1 - 5.0 / 95.0)
        assert [row[0:1] + row[4:5] + row[6:] for row in rows] == [
            ["2026-02-27", 9.0, 10_000, 0.0, 0.0],
            ["2026-03-02", 9.5, 10_000, 0.0, 0.0],
            ["2026-03-03", 10.0, 10_000, 0.5, 0.0],
            ["2026-03-04", 10.0, 20_000, 0.0, 10.0],
            ["2026-03-05", 9.5, 20_000, 1.0, 0.0],
            ["2026-03-06", 9.25, 20_000, 0.0, 0.0],
        ]
        assert [row[5] for row in rows] == pytest.approx(
            [9 * by_tuesday, 9.5 * by_tuesday, 10 * by_thursday, 10 * by_thursday, 9.5, 9.25]
        )

    def test_intraday_adds_up_to_the_day(self, standin: StandIn) -> None:
        script = """
found = {i: history('AAPL', start='2026-03-06', end='2026-03-07', interval=i)[1]
         for i in ('1m', '15m', '1h')}
"""
        found = yfinance(standin, script)

        day = standin.expected_bars("AAPL")[-1]
        for interval, count in (("1m", 390), ("15m", 26), ("1h", 7)):
            rows = found[interval]
            assert len(rows) == count
            assert max(row[2] for row in rows) == pytest.approx(day["high"])
            assert min(row[3] for row in rows) == pytest.approx(day["low"])
            assert rows[-1][4] == pytest.approx(day["close"])
            assert sum(row[6] for row in rows) == pytest.approx(day["volume"], abs=count)


class TestSplitTiming:
    @pytest.fixture
    def late(self) -> Iterator[StandIn]:
        with StandIn(now=MONDAY_EVENING) as running:
            yield running

    def closes(self, standin: StandIn) -> list[float]:
        closes: list[float] = chart(standin, "ACME", range="max")["indicators"]["quote"][0]["close"]
        return closes

    def test_old_bars_are_restated_on_the_ex_date_not_before(self, acme_standin: StandIn) -> None:
        acme_standin.set_clock(datetime(2026, 3, 4, 4, 59, tzinfo=UTC))  # 23:59 on the 3rd
        assert self.closes(acme_standin) == [90.0, 95.0, 100.0]

        acme_standin.set_clock(datetime(2026, 3, 4, 5, 0, tzinfo=UTC))
        assert self.closes(acme_standin) == [9.0, 9.5, 10.0]

    def test_restating_late_serves_the_event_over_old_bars(self, late: StandIn) -> None:
        late.book = acme_book(restate_late=timedelta(days=2))

        late.set_clock(datetime(2026, 3, 5, 23, 0, tzinfo=UTC))
        assert self.closes(late) == [90.0, 95.0, 100.0, 10.0, 9.5]
        assert "splits" in chart(late, "ACME", range="max")["events"]

        late.set_clock(datetime(2026, 3, 6, 23, 0, tzinfo=UTC))
        assert self.closes(late) == [9.0, 9.5, 10.0, 10.0, 9.5, 9.25]

    def test_a_late_event_leaves_restated_bars_unexplained(self, late: StandIn) -> None:
        late.book = acme_book(split_event_late=timedelta(days=2))
        late.set_clock(datetime(2026, 3, 5, 23, 0, tzinfo=UTC))

        assert self.closes(late) == [9.0, 9.5, 10.0, 10.0, 9.5]
        assert "splits" not in chart(late, "ACME", range="max")["events"]

    def test_an_early_event_is_told_over_old_bars(self, late: StandIn) -> None:
        late.book = acme_book(split_event_late=-timedelta(days=1))
        late.set_clock(datetime(2026, 3, 3, 23, 0, tzinfo=UTC))

        assert self.closes(late) == [90.0, 95.0, 100.0]
        assert "splits" in chart(late, "ACME", range="max")["events"]

    def test_restating_early_serves_old_bars_without_the_event(self, late: StandIn) -> None:
        late.book = acme_book(restate_late=-timedelta(days=1))
        late.set_clock(datetime(2026, 3, 3, 23, 0, tzinfo=UTC))

        assert self.closes(late) == [9.0, 9.5, 10.0]
        assert "splits" not in chart(late, "ACME", range="max")["events"]


class TestRunningDay:
    def test_live_row_is_stamped_with_the_last_trade(self, standin: StandIn) -> None:
        standin.set_clock(MONDAY_NOON)

        script = """
_, rows, meta = history('AAPL', period='5d')
period = meta["currentTradingPeriod"]["regular"]
found = rows[-1][0], [str(at) for at in (period["start"], meta["regularMarketTime"], period["end"])]
"""
        day, times = yfinance(standin, script)

        assert day == "2026-03-02"
        assert times == [f"2026-03-02 {at}:00-05:00" for at in ("09:30", "12:00", "16:00")]
        assert standin.expected_bars("AAPL")[-1]["date"] == date(2026, 2, 27)
        live = chart(standin, "AAPL", range="5d")
        assert live["timestamp"][-1] == MONDAY_NOON.timestamp()

    def test_live_stamp_stays_until_midnight_in_new_york(self, standin: StandIn) -> None:
        standin.set_clock(datetime(2026, 3, 3, 4, 59, tzinfo=UTC))
        assert chart(standin, "AAPL", range="1d")["timestamp"] == [1772485201]  # 16:00:01

        standin.set_clock(datetime(2026, 3, 3, 5, 0, tzinfo=UTC))
        assert chart(standin, "AAPL", range="1d")["timestamp"] == [1772461800]  # 09:30:00

    def test_day_ends_with_the_bar_of_the_book(self, standin: StandIn) -> None:
        standin.set_clock(MONDAY_NOON)
        partial = quote(standin, "AAPL")
        standin.set_clock(MONDAY_EVENING)
        whole, bar = quote(standin, "AAPL"), standin.expected_bars("AAPL")[-1]

        assert partial["regularMarketVolume"] < whole["regularMarketVolume"] == bar["volume"]
        assert whole["regularMarketPrice"] == bar["close"]
        assert whole["regularMarketDayHigh"] == bar["high"] >= partial["regularMarketDayHigh"]

    @pytest.mark.parametrize(
        ("hour_utc", "state"),
        [(8, "CLOSED"), (10, "PRE"), (15, "REGULAR"), (21, "POST"), (25, "CLOSED")],
    )
    def test_market_state_follows_the_clock(
        self, standin: StandIn, hour_utc: int, state: str
    ) -> None:
        standin.set_clock(datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hour_utc))

        assert quote(standin, "AAPL")["marketState"] == state


class TestQuotes:
    def test_five_symbols_take_one_request(self, standin: StandIn) -> None:
        script = """
asked = {"symbols": "AAPL,VOD.L,NOSUCH,BTC-USD,TEVA.TA,EURUSD=X"}
found = YfData().get_raw_json(QUOTES, params=asked)["quoteResponse"]["result"]
"""
        rows = yfinance(standin, script)

        assert [(row["symbol"], row["currency"], row["exchange"]) for row in rows] == [
            ("AAPL", "USD", "NMS"),
            ("VOD.L", "GBp", "LSE"),
            ("BTC-USD", "USD", "CCC"),
            ("TEVA.TA", "ILA", "TLV"),
            ("EURUSD=X", "USD", "CCY"),
        ]
        assert [entry["kind"] for entry in standin.log] == ["cookie", "crumb", "quote"]

    def test_more_than_a_hundred_symbols_are_refused(self, standin: StandIn) -> None:
        with pytest.raises(urllib.error.HTTPError, match="400") as refusal:
            fetch(standin, "/v7/finance/quote?symbols=" + ",".join(["AAPL"] * 101))
        refusal.value.close()


class TestEmptyAnswers:
    def test_weekend_has_meta_and_no_bars(self, standin: StandIn) -> None:
        asked = {"period1": 1772859600, "period2": 1773028800}  # 7 and 8 March 2026

        result = chart(standin, "AAPL", **asked)

        assert "timestamp" not in result
        assert result["indicators"] == {"quote": [{}], "adjclose": [{}]}
        assert result["meta"]["symbol"] == "AAPL"

    def test_range_before_the_first_trade_is_refused(self, standin: StandIn) -> None:
        script = "found = failure(lambda: history('AAPL', start='2001-01-01', end='2001-02-01'))"

        kinds, text = yfinance(standin, script)

        assert kinds[0] == "YFPricesMissingError"
        assert "Data doesn't exist for startDate = 978325200, endDate = 981003600" in text
