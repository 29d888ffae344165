"""Failures of Yahoo: each becomes the right error, and none outlasts its cause."""

from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import pytest

from prices.providers.base import (
    BadPayload,
    ProviderError,
    RangeNotOffered,
    RateLimited,
    Unavailable,
    UnknownSymbol,
)
from tests.support.against_yahoo import SATURDAY, Yahoo

# 2026-01-02 to 2026-03-06: 44 sessions, without Martin Luther King's and Presidents' Day.
SESSIONS = 44
FAILURES: list[tuple[str, type[ProviderError], str]] = [
    ("404", UnknownSymbol, "No data found, symbol may be delisted"),
    ("400", RangeNotOffered, "Data doesn't exist for startDate"),
    ("422", RangeNotOffered, "must be within the last 60 days"),
    ("429", RateLimited, "allows no more requests"),
    ("500", Unavailable, r"returned HTTP 500 \(boom\)"),
    ("500_html", Unavailable, "returned HTTP 500$"),
    ("502", Unavailable, "returned HTTP 502$"),
    ("right_back", Unavailable, "right back"),
    ("reset", Unavailable, "broke the connection"),
    ("refuse", Unavailable, "refused"),
    # Half of what the headers promised: the line broke, and asking again may help.
    ("truncated", Unavailable, "broke the connection"),
    # All of what the headers promised, and yet no answer.
    ("malformed", BadPayload, "is not JSON"),
    ("html", BadPayload, "is not JSON"),
    ("missing_keys", BadPayload, "cannot be read"),
    ("bomb", BadPayload, "is far too large to be one"),
    ("deep", BadPayload, "cannot be read"),
    ("forged", Unavailable, r"returned HTTP 500 \(boom  WARNING forged  \[2J x{400,}$"),
]


@pytest.fixture(params=["known", "fresh"])
def symbol(request: pytest.FixtureRequest, yahoo: Yahoo) -> str:
    """One whose time zone yfinance knows, and one for which it has to ask first."""
    found: str = getattr(yahoo, request.param)()
    return found


@pytest.fixture
def impatient(yahoo: Yahoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yahoo.provider._session, "_timeout", 0.3)


class TestHistory:
    @pytest.mark.parametrize(("fault", "error", "words"), FAILURES)
    def test_names_the_error(
        self, yahoo: Yahoo, symbol: str, fault: str, error: type[ProviderError], words: str
    ) -> None:
        yahoo.standin.fault(fault)

        with pytest.raises(ProviderError, match=words) as caught:
            yahoo.history(symbol)

        assert type(caught.value) is error
        assert caught.value.permanent is (error in (UnknownSymbol, RangeNotOffered))

    @pytest.mark.parametrize("fault", [fault for fault, *_ in FAILURES])
    def test_succeeds_as_soon_as_yahoo_does(self, yahoo: Yahoo, symbol: str, fault: str) -> None:
        """yfinance would repeat a failure from memory for the process's lifetime."""
        yahoo.standin.fault(fault)
        with pytest.raises(ProviderError):
            yahoo.history(symbol)
        yahoo.standin.faults.clear()

        answer = yahoo.history(symbol)

        assert len(answer.series) == SESSIONS

    @pytest.mark.usefixtures("impatient")
    def test_reports_a_timeout(self, yahoo: Yahoo, symbol: str) -> None:
        yahoo.standin.fault("hang", seconds=5)

        with pytest.raises(Unavailable, match="did not answer in time"):
            yahoo.history(symbol)

    @pytest.mark.parametrize(
        ("mutation", "options"),
        [
            ("ragged", {"column": "close"}),
            ("remove_meta", {"keys": ["instrumentType"]}),
            ("remove_meta", {"keys": ["currency"]}),
            ("remove_meta", {"keys": ["exchangeTimezoneName"]}),
            ("set_meta", {"exchangeTimezoneName": "Mars/Olympus"}),
            ("set_bar", {"session": "2026-03-04", "close": "ten"}),
        ],
    )
    def test_reports_an_unreadable_answer(
        self, yahoo: Yahoo, symbol: str, mutation: str, options: dict[str, Any]
    ) -> None:
        yahoo.standin.mutate(symbol, mutation, **options)

        with pytest.raises(BadPayload, match=f"Yahoo's answer for {symbol}"):
            yahoo.history(symbol)

    @pytest.mark.parametrize("key", ["meta", "timestamp", "indicators"])
    def test_reports_a_missing_part(self, yahoo: Yahoo, symbol: str, key: str) -> None:
        """A part that lacks is no empty answer."""
        yahoo.standin.fault("missing_keys", keys=(key,))

        with pytest.raises(BadPayload):
            yahoo.history(symbol)

    def test_survives_a_rate_limited_crumb(self, yahoo: Yahoo) -> None:
        """Charts need none."""
        yahoo.standin.fault("404", "GONE")
        with pytest.raises(UnknownSymbol):  # makes yfinance ask for a new crumb
            yahoo.history("GONE")
        yahoo.standin.fault("429", kind="crumb")

        assert len(yahoo.history("AAPL", date(2026, 3, 2)).series) == 5


