"""What the page of one symbol is made of, out of both databases in a fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np

from prices import services
from prices.domain.bars import BarSeries, SeriesKey, Times
from prices.domain.outcomes import Result
from prices.domain.series import Facts
from prices.models import Attempt, Quarantine, SymbolAlias, TrackedSymbol
from prices.reads.reader import SymbolReport, report
from prices.store.bars import StoredSeries
from prices.store.corrections import Recorded
from prices.store.mongo import StoreError

MOST_ATTEMPTS = 200
MOST_CORRECTIONS = 1_000


@dataclass(frozen=True, slots=True)
class SymbolData:
    """One symbol. `error` says why the store did not answer; then what it holds is not known.

    `attempts` are the latest, the newest first; `corrections` too.
    """

    row: TrackedSymbol
    now: datetime
    attempts: list[Attempt]
    quarantine: list[Quarantine]
    former: list[str]
    error: str = ""
    report: SymbolReport | None = None
    bars: BarSeries = field(default_factory=BarSeries.empty)
    facts: Facts = field(default_factory=Facts)
    corrections: list[Recorded] = field(default_factory=list)

    @property
    def has_history(self) -> bool:
        return len(self.bars) > 0

    def confirmed_at(self, sessions: Times) -> list[datetime | None]:
        """When the provider last answered for each session; None: longer ago than runs are kept."""
        answered = [a for a in self.attempts if a.since and a.result != Result.FAILED]
        # The newest answer that reaches back to a session is the first whose start is not after it.
        reach = np.minimum.accumulate(np.array([a.since for a in answered], "datetime64[D]"))
        at = np.searchsorted(-reach.astype("i8"), -sessions.astype("i8"))
        return [answered[n].at if n < len(answered) else None for n in at.tolist()]

    def corrected(self) -> dict[date, list[Recorded]]:
        """The corrections of each session, newest first."""
        found: dict[date, list[Recorded]] = {}
        for entry in self.corrections:
            found.setdefault(entry.correction.session, []).append(entry)
        return found


def data_of(row: TrackedSymbol, *, now: datetime) -> SymbolData:
    """Opens also when the store does not answer."""
    known = SymbolData(
        row,
        now,
        list(row.attempts.select_related("run").order_by("-id")[:MOST_ATTEMPTS]),
        list(Quarantine.objects.filter(symbol=row.symbol, resolved_at=None)),
        list(SymbolAlias.objects.filter(target=row).values_list("symbol", flat=True)),
    )
    try:
        return _with_store(known)
    except StoreError as error:
        return _without_store(known, str(error))


def _with_store(known: SymbolData) -> SymbolData:
    row, bars = known.row, services.bars()
    stored: StoredSeries | None = bars.read(SeriesKey(row.symbol))
    manifest = stored.manifest if stored else None
    return SymbolData(
        *(row, known.now, known.attempts, known.quarantine, known.former),
        report=report(row, manifest, services.provider_log().state(), known.now),
        bars=stored.bars if stored else BarSeries.empty(),
        facts=manifest.facts if manifest else Facts(),
        corrections=services.corrections().latest(row.symbol, limit=MOST_CORRECTIONS),
    )


def _without_store(known: SymbolData, error: str) -> SymbolData:
    return SymbolData(
        *(known.row, known.now, known.attempts, known.quarantine, known.former), error=error
    )
