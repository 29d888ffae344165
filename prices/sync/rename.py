"""Renaming: a symbol's history goes on under its new name, and the former one leads there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction

from prices.domain.answers import SAMPLE, Stored
from prices.domain.bars import BarSeries, SeriesKey, checked_symbol
from prices.domain.joined_history import NotOneCompany, joined
from prices.domain.markets import market_of
from prices.domain.ranges import merged
from prices.domain.series import Facts, Manifest
from prices.models import Attempt, Quarantine, SymbolAlias, TrackedSymbol
from prices.store.bars import BarRepository, StoredSeries
from prices.store.corrections import CorrectionLog
from prices.store.locks import Leases, series_lock
from prices.store.mongo import StoreConflict, StoreError
from prices.store.quotes import QuoteStore
from prices.symbols.tracking import CLEAN_RECORD, RESUMED, resolve_row
from prices.sync.publish import as_stored

_TRIES = 10


class CannotRename(ValueError):
    """A rename that would mix up histories or makes no sense; the message is for users."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """What a rename left: the row under its new name and its series.

    `before`: it was done already, and at most finished now. `joined`: both names had a history.
    """

    row: TrackedSymbol
    manifest: Manifest | None
    before: bool = False
    joined: bool = False


class RenameService:
    """Renames symbols.

    The order makes a crash at any point harmless, and a second call completes what the first
    left: the history is published under the new name; one transaction hands over all that SQLite
    keeps; only then goes what is left under the old name.
    """

    def __init__(
        self,
        *,
        bars: BarRepository,
        quotes: QuoteStore,
        corrections: CorrectionLog,
        leases: Leases,
    ) -> None:
        self._bars = bars
        self._quotes = quotes
        self._corrections = corrections
        self._leases = leases

    def rename(self, old: str, new: str, *, now: datetime) -> Renamed:
        """Gives `old` the name `new`.

        :raises CannotRename, InvalidSymbol, Busy: with a sentence for users; nothing was changed.
        """
        former, today = checked_symbol(old), checked_symbol(new)
        if former == today:
            raise CannotRename(f"{former} is the same name before and after.")
        with series_lock(self._leases, former, today):
            row = TrackedSymbol.objects.filter(symbol=former).first()
            both = False
            if row is None:
                _check_is_done(former, today)
            else:
                _check_is_free(today, row)
                both = self._publish(former, today, now)
                _hand_over(row, today, now)
            self._clear(former, today, now)
        manifest = self._bars.manifest(SeriesKey(today))
        renamed = TrackedSymbol.objects.get(symbol=today)
        return Renamed(renamed, manifest, before=row is None, joined=both)

    def _publish(self, former: str, today: str, now: datetime) -> bool:
        """Puts the history under its new name as well; whether there was one under both."""
        tracked = TrackedSymbol.objects.filter(symbol=today).exists()
        key = SeriesKey(today)
        for _ in range(_TRIES):
            theirs, ours = self._bars.read(SeriesKey(former)), self._bars.read(key)
            if theirs is None:
                return False
            base = ours.manifest if ours else self._bars.manifest(key)
            bars, facts = _united(theirs, ours, tracked=tracked)
            if ours is None or (ours.bars, ours.manifest.facts) != (bars, facts):
                try:
                    self._bars.replace(key, base, bars, facts, now=now)
                except StoreConflict:
                    continue
            return tracked and ours is not None
        raise StoreError(f"Others kept changing {today}; try again.")

    def _clear(self, former: str, today: str, now: datetime) -> None:
        """Takes away what is left under the old name: nobody reads it any more."""
        self._corrections.rename(former, today)
        self._quotes.delete(former)
        self._bars.delete(SeriesKey(former), now=now)


def _check_is_done(former: str, today: str) -> None:
    """:raises CannotRename: `former` is not tracked, unless because it bears the new name already."""
    row = resolve_row(former)
    if row is None:
        raise CannotRename(f"{former} is not tracked. Start with: manage.py track {today}")
    if row.symbol != today:
        raise CannotRename(
            f"{former} is a former name of {row.symbol}: rename that, or free the name with: "
            f"manage.py untrack {former}"
        )


def _check_is_free(today: str, row: TrackedSymbol) -> None:
    """:raises CannotRename: the new name is a former name of another symbol."""
    alias = SymbolAlias.objects.filter(symbol=today).exclude(target=row).first()
    if alias is not None:
        raise CannotRename(
            f"{today} is a former name of {alias.target}. If another company bears it now, free "
            f"it with: manage.py untrack {today}"
        )


def _united(
    theirs: StoredSeries, ours: StoredSeries | None, *, tracked: bool
) -> tuple[BarSeries, Facts]:
    """The history for the new name, of what both names have.

    What is tracked was kept up to date, so it goes first: a series that nobody tracks may be what
    a rename left that was broken off. The sample never mixes with real prices.
    """
    if ours is None or ours.manifest.facts.source == SAMPLE:
        return theirs.bars, theirs.manifest.facts
    if theirs.manifest.facts.source == SAMPLE:
        return ours.bars, ours.manifest.facts
    main, other = (ours, theirs) if tracked else (theirs, ours)
    try:
        both = joined(as_stored(main), as_stored(other))
    except NotOneCompany as error:
        former, today = theirs.manifest.key.symbol, ours.manifest.key.symbol
        first = "" if tracked else f"manage.py track {today} --no-fetch, then "
        raise CannotRename(
            f"{today} has prices that are not those of {former}: {error}. If they may go: {first}"
            f"manage.py untrack {today} --delete, and rename again."
        ) from error
    return both.series, _united_facts(both, main, other)


def _united_facts(both: Stored, mine: StoredSeries, theirs: StoredSeries) -> Facts:
    main, other = mine.manifest.facts, theirs.manifest.facts
    gaps = {gap.session: gap for gap in (*other.gaps, *main.gaps)}
    held, own = set(both.series.sessions.tolist()), set(mine.bars.sessions.tolist())
    filled = (*main.by_hand, *(f for f in other.by_hand if f.session not in own))
    return replace(
        main,
        actions=both.actions,
        fetched_at=max(filter(None, (main.fetched_at, other.fetched_at)), default=None),
        asked=merged([*main.asked, *other.asked]),
        gaps=tuple(gaps[session] for session in sorted(gaps.keys() - held)),
        # What the provider said of them may have been on another split basis; it will say it again.
        by_hand=tuple(
            replace(f, offered=None, offered_at=None)
            for f in sorted(filled, key=lambda filled: filled.session)
        ),
    )


@transaction.atomic
def _hand_over(row: TrackedSymbol, today: str, now: datetime) -> None:
    """All that SQLite keeps of a symbol goes to its new name, whose row there may be already."""
    former = row.symbol
    SymbolAlias.objects.filter(symbol=today).delete()  # it was called that once before
    target = TrackedSymbol.objects.filter(symbol=today).first()
    if target is None:
        target = row
        changed = {"symbol": today, **_anew(row, today)}
        if not TrackedSymbol.objects.filter(pk=row.pk).update(**changed):
            raise CannotRename(f"{former} was untracked meanwhile.")
    else:
        TrackedSymbol.objects.filter(pk=target.pk).update(**_inherited(target, row))
        SymbolAlias.objects.filter(target=row).update(target=target)
        Attempt.objects.filter(symbol=row).update(symbol=target)
        target.tags.add(*row.tags.all())
        row.delete()
    SymbolAlias.objects.create(symbol=former, target=target, renamed_at=now)
    _hand_over_quarantine(former, today, now)


def _anew(row: TrackedSymbol, today: str) -> dict[str, Any]:
    """A clean start: what the provider said of the old name tells nothing of the new one.

    Who was suspended by hand stays so.
    """
    fields = RESUMED if row.active or row.suspended_reason else CLEAN_RECORD
    market = market_of(today)
    name = market.name if market else ""
    if name == row.market:
        return fields
    return {**fields, "market": name, "mic": (market.mic or "") if market else ""}


def _inherited(target: TrackedSymbol, row: TrackedSymbol) -> dict[str, Any]:
    """What a row that is there already takes over from the one that goes."""
    queried = filter(None, (target.last_queried_at, row.last_queried_at))
    told = ("currency", "timezone", "name", "instrument_type", "last_update")
    return {
        "added_at": min(target.added_at, row.added_at),
        "last_queried_at": max(queried, default=None),
        **{field: getattr(target, field) or getattr(row, field) for field in told},
    }


def _hand_over_quarantine(former: str, today: str, now: datetime) -> None:
    """At most one is open a symbol and kind: the new name's own goes on."""
    open_ones = Quarantine.objects.filter(resolved_at=None)
    kinds = open_ones.filter(symbol=today).values_list("kind", flat=True)
    open_ones.filter(symbol=former, kind__in=list(kinds)).update(
        resolved_at=now, resolution=Quarantine.Resolution.SUPERSEDED
    )
    Quarantine.objects.filter(symbol=former).update(symbol=today)
