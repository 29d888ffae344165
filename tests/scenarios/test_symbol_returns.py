"""A symbol that Yahoo loses and finds again, through the jobs and the real yfinance."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from prices import services
from prices.domain.coverage import RequestedRange
from prices.jobs import execution, runs, tasks
from prices.models import SyncRun, TrackedSymbol
from prices.store.mongo import Db
from prices.symbols.tracking import track
from tests.standin import Instrument
from tests.support.against_yahoo import Yahoo, expected_rows, running_yahoo
from tests.support.syncing import stored

pytestmark = pytest.mark.django_db

FIRST = date(2026, 1, 2)
# The evening of a Monday, and the hours of the days that follow.
MONDAY = datetime(2026, 3, 2, 23, tzinfo=UTC)
DAY = timedelta(days=1)
WENT = "Yahoo says of LAZARUS: No data found, symbol may be delisted"


class Life:
    """The system's clock, and a symbol that comes and goes."""

    def __init__(self, yahoo: Yahoo) -> None:
        self.yahoo = yahoo
        self.now = MONDAY
        for symbol in ("STEADY", "LAZARUS"):
            yahoo.standin.book.add(Instrument(symbol=symbol, first_session=FIRST))

    def at(self, now: datetime) -> None:
        self.now = now
        self.yahoo.standin.set_clock(now)

    def sync(self, *symbols: str) -> None:
        kind = SyncRun.Kind.HISTORICAL_SYNC
        execution.work_on(runs.begin(kind, trigger="test", now=self.now, symbols=symbols))

    def vanishes(self) -> None:
        del self.yahoo.standin.book.instruments["LAZARUS"]
        self.yahoo.standin.book._tapes.pop("LAZARUS")

    def returns(self) -> None:
        self.yahoo.standin.book.add(Instrument(symbol="LAZARUS", first_session=FIRST))

    @property
    def row(self) -> TrackedSymbol:
        return TrackedSymbol.objects.get(symbol="LAZARUS")

    @property
    def is_exact(self) -> bool:
        return stored("LAZARUS") == expected_rows(self.yahoo.standin, "LAZARUS")


@pytest.fixture(scope="module")
def _yahoo() -> Iterator[Yahoo]:
    with running_yahoo(symbols=1) as running:
        yield running


@pytest.fixture
def life(_yahoo: Yahoo, store: Db, monkeypatch: pytest.MonkeyPatch) -> Life:
    life = Life(_yahoo.wired(monkeypatch))
    monkeypatch.setattr("django.utils.timezone.now", lambda: life.now)
    life.at(MONDAY)
    for symbol in ("STEADY", "LAZARUS"):
        track(symbol, now=MONDAY)
    life.sync()
    assert life.is_exact
    return life


@pytest.fixture
def suspended(life: Life) -> Life:
    """On Thursday evening, when Yahoo has not known it since Tuesday."""
    before = stored("LAZARUS")
    life.vanishes()
    for days in (1, 2, 3):
        life.at(MONDAY + days * DAY)
        life.sync()
    assert stored("LAZARUS") == before
    return life


class TestSuspension:
    def test_comes_on_the_second_day_and_is_shown_to_readers(self, suspended: Life) -> None:
        row = suspended.row
        read = services.reader().history("LAZARUS", RequestedRange(days=5), now=suspended.now)

        assert (row.active, row.missing_since) == (False, date(2026, 3, 3))
        assert row.suspended_reason == f"{WENT}, first on 2026-03-03, again on 2026-03-04"
        assert read.stale_reason == (
            f"symbol suspended ({row.suspended_reason}), last bar 2026-03-02"
        )
        assert len(read.bars) > 0

    def test_costs_no_more_requests(self, suspended: Life) -> None:
        suspended.at(MONDAY + 4 * DAY)
        suspended.yahoo.standin.clear_log()

        suspended.sync()

        assert [entry["symbols"] for entry in suspended.yahoo.standin.log] == [["STEADY"]]


class TestReturn:
    def test_comes_by_itself_with_a_quote(self, suspended: Life) -> None:
        suspended.returns()
        friday_noon = datetime(2026, 3, 6, 17, tzinfo=UTC)
        suspended.at(friday_noon)
        suspended.yahoo.standin.clear_log()

        tasks.live_price_update()
        quotes = [e["symbols"] for e in suspended.yahoo.standin.log if e["kind"] == "quote"]
        resumed = suspended.row
        suspended.sync()

        assert quotes == [["STEADY", "LAZARUS"]]
        assert (resumed.active, resumed.suspended_reason) == (True, "")
        assert suspended.is_exact

    def test_comes_by_hand(self, suspended: Life) -> None:
        suspended.returns()

        suspended.sync("LAZARUS")

        assert (suspended.row.active, suspended.row.last_error) == (True, "")
        assert suspended.is_exact

    def test_does_not_come_in_vain(self, suspended: Life) -> None:
        suspended.sync("LAZARUS")
        suspended.at(datetime(2026, 3, 6, 17, tzinfo=UTC))
        tasks.live_price_update()

        assert suspended.row.active is False
        assert suspended.row.last_error == WENT
