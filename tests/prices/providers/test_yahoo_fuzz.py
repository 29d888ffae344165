"""Any answer of Yahoo, however broken, is read or refused by the provider, and nothing else."""

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prices.domain.answers import Fetched
from prices.domain.quotes import Quote
from prices.providers.base import ProviderError
from tests.support.against_yahoo import SATURDAY, Yahoo, midnight

Json = dict[str, Any]
FIRST = date(2026, 2, 23)
# What a place in a body may hold instead of its value. Texts in @ are numbers that Python's JSON
# cannot write: beyond a double, and beyond the digits that it reads; 400 digits are just beyond a
# double.
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 0.0, -0.0, 0.5, 1e-320, 1e308, -1e308, 10**30, 2**63, 2**31),
        *(float("nan"), float("inf"), float("-inf"), "@1e400@", "@-1e400@", "@" + "9" * 5000 + "@"),
        "@" + "9" * 400 + "@",
        *("", "x", "1.5", "NaN", "Infinity", "1e400", "\ud800", "Europe/Nowhere", "../etc", "USD"),
        *([], {}, [None], [[]], [{}], {"": None}, {"raw": 1, "fmt": "1"}, [1, 2, 3], "A" * 300),
        *(-62135596800, 253402300800, 10**12, 1.7e9, 1772000000, -(2**31), 4102444800),
    ]
)


def text_of(body: Any) -> str:
    """Returns JSON with the numbers that are written as texts in @."""
    return json.dumps(body).replace('"@', "").replace('@"', "")


def chart_body() -> Json:
    """Returns a sound answer of eight bars with an event of each kind."""
    days = [FIRST + timedelta(days=n) for n in (0, 1, 2, 3, 4, 7, 8, 9)]
    stamps = [int(midnight(day).timestamp()) + 52_200 for day in days]
    closes = [100.0 + n for n in range(8)]
    period = {
        "timezone": "EST",
        "start": stamps[-1],
        "end": stamps[-1] + 23_400,
        "gmtoffset": -18000,
    }
    columns = {
        "open": closes[:],
        "high": [close + 1 for close in closes],
        "low": [close - 1 for close in closes],
        "close": closes[:],
        "volume": [1000 + n for n in range(8)],
    }
    meta = {
        "currency": "USD",
        "symbol": "FUZZ",
        "exchangeName": "NMS",
        "instrumentType": "MUTUALFUND",  # of which yfinance reads capital gains too
        "firstTradeDate": stamps[0],
        "regularMarketTime": stamps[-1] + 23_400,
        "gmtoffset": -18000,
        "timezone": "EST",
        "exchangeTimezoneName": "America/New_York",
        "regularMarketPrice": 107.0,
        "longName": "Fuzz",
        "shortName": "Fuzz",
        "chartPreviousClose": 99.0,
        "priceHint": 2,
        "currentTradingPeriod": {
            "pre": dict(period),
            "regular": dict(period),
            "post": dict(period),
        },
        "dataGranularity": "1d",
        "range": "",
        "validRanges": ["1d", "max"],
    }
    at = stamps[3]
    events = {
        "dividends": {str(at): {"amount": 0.5, "date": at, "currency": "USD"}},
        "splits": {
            str(at): {"date": at, "numerator": 2, "denominator": 1, "splitRatio": "2:1"},
        },
        "capitalGains": {str(at): {"amount": 0.5, "date": at}},
    }
    result = {
        "meta": meta,
        "timestamp": stamps,
        "events": events,
        "indicators": {"quote": [columns], "adjclose": [{"adjclose": closes[:]}]},
    }
    return {"chart": {"result": [result], "error": None}}


