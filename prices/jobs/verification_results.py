"""What the latest verifications found, and which symbols still differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from prices.models import SyncRun, TrackedSymbol


@dataclass(frozen=True, slots=True)
class Verification:
    """The counts of the latest verification, and all symbols that differ and were not fixed."""

    finished_at: datetime
    checked: int
    differing: int
    fixed: int
    failed: int
    unfixed: tuple[str, ...]


def latest() -> Verification | None:
    """Returns None if no verification has ended yet."""
    run = _finished().first()
    if run is None or run.finished_at is None:
        return None
    left = len(run.differing)
    return Verification(
        finished_at=run.finished_at,
        checked=run.updated + run.unchanged + left,
        differing=run.updated + left,
        fixed=run.updated,
        failed=run.failed - left,
        unfixed=unfixed(),
    )


def unfixed() -> tuple[str, ...]:
    """Returns the tracked symbols whose last verification found that they differ, by name."""
    found: set[str] = set()
    for run in _finished().order_by("id"):
        # A run that stopped early says nothing about the symbols that it did not reach.
        if run.updated + run.unchanged + run.failed >= run.total:
            found -= set(run.symbols) - set(run.errors)
        found |= set(run.differing)
    tracked = TrackedSymbol.objects.filter(symbol__in=found).values_list("symbol", flat=True)
    return tuple(sorted(tracked))


def _finished() -> QuerySet[SyncRun]:
    return SyncRun.objects.filter(kind=SyncRun.Kind.VERIFY, finished_at__isnull=False)
