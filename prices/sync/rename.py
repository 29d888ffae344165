"""Renaming: a symbol's history continues under its new name, and the former name leads to it."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction

from prices.domain.answers import SAMPLE, Stored
from prices.domain.bars import BarSeries, SeriesKey, parse_symbol
from prices.domain.coverage import merge_ranges
from prices.domain.joined_history import NotOneCompany, join_histories
from prices.domain.markets import market_of
from prices.domain.series import Facts, Manifest
from prices.models import Attempt, Quarantine, SymbolAlias, TrackedSymbol
from prices.store.bars import BarRepository, StoredSeries
from prices.store.corrections import CorrectionLog
from prices.store.locks import Leases, series_lock
from prices.store.mongo import retry_on_conflict
from prices.store.quotes import QuoteStore
from prices.symbols.tracking import CLEAN_RECORD, RESUMED, resolve_row
from prices.sync.publish import as_stored


class CannotRename(ValueError):
    """A rename that would mix up histories or makes no sense. The message is for users."""


@dataclass(frozen=True, slots=True)
class RenameResult:
    """The row under its new name, and its series.

    `was_done` is True if the symbol was renamed before, and the rename at most completed now.
    `joined` is True if both names had a history.
    """

    row: TrackedSymbol
    manifest: Manifest | None
    was_done: bool = False
    joined: bool = False


@dataclass(eq=False, kw_only=True)
class RenameService:
    """Renames symbols.

    A crash at any point is harmless, and a second call completes the rename:

    1. The history is published under the new name.
    2. One transaction moves the rows to the new name.
    3. What is left under the old name is deleted.
    """

    bars: BarRepository
    quotes: QuoteStore
    corrections: CorrectionLog
    leases: Leases

    def rename(self, old: str, new: str, *, now: datetime, adjoining: bool = False) -> RenameResult:
        """Gives `old` the name `new`.

        With `adjoining`, the provider keeps the histories of both names apart: what is stored
        under `old` stays, and the provider's history of `new` continues it.
        :raises CannotRename, InvalidSymbol, Busy: nothing was changed; the message is for users.
        """
        former, today = parse_symbol(old), parse_symbol(new)
        if former == today:
            raise CannotRename(f"{former} already has that name.")
        with series_lock(self.leases, former, today):
            row = TrackedSymbol.objects.filter(symbol=former).first()
            both = False
            if row is None:
                _check_is_done(former, today)
                if adjoining:
                    retry_on_conflict(lambda: self._expect_continuation(today), today)
            else:
                _check_is_free(today, row)
                both = retry_on_conflict(
                    lambda: self._publish(former, today, now, adjoining=adjoining), today
                )
                _move_rows(row, today, now)
            # Nobody reads what is left under the old name.
            self.corrections.rename(former, today)
            self.quotes.delete(former)
            self.bars.delete(SeriesKey(former), now=now)
        manifest = self.bars.manifest(SeriesKey(today))
        renamed = TrackedSymbol.objects.get(symbol=today)
        return RenameResult(renamed, manifest, was_done=row is None, joined=both)

    def _expect_continuation(self, today: str) -> None:
        """Lets the provider's history continue what is stored since an earlier rename."""
        stored = self.bars.read(SeriesKey(today))
        if stored is not None and stored.manifest.facts.provider_from is None:
            facts = _continued_by_provider(stored.bars, stored.manifest.facts)
            self.bars.update_facts(stored.manifest, facts)

    def _publish(self, former: str, today: str, now: datetime, *, adjoining: bool) -> bool:
        """Publishes the history under its new name as well.

        Returns whether both names had one. :raises StoreConflict: another process changed it.
        """
        tracked = TrackedSymbol.objects.filter(symbol=today).exists()
        key = SeriesKey(today)
        theirs, ours = self.bars.read(SeriesKey(former)), self.bars.read(key)
        if theirs is None:
            return False
        bars, facts = _join(theirs, ours, tracked=tracked, adjoining=adjoining)
        if ours is None or (ours.bars, ours.manifest.facts) != (bars, facts):
            base = ours.manifest if ours else self.bars.manifest(key)
            self.bars.replace(key, base, bars, facts, now=now)
        return tracked and ours is not None


def _check_is_done(former: str, today: str) -> None:
    """:raises CannotRename: `former` is not tracked, and was not renamed to `today` either."""
    row = resolve_row(former)
    if row is None:
        raise CannotRename(f"{former} is not tracked. Start with: manage.py track {today}")
    if row.symbol != today:
        raise CannotRename(
            f"{former} is a former name of {row.symbol}. Rename that, or free the name with: "
            f"manage.py untrack {former}"
        )


def _check_is_free(today: str, row: TrackedSymbol) -> None:
    """:raises CannotRename: the new name is a former name of another symbol."""
    alias = SymbolAlias.objects.filter(symbol=today).exclude(target=row).first()
    if alias is not None:
        raise CannotRename(
            f"{today} is a former name of {alias.target}. If another company has it now, free "
            f"it with: manage.py untrack {today}"
        )


