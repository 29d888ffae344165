"""Quotes from Yahoo: many in one request, through the real yfinance."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from prices.domain.quotes import Quote
from tests.standin import Instrument
from tests.standin.mutations import set_quote
from tests.support.against_yahoo import MONDAY_EVENING, MONDAY_NOON, SATURDAY, Yahoo


def quote(yahoo: Yahoo, symbol: str = "AAPL") -> Quote:
    found = yahoo.provider.quotes([symbol], now=yahoo.standin.now)
    assert [one.symbol for one in found] == [symbol]
    return found[0]


class TestQuotes:
    def test_of_ninety_nine_symbols_are_one_request(self, yahoo: Yahoo) -> None:
        symbols = [f"MANY{number}" for number in range(99)]
        for symbol in symbols:
            yahoo.standin.book.add(Instrument(symbol=symbol, first_session=date(2026, 3, 2)))
        yahoo.provider.quotes(["AAPL"], now=SATURDAY)  # cookie and crumb
        yahoo.standin.clear_log()
        before = yahoo.provider.requests

        found = yahoo.provider.quotes(symbols, now=SATURDAY)

        assert [one.symbol for one in found] == symbols
        assert yahoo.provider.requests - before == 1
        assert yahoo.asked("quote") == 1
        assert yahoo.provider.quotes_per_request == 99

    def test_leave_out_the_symbols_that_have_none(self, yahoo: Yahoo) -> None:
        found = yahoo.provider.quotes(["AAPL", "NOPE", "MSFT"], now=SATURDAY)

        assert [one.symbol for one in found] == ["AAPL", "MSFT"]

    def test_of_nothing_known_are_none(self, yahoo: Yahoo) -> None:
        assert yahoo.provider.quotes(["NOPE"], now=SATURDAY) == []

    def test_are_never_out_of_date(self, yahoo: Yahoo) -> None:
        yahoo.standin.set_clock(MONDAY_NOON)
        noon = quote(yahoo)
        yahoo.standin.set_clock(MONDAY_EVENING)

        evening = quote(yahoo)

        assert noon.market_time == MONDAY_NOON
        assert evening.market_time == datetime(2026, 3, 2, 21, 0, 1, tzinfo=UTC)
        assert evening.price != noon.price


class TestQuote:
    def test_after_the_close_is_the_days_bar(self, yahoo: Yahoo) -> None:
        yahoo.standin.book.add(Instrument(symbol="CLOSED", first_session=date(2026, 2, 27)))
        book = yahoo.standin.book
        book.revise("CLOSED", date(2026, 2, 27), open=8.0, high=9.0, low=7.0, close=8.5)
        book.revise(
            "CLOSED", date(2026, 3, 2), open=10.0, high=12.0, low=9.0, close=11.0, volume=500
        )
        yahoo.standin.set_clock(MONDAY_EVENING)

        found = quote(yahoo, "CLOSED")

        assert found == Quote(
            symbol="CLOSED",
            price=11.0,
            market_time=datetime(2026, 3, 2, 21, 0, 1, tzinfo=UTC),
            fetched_at=MONDAY_EVENING,
            market_state="POST",
            currency="USD",
            timezone="America/New_York",
            exchange="NMS",
            name="",
            instrument_type="EQUITY",
            previous_close=8.5,
            open=10.0,
            high=12.0,
            low=9.0,
            volume=500,
        )
        assert found.session == date(2026, 3, 2)

    def test_while_the_market_trades_says_so(self, yahoo: Yahoo) -> None:
        yahoo.standin.set_clock(MONDAY_NOON)

        assert quote(yahoo).market_state == "REGULAR"

    @pytest.mark.parametrize(
        ("key", "part"),
        [
            ("regularMarketOpen", "open"),
            ("regularMarketDayHigh", "high"),
            ("regularMarketDayLow", "low"),
            ("regularMarketVolume", "volume"),
            ("regularMarketPreviousClose", "previous_close"),
        ],
    )
    @pytest.mark.parametrize("how", ["absent", "null"])
    def test_may_lack_a_part(self, yahoo: Yahoo, key: str, part: str, how: str) -> None:
        if how == "absent":
            yahoo.standin.mutate("AAPL", "remove_quote", keys=[key])
        else:
            yahoo.standin.mutate("AAPL", set_quote(**{key: None}), kind="quote")

        found = quote(yahoo)

        assert getattr(found, part) is None
        assert found.price > 0

    @pytest.mark.parametrize("key", ["regularMarketPrice", "regularMarketTime"])
    def test_is_none_without_price_or_time(self, yahoo: Yahoo, key: str) -> None:
        yahoo.standin.mutate("AAPL", "remove_quote", keys=[key])

        found = yahoo.provider.quotes(["AAPL", "MSFT"], now=SATURDAY)

        assert [one.symbol for one in found] == ["MSFT"]

    @pytest.mark.parametrize(
        "nonsense",
        [
            {"exchangeTimezoneName": "Mars/Base"},
            {"regularMarketTime": 10**15},
        ],
        ids=["time zone", "time"],
    )
    def test_that_makes_no_sense_takes_no_other_with_it(
        self, yahoo: Yahoo, nonsense: dict[str, Any]
    ) -> None:
        yahoo.standin.mutate("AAPL", "set_quote", **nonsense)

        found = yahoo.provider.quotes(["AAPL", "MSFT"], now=SATURDAY)

        assert [one.symbol for one in found] == ["MSFT"]

    def test_has_no_volume_that_cannot_be_stored(self, yahoo: Yahoo) -> None:
        yahoo.standin.mutate("AAPL", "set_quote", regularMarketVolume=2**63)

        assert quote(yahoo).volume is None

    @pytest.mark.parametrize("price", [0, -1.0, None, "12"])
    def test_is_none_with_a_price_that_is_none(self, yahoo: Yahoo, price: object) -> None:
        yahoo.standin.mutate("AAPL", "set_quote", regularMarketPrice=price)

        assert yahoo.provider.quotes(["AAPL"], now=SATURDAY) == []

    def test_accepts_fields_that_yahoo_leaves_empty(self, yahoo: Yahoo) -> None:
        yahoo.standin.mutate(
            "AAPL", "set_quote", currency=None, longName=None, shortName=None, marketState=None
        )

        found = quote(yahoo)

        assert (found.currency, found.name, found.market_state) == ("", "", "")


class TestRecorded:
    """Quotes that Yahoo really sent, in the place of the stand-in's own."""

    def served(self, yahoo: Yahoo, body: Path) -> dict[str, Quote]:
        recorded = json.loads(body.read_text())["quoteResponse"]["result"]
        for row in recorded:
            symbol = row["symbol"]
            yahoo.standin.book.add(Instrument(symbol=symbol, first_session=date(2026, 1, 2)))
            yahoo.standin.mutate(symbol, _replaced_by(row), kind="quote")
        try:
            found = yahoo.provider.quotes([row["symbol"] for row in recorded], now=SATURDAY)
        finally:
            for row in recorded:
                yahoo.standin.book.instruments.pop(row["symbol"])
        return {one.symbol: one for one in found}

    @pytest.fixture
    def quotes(self, yahoo: Yahoo, recordings: Path) -> dict[str, Quote]:
        found: dict[str, Quote] = {}
        for body in sorted((recordings / "quotes").glob("*.json")):
            yahoo.reset()
            found |= self.served(yahoo, body)
        return found

    def test_are_all_understood(self, quotes: dict[str, Quote]) -> None:
        assert sorted(quotes) == [
            "0P000071W8.TO",
            "AAPL",
            "AZT.OL",
            "BABA",
            "MSFT",
            "OCDO.L",
            "QQQ",
            "UNIR.MI",
        ]

    def test_aapl_after_the_post_market_of_2025_10_29(self, quotes: dict[str, Quote]) -> None:
        apple = quotes["AAPL"]

        assert apple.market_time == datetime(2025, 10, 29, 20, 0, 1, tzinfo=UTC)
        assert apple.session == date(2025, 10, 29)
        assert apple.market_state == "POSTPOST"
        assert apple.day_bar() is not None
        assert (apple.open, apple.high, apple.low, apple.price) == (269.275, 271.41, 267.11, 269.7)
        assert apple.volume == 43_332_154
        assert apple.previous_close == 269.0

    def test_ocado_is_in_pence(self, quotes: dict[str, Quote]) -> None:
        assert quotes["OCDO.L"].currency == "GBp"

    def test_a_fund_has_no_day_bar(self, quotes: dict[str, Quote]) -> None:
        assert quotes["0P000071W8.TO"].day_bar() is None


def _replaced_by(row: dict[str, Any]) -> Any:
    def change(mine: dict[str, Any]) -> None:
        mine.clear()
        mine.update(row)

    return change
