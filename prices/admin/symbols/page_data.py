"""Loads what the page of one symbol shows, from both databases in a fixed number of queries."""

from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from prices import services
from prices.domain.answers import Result
from prices.domain.bars import BarSeries, SeriesKey, Times
from prices.domain.series import Facts
from prices.models import Attempt, Quarantine, SymbolAlias, TrackedSymbol
from prices.reads.reader import SymbolReport, report
from prices.store.corrections import Recorded
from prices.store.mongo import StoreError

MAX_ATTEMPTS = 200
MAX_CORRECTIONS = 1_000


@dataclass(frozen=True, slots=True)
class SymbolData:
    """One symbol; attempts and corrections are sorted newest first.

    `error` says why the store did not answer; then the fields below it are empty.
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

    def confirmed_at(self, sessions: Times) -> list[datetime | None]:
        """Returns when the provider last answered for each session.

        None means that this was before the oldest attempt that is kept.
        """
        answered = [a for a in self.attempts if a.since and a.result != Result.FAILED]
        # The newest answer that covers a session is the first whose start is not after it.
        reach = np.minimum.accumulate(np.array([a.since for a in answered], "datetime64[D]"))
        at = np.searchsorted(-reach.astype("i8"), -sessions.astype("i8"))
        return [answered[n].at if n < len(answered) else None for n in at.tolist()]


def load_symbol(row: TrackedSymbol, *, now: datetime) -> SymbolData:
    """Loads a symbol; if the store does not answer, what SQLite knows of it."""
    data = SymbolData(
        row,
        now,
        list(row.attempts.select_related("run").order_by("-id")[:MAX_ATTEMPTS]),
        list(Quarantine.objects.filter(symbol=row.symbol, resolved_at=None)),
        list(SymbolAlias.objects.filter(target=row).values_list("symbol", flat=True)),
    )
    try:
        stored = services.bars().read(SeriesKey(row.symbol))
        manifest = stored.manifest if stored else None
        return replace(
            data,
            report=report(row, manifest, services.provider_log().state(), now),
            bars=stored.bars if stored else BarSeries.empty(),
            facts=manifest.facts if manifest else Facts(),
            corrections=services.corrections().latest(row.symbol, limit=MAX_CORRECTIONS),
        )
    except StoreError as error:
        return replace(data, error=str(error))
