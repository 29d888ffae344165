"""Runs in which some symbols have answers that cannot be: the others do not notice."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest

from prices import services
from prices.jobs import execution, runs
from prices.models import Quarantine, SyncRun, TrackedSymbol
from prices.store.mongo import Db
from prices.symbols.tracking import track
from tests.standin import Instrument
from tests.support.against_yahoo import Yahoo, expected_rows, running_yahoo
from tests.support.syncing import stored

pytestmark = pytest.mark.django_db

Json = dict[str, Any]
NOW = datetime(2026, 3, 2, 23, tzinfo=UTC)
FIRST = date(2026, 2, 2)
GOOD = tuple(f"FINE{number:02}" for number in range(29))
INFINITE, MISSING = float("inf"), float("nan")


@pytest.fixture(scope="module")
def _yahoo() -> Iterator[Yahoo]:
    with running_yahoo(symbols=0) as running:
        for symbol in (*GOOD, "POISON"):
            running.standin.book.add(Instrument(symbol=symbol, first_session=FIRST))
        yield running


@pytest.fixture
def yahoo(_yahoo: Yahoo, store: Db, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yahoo]:
    _yahoo.wired(monkeypatch)
    _yahoo.standin.set_clock(NOW)
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    for symbol in (*GOOD[:15], "POISON", *GOOD[15:]):
        track(symbol, now=NOW)
    yield _yahoo
    _yahoo.standin.forget_served()


def run(kind: SyncRun.Kind) -> SyncRun:
    begun = runs.begin(kind, trigger="test", now=NOW, symbols=(), options={})
    execution.work_on(begun, share=False)
    begun.refresh_from_db()
    return begun


def poison(yahoo: Yahoo, symbol: str, change: Callable[[Json], None]) -> None:
    """Poisons the history of a symbol, but not the answer that tells its time zone."""
    yahoo.standin.mutate(symbol, lambda r: change(r) if len(r["timestamp"]) > 3 else None)


def complete(yahoo: Yahoo) -> list[str]:
    return [symbol for symbol in GOOD if stored(symbol) == expected_rows(yahoo.standin, symbol)]


def column(name: str, value: Any) -> Callable[[Json], None]:
    """Replaces the third value of a column."""

    def change(result: Json) -> None:
        result["indicators"]["quote"][0][name][2] = value

    return change


def place(value: Any, *path: Any) -> Callable[[Json], None]:
    def change(result: Json) -> None:
        node: Any = result
        for key in path[:-1]:
            node = node[key]
        node[path[-1]] = value

    return change


def cut(*path: Any) -> Callable[[Json], None]:
    def change(result: Json) -> None:
        node: Any = result
        for key in path[:-1]:
            node = node[key]
        del node[path[-1]]

    return change


FAILING = {
    "no timestamps": cut("timestamp"),
    "one timestamp too few": cut("timestamp", 3),
    "a text as timestamp": place("soon", "timestamp", 3),
    "an infinite timestamp": place(INFINITE, "timestamp", 3),
    "no indicators": cut("indicators"),
    "prices not in a list": place({}, "indicators", "quote"),
    "no closes": cut("indicators", "quote", 0, "close"),
    "a close too many": lambda result: result["indicators"]["quote"][0]["close"].append(1.0),
    "a text as close": column("close", "n/a"),
    "a list as close": column("close", [1.0]),
    "an infinite volume": column("volume", INFINITE),
    "no meta": cut("meta"),
    "a time zone on Mars": place("Mars/Olympus", "meta", "exchangeTimezoneName"),
}
# The symbol loses the impossible row or event, and no more.
READ = {
    "a timestamp beyond all calendars": place(10**17, "timestamp", 3),
    "an infinite close": column("close", INFINITE),
    "a close that is no number": column("close", MISSING),
    "a close of zero": column("close", 0),
    "a close below zero": column("close", -5.0),
    "infinite adjusted closes": lambda result: place(
        [INFINITE] * len(result["timestamp"]), "indicators", "adjclose", 0, "adjclose"
    )(result),
    "events in a list": place([], "events"),
    "a number as name": place(7, "meta", "longName"),
}
AT = int(datetime(2026, 2, 10, 14, 30, tzinfo=UTC).timestamp())
EVENTS = {
    "a split of 1:0": ("splits", {"date": AT, "numerator": 1, "denominator": 0}),
    "a split of 0:0": ("splits", {"date": AT, "numerator": 0, "denominator": 0}),
    "a split of text": ("splits", {"date": AT, "numerator": "two", "denominator": "one"}),
    "a split of nothing": ("splits", {"date": AT}),
    "a split of null": ("splits", None),
    "a huge split": ("splits", {"date": AT, "numerator": 10**400, "denominator": 1}),
    "a negative split": ("splits", {"date": AT, "numerator": -1, "denominator": 2}),
    "a dividend of null": ("dividends", {"date": AT, "amount": None}),
    "a dividend that is no number": ("dividends", {"date": AT, "amount": MISSING}),
    "a negative dividend": ("dividends", {"date": AT, "amount": -1.0}),
    "an infinite dividend": ("dividends", {"date": AT, "amount": INFINITE}),
    "a dividend without date": ("dividends", {"amount": 0.1}),
    "a dividend of the year 10000": ("dividends", {"date": 10**12, "amount": 0.1}),
    "an infinite capital gain": ("capitalGains", {"date": AT, "amount": INFINITE}),
}


class TestHistories:
    def test_that_cannot_be_read_fail_alone(self, yahoo: Yahoo) -> None:
        """Among the good ones, so that each is fetched beside others and has some after it."""
        failing = {f"FINE{at:02}.BAD": change for at, change in enumerate(FAILING.values())}
        for symbol, change in failing.items():
            yahoo.standin.book.add(Instrument(symbol=symbol, first_session=FIRST))
            track(symbol, now=NOW)
            poison(yahoo, symbol, change)

        done = run(SyncRun.Kind.HISTORICAL_SYNC)

        failed = TrackedSymbol.objects.exclude(last_error="").order_by("symbol")
        assert complete(yahoo) == list(GOOD)
        assert [row.symbol for row in failed] == sorted(failing)
        for row, name in zip(failed, FAILING, strict=True):
            assert row.symbol in row.last_error, name
            assert stored(row.symbol) == [], name
        assert done.failed == len(failing)

    def test_with_impossible_values_are_read_without_them(self, yahoo: Yahoo) -> None:
        for symbol, change in zip(GOOD, READ.values(), strict=False):
            poison(yahoo, symbol, change)

        done = run(SyncRun.Kind.HISTORICAL_SYNC)

        assert set(complete(yahoo)) >= set(GOOD[len(READ) :])
        for name, symbol in zip(READ, GOOD, strict=False):
            expected = expected_rows(yahoo.standin, symbol)
            assert len(stored(symbol)) >= len(expected) - 1, name
            assert set(stored(symbol)) <= set(expected), name
        assert done.failed == 0

    def test_with_an_impossible_event_keep_their_bars(self, yahoo: Yahoo) -> None:
        for symbol, (kind, event) in zip(GOOD, EVENTS.values(), strict=False):
            poison(yahoo, symbol, place({kind: {"1": event}}, "events"))

        run(SyncRun.Kind.HISTORICAL_SYNC)

        assert complete(yahoo) == list(GOOD)
        entries = Quarantine.objects.order_by("symbol")
        assert [(one.symbol, one.kind) for one in entries] == [
            (symbol, "event") for symbol in GOOD[: len(EVENTS)]
        ]
        assert all("impossible; it is skipped" in entry.reason for entry in entries)


QUOTES = {
    "no price": cut("regularMarketPrice"),
    "a price that is no number": place(MISSING, "regularMarketPrice"),
    "an infinite price": place(INFINITE, "regularMarketPrice"),
    "a huge price": place(10**400, "regularMarketPrice"),
    "a text as price": place("12.50", "regularMarketPrice"),
    "a price in a list": place([1.0], "regularMarketPrice"),
    "a price of zero": place(0, "regularMarketPrice"),
    "a price below zero": place(-3.0, "regularMarketPrice"),
    "no time": cut("regularMarketTime"),
    "a time beyond all calendars": place(10**17, "regularMarketTime"),
    "a time of next year": place(int(NOW.timestamp()) + 365 * 86_400, "regularMarketTime"),
    "a time zone on Mars": place("Mars/Olympus", "exchangeTimezoneName"),
    "no symbol": cut("symbol"),
    "a symbol that is none": place("not a symbol", "symbol"),
}


class TestOneQuoteOfThirty:
    @pytest.mark.parametrize("name", QUOTES)
    def test_that_is_impossible_is_left_out_alone(self, yahoo: Yahoo, name: str) -> None:
        yahoo.standin.mutate("POISON", QUOTES[name], kind="quote")

        run(SyncRun.Kind.LIVE_PRICE_UPDATE)

        assert set(services.quotes().all()) == set(GOOD)

    @pytest.mark.parametrize("field", ["regularMarketOpen", "regularMarketVolume"])
    def test_with_an_impossible_field_is_read_without_it(self, yahoo: Yahoo, field: str) -> None:
        yahoo.standin.mutate("POISON", place(MISSING, field), kind="quote")

        run(SyncRun.Kind.LIVE_PRICE_UPDATE)

        found = services.quotes().all()
        assert set(found) == {*GOOD, "POISON"}
        assert found["POISON"].day_bar() is None
