"""Verdicts: what the verifications of late found, and which symbols still differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from prices.models import SyncRun, TrackedSymbol


@dataclass(frozen=True, slots=True)
class Verification:
    """The latest verification; `unfixed` are the symbols that any of them found and none fixed."""

    finished_at: datetime
    checked: int
    differing: int
    fixed: int
    failed: int
    unfixed: tuple[str, ...]


def latest() -> Verification | None:
    """None: none has come to its end yet."""
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
    """The tracked symbols whose last verdict was that they differ, by name."""
    found: set[str] = set()
    for run in _finished().order_by("id"):
        # A run that was given up says nothing of those that it did not come to.
        if run.updated + run.unchanged + run.failed >= run.total:
            found -= set(run.symbols) - set(run.errors)
        found |= set(run.differing)
    tracked = TrackedSymbol.objects.filter(symbol__in=found).values_list("symbol", flat=True)
    return tuple(sorted(tracked))


def _finished() -> QuerySet[SyncRun]:
    return SyncRun.objects.filter(kind=SyncRun.Kind.VERIFY, finished_at__isnull=False)
