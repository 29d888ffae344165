"""What 500 symbols cost in a cycle, of which 25 are dead and ten have permanent gaps."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from prices import services
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.coverage import Gap
from prices.domain.series import Facts
from prices.jobs import execution, runs, tasks
from prices.models import SyncRun, TrackedSymbol
from prices.store.mongo import Db
from tests.standin import Instrument
from tests.support.against_yahoo import Yahoo, expected_rows, running_yahoo
from tests.support.jobs import run_queue
from tests.support.syncing import stored

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(600)]

NEW_YORK = [f"NY{number:03}" for number in range(240)]
LONDON = [f"LO{number:03}.L" for number in range(225)]
GAPS = [f"GAP{number:02}" for number in range(10)]
DEAD = [f"DEAD{number:02}" for number in range(25)]
LIVE = {*NEW_YORK, *LONDON, *GAPS}
FIRST, HOLE = date(2026, 1, 2), date(2026, 2, 10)
THURSDAY = datetime(2026, 3, 5, 12, tzinfo=UTC)
# London has closed at 16:30 and was read, New York has not.
FRIDAY = datetime(2026, 3, 6, 18, 30, tzinfo=UTC)
# Cycles every three hours, of which these have something to read: New York has closed, London has
# settled; New York has settled. On Monday at 18:00 it would be London's turn again.
MAIN, SETTLED = datetime(2026, 3, 6, 21, tzinfo=UTC), datetime(2026, 3, 7, 3, tzinfo=UTC)
MONDAY = datetime(2026, 3, 9, 15, tzinfo=UTC)


@dataclass
class Symbols:
    """The system's clock and the stand-in's, which are one."""

    yahoo: Yahoo
    now: datetime = THURSDAY

    def at(self, now: datetime) -> None:
        self.now = now
        self.yahoo.standin.set_clock(now)
        self.yahoo.standin.clear_log()

    def cycle(self, now: datetime) -> Counter[str]:
        """How many requests each symbol cost; those for no symbol are under ""."""
        self.at(now)
        tasks.historical_sync()
        run_queue()
        return Counter((entry["symbols"] or [""])[0] for entry in self.yahoo.standin.log)

    def fill(self) -> None:
        """As the syncs until Friday evening left it."""
        self.at(FRIDAY)
        for symbol in LIVE:
            rows: list[Any] = expected_rows(self.yahoo.standin, symbol)
            gaps: tuple[Gap, ...] = ()
            if symbol in GAPS:
                self.yahoo.standin.mutate(symbol, "null_bar", session=HOLE.isoformat())
                rows = [row for row in rows if row[0] != HOLE]
                gaps = (Gap(HOLE, 1, FRIDAY, "the provider has none"),)
            facts = Facts(
                source="yahoo",
                currency="GBp" if symbol in LONDON else "USD",
                fetched_at=FRIDAY,
                final_through=date(2026, 3, 4) if symbol in LONDON else date(2026, 3, 3),
                gaps=gaps,
            )
            series = BarSeries.from_rows(rows)
            services.bars().replace(SeriesKey(symbol), None, series, facts, now=FRIDAY)
        TrackedSymbol.objects.bulk_create(
            TrackedSymbol(
                symbol=symbol,
                mic="XLON" if symbol in LONDON else "XNYS",
                timezone="Europe/London" if symbol in LONDON else "America/New_York",
                last_update=FRIDAY,
                last_attempt_at=FRIDAY,
                last_queried_at=FRIDAY,
            )
            for symbol in LIVE
        )


@pytest.fixture(scope="module")
def _yahoo() -> Iterator[Yahoo]:
    with running_yahoo(symbols=1) as running:
        for symbol in LIVE:
            traded = Instrument(symbol=symbol, first_session=FIRST)
            if symbol in LONDON:
                traded = replace(
                    traded,
                    calendar="XLON",
                    exchange_name="LSE",
                    currency="GBp",
                    timezone="Europe/London",
                )
            running.standin.book.add(traded)
        running.history("AAPL", FIRST)  # cookie and crumb
        yield running


@pytest.fixture
def symbols(_yahoo: Yahoo, store: Db, monkeypatch: pytest.MonkeyPatch) -> Symbols:
    symbols = Symbols(_yahoo.wired(monkeypatch))
    monkeypatch.setattr("django.utils.timezone.now", lambda: symbols.now)
    return symbols


class TestSteadyState:
    def test_costs_next_to_nothing_for_the_dead(self, symbols: Symbols) -> None:
        symbols.at(THURSDAY)
        for symbol in DEAD:
            TrackedSymbol.objects.create(symbol=symbol, mic="XNYS", last_queried_at=THURSDAY)
        first = runs.begin(SyncRun.Kind.HISTORICAL_SYNC, trigger="test", now=THURSDAY, symbols=DEAD)
        execution.work_on(first, share=False)
        assert TrackedSymbol.objects.filter(missing_since=date(2026, 3, 5)).count() == 25
        symbols.fill()
        cycles, now = {}, MAIN
        while now <= MONDAY:
            cycles[now] = symbols.cycle(now)
            now += timedelta(hours=3)

        for now, asked in cycles.items():
            read = LIVE if now == MAIN else {*NEW_YORK, *GAPS} if now == SETTLED else set()
            assert {symbol: asked.pop(symbol, 0) for symbol in LIVE} == {
                symbol: int(symbol in read) for symbol in LIVE
            }, now
            # What is left are the dead, and the cookies and crumbs that they cost.
            assert asked.total() <= 0.02 * (asked.total() + len(read)), now
        # Half a percent of 475, and of 250.
        dead = {now: len([s for s in asked if s]) for now, asked in cycles.items()}
        assert {now: count for now, count in dead.items() if count} == {MAIN: 2, SETTLED: 1}
        suspended = TrackedSymbol.objects.filter(active=False)
        assert suspended.count() == 3
        for row in suspended:
            assert row.suspended_reason == (
                f"Yahoo says of {row.symbol}: No data found, symbol may be delisted, first on "
                f"2026-03-05, again on {row.last_attempt_at:%Y-%m-%d}"
            )
        for symbol in (*NEW_YORK, *LONDON):
            assert stored(symbol) == expected_rows(symbols.yahoo.standin, symbol), symbol
