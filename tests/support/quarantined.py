"""Answers with parts that end in quarantine, and the runs that fetch them."""

from datetime import date
from typing import Any

from prices.domain.actions import Actions
from prices.domain.sessions import sessions_of
from prices.jobs import execution, runs
from prices.models import SyncRun
from tests.support.builders import NOW, published, tracked
from tests.support.fakes import FakeProvider

Rows = list[tuple[Any, ...]]


def sixty() -> Rows:
    """Returns sixty sessions of XNYS up to 2026-06-08, whose closes move by one per cent."""
    calendar = sessions_of("XNYS")
    assert calendar is not None
    days = [calendar.shift(date(2026, 6, 8), -back) for back in range(59, -1, -1)]
    closes = [100.0 + at % 2 for at in range(60)]
    return [
        (day, close, close + 1, close - 1, close, 1_000)
        for day, close in zip(days, closes, strict=True)
    ]


def times(rows: Rows, factor: float, *positions: int) -> Rows:
    """Returns the rows with the prices at some positions multiplied."""
    changed = list(rows)
    for at in positions:
        session, *prices, volume = rows[at]
        changed[at] = (session, *(price * factor for price in prices), volume)
    return changed


def stored_sixty(provider: FakeProvider, **facts: Any) -> Rows:
    """Stores the sixty sessions of ACME, and lets the provider answer the same."""
    rows = sixty()
    tracked()
    known: dict[str, Any] = {"actions": Actions(), "final_through": rows[-3][0]}
    published(rows=rows, **{**known, **facts})
    provider.histories["ACME"] = rows
    return rows


def run_sync(*, whole: bool = True, **options: Any) -> SyncRun:
    """Fetches ACME as a job does, by default its whole history."""
    kind = SyncRun.Kind.BACKFILL if whole else SyncRun.Kind.HISTORICAL_SYNC
    wanted = {"whole": True, **options} if whole else options
    run = runs.begin(kind, trigger="test", symbols=["ACME"], options=wanted, now=NOW)
    return work(run)


def work(run: SyncRun) -> SyncRun:
    execution.work_on(run)
    run.refresh_from_db()
    return run