class TestRateLimit:
    @pytest.mark.parametrize(("seconds", "wait"), [(17, timedelta(seconds=17)), (None, None)])
    def test_lasts_as_long_as_yahoo_says(
        self, yahoo: Yahoo, symbol: str, seconds: int | None, wait: timedelta | None
    ) -> None:
        yahoo.standin.fault("429", retry_after=seconds)

        with pytest.raises(RateLimited) as caught:
            yahoo.history(symbol)

        assert caught.value.retry_after == wait


class TestRequests:
    def test_of_a_limit_are_few(self, yahoo: Yahoo, symbol: str) -> None:
        """Two for the answer, one or two for another crumb."""
        before = yahoo.provider.requests
        yahoo.standin.fault("429")

        with pytest.raises(RateLimited):
            yahoo.history(symbol)

        assert yahoo.asked() == 2
        assert yahoo.provider.requests - before <= 4

    @pytest.mark.parametrize(
        "fault",
        [
            *("404", "400", "422", "500", "500_html", "502"),
            *("malformed", "reset", "refuse", "right_back", "truncated"),
        ],
    )
    def test_of_a_failure_are_one(self, yahoo: Yahoo, symbol: str, fault: str) -> None:
        before = yahoo.provider.requests
        yahoo.standin.fault(fault)

        with pytest.raises(ProviderError):
            yahoo.history(symbol)

        assert yahoo.provider.requests - before == 1

    def test_of_many_dead_symbols_grow_with_their_number_alone(self, yahoo: Yahoo) -> None:
        before = yahoo.provider.requests

        for number in range(5):
            with pytest.raises(UnknownSymbol):
                yahoo.history(f"DEAD{number}")

        assert yahoo.provider.requests - before == 5


class TestQuotes:
    @pytest.mark.parametrize(
        ("fault", "error"),
        [(fault, error) for fault, error, _ in FAILURES if fault != "missing_keys"],
    )
    def test_tell_what_went_wrong(
        self, yahoo: Yahoo, fault: str, error: type[ProviderError]
    ) -> None:
        yahoo.standin.fault(fault)

        with pytest.raises(ProviderError) as caught:
            yahoo.provider.quotes(["AAPL", "MSFT"], now=SATURDAY)

        assert type(caught.value) is error

    @pytest.mark.parametrize("fault", [fault for fault, *_ in FAILURES])
    def test_succeed_as_soon_as_yahoo_does(self, yahoo: Yahoo, fault: str) -> None:
        yahoo.standin.fault(fault)
        with suppress(ProviderError):
            yahoo.provider.quotes(["AAPL", "MSFT"], now=SATURDAY)
        yahoo.standin.faults.clear()

        found = yahoo.provider.quotes(["AAPL", "MSFT"], now=SATURDAY)

        assert {quote.symbol for quote in found} == {"AAPL", "MSFT"}

    def test_of_too_many_symbols_are_refused(self, yahoo: Yahoo) -> None:
        with pytest.raises(RangeNotOffered, match="Exceeded maximum number of symbols"):
            yahoo.provider.quotes([f"S{number}" for number in range(101)], now=SATURDAY)

    @pytest.mark.usefixtures("impatient")
    def test_tell_that_no_answer_came_in_time(self, yahoo: Yahoo) -> None:
        yahoo.standin.fault("hang", seconds=5)

        with pytest.raises(Unavailable, match="did not answer in time"):
            yahoo.provider.quotes(["AAPL"], now=SATURDAY)
