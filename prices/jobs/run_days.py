"""How the syncs of the last days ended, day by day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.db.models import Count
from django.db.models.functions import TruncDate

from prices.jobs import runs
from prices.models import SyncRun

State = SyncRun.State
DAYS = 30


@dataclass(frozen=True, slots=True)
class RunDay:
    """The whole runs of histories that were begun on one day (UTC), by how they ended."""

    day: date
    good: int = 0
    partial: int = 0
    failed: int = 0
    other: int = 0

    @property
    def total(self) -> int:
        return self.good + self.partial + self.failed + self.other


def run_days(*, now: datetime, days: int = DAYS) -> tuple[RunDay, ...]:
    """The last days up to today, ascending, also those without runs. `other`: open or cancelled."""
    today = now.astimezone(UTC).date()
    first = today - timedelta(days=days - 1)
    begin = datetime(first.year, first.month, first.day, tzinfo=UTC)
    rows = (
        SyncRun.objects.filter(created_at__gte=begin, kind__in=runs.HISTORY_KINDS, parent=None)
        .order_by()
        .annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values_list("day", "state")
        .annotate(count=Count("id"))
    )
    found: Counter[tuple[date, str]] = Counter()
    for day, state, count in rows:
        found[day, state] += count
    listed = (first + timedelta(days=number) for number in range(days))
    return tuple(_day(day, found) for day in listed)


def _day(day: date, found: Counter[tuple[date, str]]) -> RunDay:
    told = {"good": State.SUCCEEDED, "partial": State.PARTIAL, "failed": State.FAILED}
    counts = {name: found[day, state] for name, state in told.items()}
    total = sum(found[day, state] for state in State.values)
    return RunDay(day, **counts, other=total - sum(counts.values()))