def _join(
    theirs: StoredSeries, ours: StoredSeries | None, *, tracked: bool, adjoining: bool
) -> tuple[BarSeries, Facts]:
    """Returns the history for the new name, made of what both names have.

    A tracked series was kept up to date, so it takes precedence: one that is not tracked may be
    left over from an interrupted rename. The sample is never mixed with real prices.
    """
    if ours is None or ours.manifest.facts.source == SAMPLE:
        known = theirs.manifest.facts
        facts = _continued_by_provider(theirs.bars, known) if adjoining else known
        return theirs.bars, facts
    if theirs.manifest.facts.source == SAMPLE:
        return ours.bars, ours.manifest.facts
    main, other = (ours, theirs) if tracked else (theirs, ours)
    try:
        both = join_histories(as_stored(main), as_stored(other), adjoining=adjoining)
    except NotOneCompany as error:
        former, today = theirs.manifest.key.symbol, ours.manifest.key.symbol
        first = "" if tracked else f"manage.py track {today} --no-fetch, then "
        raise CannotRename(
            f"{today} has other prices than {former}: {error}. If one history continues the other, "
            f"join them: manage.py rename {former} {today} --join. To delete those of {today}: "
            f"{first}manage.py untrack {today} --delete, and rename again."
        ) from error
    facts = _join_facts(both, main, other)
    begins = max(main.bars.sessions[0].item(), other.bars.sessions[0].item())
    is_apart = not np.isin(main.bars.ts, other.bars.ts).any()
    return both.series, replace(facts, provider_from=begins) if is_apart else facts


def _continued_by_provider(bars: BarSeries, facts: Facts) -> Facts:
    """Returns the facts of bars that the provider does not have under the new name."""
    after: date = bars.sessions[-1].item() + timedelta(days=1)
    return replace(facts, provider_from=after)


def _join_facts(both: Stored, mine: StoredSeries, theirs: StoredSeries) -> Facts:
    main, other = mine.manifest.facts, theirs.manifest.facts
    gaps = {gap.session: gap for gap in (*other.gaps, *main.gaps)}
    held, own = set(both.series.sessions.tolist()), set(mine.bars.sessions.tolist())
    filled = (*main.by_hand, *(f for f in other.by_hand if f.session not in own))
    return replace(
        main,
        actions=both.actions,
        fetched_at=max(filter(None, (main.fetched_at, other.fetched_at)), default=None),
        asked=merge_ranges([*main.asked, *other.asked]),
        gaps=tuple(gaps[session] for session in sorted(gaps.keys() - held)),
        # The provider's values may be on another split basis. The next sync offers them again.
        by_hand=tuple(
            replace(f, offered=None, offered_at=None)
            for f in sorted(filled, key=lambda filled: filled.session)
        ),
    )


@transaction.atomic
def _move_rows(row: TrackedSymbol, today: str, now: datetime) -> None:
    """Moves all rows of a symbol to its new name, which may have a row already."""
    former = row.symbol
    SymbolAlias.objects.filter(symbol=today).delete()  # it had that name once before
    target = TrackedSymbol.objects.filter(symbol=today).first()
    if target is None:
        target = row
        changed = {"symbol": today, **_fields_after_rename(row, today)}
        if not TrackedSymbol.objects.filter(pk=row.pk).update(**changed):
            raise CannotRename(f"{former} was untracked meanwhile. Nothing was renamed.")
    else:
        TrackedSymbol.objects.filter(pk=target.pk).update(**_merged_fields(target, row))
        SymbolAlias.objects.filter(target=row).update(target=target)
        Attempt.objects.filter(symbol=row).update(symbol=target)
        target.tags.add(*row.tags.all())
        row.delete()
    SymbolAlias.objects.create(symbol=former, target=target, renamed_at=now)
    _move_quarantine(former, today, now)


def _fields_after_rename(row: TrackedSymbol, today: str) -> dict[str, Any]:
    """Returns a clean record, because failures of the old name say nothing about the new one.

    A symbol that was suspended by hand stays suspended.
    """
    fields = RESUMED if row.active or row.suspended_reason else CLEAN_RECORD
    market = market_of(today)
    name = market.name if market else ""
    if name == row.market:
        return fields
    return {**fields, "market": name, "mic": (market.mic or "") if market else ""}


def _merged_fields(target: TrackedSymbol, row: TrackedSymbol) -> dict[str, Any]:
    """Returns what the existing row takes over from the one that is deleted."""
    queried = filter(None, (target.last_queried_at, row.last_queried_at))
    kept = ("currency", "timezone", "name", "instrument_type", "last_update")
    return {
        "added_at": min(target.added_at, row.added_at),
        "last_queried_at": max(queried, default=None),
        **{field: getattr(target, field) or getattr(row, field) for field in kept},
    }


def _move_quarantine(former: str, today: str, now: datetime) -> None:
    """Keeps at most one open entry a symbol and kind: the new name's own, if it has one."""
    open_ones = Quarantine.objects.filter(resolved_at=None)
    kinds = open_ones.filter(symbol=today).values_list("kind", flat=True)
    open_ones.filter(symbol=former, kind__in=list(kinds)).update(
        resolved_at=now, resolution=Quarantine.Resolution.SUPERSEDED
    )
    Quarantine.objects.filter(symbol=former).update(symbol=today)