def quote_row(symbol: str = "FUZZ") -> Json:
    return {
        "symbol": symbol,
        "quoteType": "EQUITY",
        "currency": "USD",
        "exchange": "NMS",
        "exchangeTimezoneName": "America/New_York",
        "marketState": "CLOSED",
        "longName": "Fuzz",
        "regularMarketTime": int(SATURDAY.timestamp()) - 72_000,
        "regularMarketPrice": 107.0,
        "regularMarketPreviousClose": 106.0,
        "regularMarketOpen": 106.5,
        "regularMarketDayHigh": 108.0,
        "regularMarketDayLow": 105.0,
        "regularMarketVolume": 12345,
    }


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yields each container of a body with each of its keys or positions."""
    keys: list[Any] = list(node) if isinstance(node, dict) else list(range(len(node)))
    for key in keys:
        yield node, key
        if isinstance(node[key], dict | list):
            yield from places(node[key])


def replaced(holder: Any, key: Any, junk: Any) -> None:
    holder[key] = junk


def removed(holder: Any, key: Any, junk: Any) -> None:
    del holder[key]


def repeated(holder: Any, key: Any, junk: Any) -> None:
    """An extra key, or a value that comes twice, which leaves columns of different lengths."""
    if isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))
    else:
        holder[f"{key}x"] = junk


def nested(holder: Any, key: Any, junk: Any) -> None:
    holder[key] = [holder[key]]


def unnested(holder: Any, key: Any, junk: Any) -> None:
    inner = holder[key]
    values = list(inner.values()) if isinstance(inner, dict) else inner
    holder[key] = values[0] if isinstance(values, list) and values else junk


def reversed_(holder: Any, key: Any, junk: Any) -> None:
    if isinstance(holder[key], list):
        holder[key].reverse()
    else:
        holder[key] = junk


HURTS: tuple[Callable[[Any, Any, Any], None], ...] = (
    *(replaced, replaced, replaced, removed),
    *(repeated, nested, unnested, reversed_),
)


@st.composite
def broken(draw: st.DrawFn, make: Callable[[], Json]) -> str:
    """Returns a body that is broken at one to four places."""
    body = make()
    for _ in range(draw(st.integers(1, 4))):
        found = list(places(body))
        if not found:
            break
        holder, key = found[draw(st.integers(0, len(found) - 1))]
        draw(st.sampled_from(HURTS))(holder, key, copy.deepcopy(draw(JUNK)))
    return text_of(body)


def history(yahoo: Yahoo, text: str) -> Fetched:
    yahoo.standin.serve_history("FUZZ", text)
    return yahoo.provider.history("FUZZ", None, now=SATURDAY, timezone="America/New_York")


def check(answer: Fetched) -> None:
    """The columns have been checked by `BarSeries` itself."""
    bars, actions = answer.series, answer.actions
    amounts = [
        *(amount for split in actions.splits for amount in (split.numerator, split.denominator)),
        *(dividend.amount for dividend in actions.dividends),
        *(gain.amount for gain in actions.gains),
        *(split.ratio for split in actions.splits),
    ]
    assert all(np.isfinite(amount) and amount > 0 for amount in amounts)
    assert not set(answer.lacking) & set(bars.sessions.tolist())
    assert set(answer.normalised) <= set(bars.sessions.tolist())
    if answer.adjusted_close is not None:
        assert len(answer.adjusted_close) == len(bars)
    for text in (answer.currency, answer.exchange, answer.name, answer.instrument_type):
        assert isinstance(text, str)


def check_quote(quote: Quote) -> None:
    assert np.isfinite(quote.price)
    assert quote.price
    assert isinstance(quote.session, date)
    numbers = (quote.previous_close, quote.open, quote.high, quote.low)
    assert all(number is None or np.isfinite(number) for number in numbers)
    assert quote.volume is None or 0 <= quote.volume < 2**63


@pytest.fixture(scope="module")
def shared(_yahoo: Yahoo) -> Iterator[Yahoo]:
    """The stand-in and the provider, which no example leaves changed."""
    _yahoo.reset()
    yield _yahoo
    _yahoo.standin.forget_served()


class TestCharts:
    def test_without_faults_are_read(self, shared: Yahoo) -> None:
        answer = history(shared, text_of(chart_body()))

        assert len(answer.series) == 8
        assert len(answer.actions.splits) == len(answer.actions.gains) == 1
        assert answer.skipped == ()

    @settings(max_examples=200)
    @given(broken(chart_body))
    def test_that_are_broken_are_read_or_refused(self, shared: Yahoo, text: str) -> None:
        with suppress(ProviderError):
            check(history(shared, text))

    @pytest.mark.parametrize("text", ["", "null", "[]", "{}", "1e400", '"x"', "[" * 5000, "NaN"])
    def test_that_are_something_else_are_refused(self, shared: Yahoo, text: str) -> None:
        with pytest.raises(ProviderError):
            history(shared, text)


class TestSplits:
    @staticmethod
    def told(*ratios: tuple[float, float]) -> str:
        """Returns a chart with these splits, all on one day."""
        body = chart_body()
        result = body["chart"]["result"][0]
        at = result["timestamp"][3]
        result["events"]["splits"] = {
            str(at + n): {"date": at + n, "numerator": new, "denominator": old}
            for n, (new, old) in enumerate(ratios)
        }
        return text_of(body)

    @pytest.mark.parametrize(
        ("ratio", "shown"),
        [
            ((1e200, 1), "1e+200:1 "),
            ((1, 1e300), "1:1e+300 "),
            ((1e308, 0.5), "1e+308:0.5 "),
            ((1_000_001, 1), "1000001:1 "),
            ((1, 1_000_001), "1:1000001 "),
        ],
    )
    def test_beyond_any_share_are_skipped_and_named(
        self, shared: Yahoo, ratio: tuple[float, float], shown: str
    ) -> None:
        answer = history(shared, self.told(ratio, (3, 1)))

        assert [(s.numerator, s.denominator) for s in answer.actions.splits] == [(3, 1)]
        assert len(answer.skipped) == 1
        assert f"a split of {shown}" in answer.skipped[0]

    @pytest.mark.parametrize("ratio", [(1, 35_000), (1, 1_000_000), (1_000_000, 1)])
    def test_that_are_extreme_are_read(self, shared: Yahoo, ratio: tuple[float, float]) -> None:
        (split,) = history(shared, self.told(ratio)).actions.splits

        assert (split.numerator, split.denominator) == ratio

    def test_that_are_told_twice_count_once(self, shared: Yahoo) -> None:
        answer = history(shared, self.told((2, 1), (4, 2), (2, 1)))

        assert [split.ratio for split in answer.actions.splits] == [2.0]
        assert answer.skipped == ()


class TestQuotes:
    @pytest.mark.parametrize("name", [name for name in quote_row() if "Market" in name])
    def test_with_a_number_beyond_a_double_cost_no_neighbour(
        self, shared: Yahoo, name: str
    ) -> None:
        shared.standin.serve_quote("FUZZ", text_of({**quote_row(), name: "@" + "9" * 400 + "@"}))
        shared.standin.serve_quote("GOOD", quote_row("GOOD"))

        found = shared.provider.quotes(["FUZZ", "GOOD"], now=SATURDAY)

        assert [quote.price for quote in found if quote.symbol == "GOOD"] == [107.0]
        for quote in found:
            check_quote(quote)

    @settings(max_examples=150)
    @given(broken(quote_row))
    def test_that_are_broken_cost_no_neighbour(self, shared: Yahoo, text: str) -> None:
        shared.standin.serve_quote("FUZZ", text)
        shared.standin.serve_quote("GOOD", quote_row("GOOD"))

        found = shared.provider.quotes(["FUZZ", "GOOD"], now=SATURDAY)

        assert [quote.price for quote in found if quote.symbol == "GOOD"] == [107.0]
        for quote in found:
            check_quote(quote)

    @settings(max_examples=100)
    @given(broken(lambda: {"quoteResponse": {"result": [quote_row()], "error": None}}))
    def test_of_broken_answers_are_read_or_refused(self, shared: Yahoo, text: str) -> None:
        shared.standin.serve_quote("*", text)
        try:
            for quote in shared.provider.quotes(["FUZZ"], now=SATURDAY):
                check_quote(quote)
        except ProviderError:
            pass
        finally:
            shared.standin.forget_served()
