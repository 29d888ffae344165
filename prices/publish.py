"""Publishing: an answer is merged with what is stored, and what changes is put into the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.coverage import coverage, retried
from prices.domain.merge import Change, Decision, Fetched, Stored, merge
from prices.domain.ranges import DateRange, merged
from prices.domain.sessions import Sessions
from prices.store.bars import BarRepository, StoredSeries
from prices.store.documents import Facts
from prices.store.mongo import StoreConflict, StoreError

_TRIES = 10
# Where sessions are not known, a bar this old is final.
_SETTLED_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Published:
    """What became of an answer: how many bars were written, or why none could be."""

    change: Change
    bars: int = 0
    reason: str = ""


def publish(
    bars: BarRepository,
    key: SeriesKey,
    fetched: Fetched,
    calendar: Sessions | None,
    *,
    now: datetime,
    stored: StoredSeries | None = None,
) -> Published:
    """Merges and publishes; begins anew when somebody else changed the series meanwhile.

    `stored` saves a read where the caller has just read the whole series.
    :raises StoreError: others kept changing it, or the store is away.
    """
    for _ in range(_TRIES):
        stored = stored or bars.read(key)
        decision = merge(_as_stored(stored), fetched, calendar, now=now)
        if decision.change in (Change.REFUSE, Change.WHOLE):
            return Published(decision.change, reason=decision.reason)
        try:
            written = _write(bars, key, stored, decision, fetched, calendar, now)
        except StoreConflict:
            stored = None
            continue
        return Published(decision.change, written, decision.reason)
    raise StoreError(f"Others kept changing {key}; it will be tried again.")


def _write(
    bars: BarRepository,
    key: SeriesKey,
    stored: StoredSeries | None,
    decision: Decision,
    fetched: Fetched,
    calendar: Sessions | None,
    now: datetime,
) -> int:
    base = stored.manifest if stored else bars.manifest(key)
    old = stored.bars if stored else BarSeries.empty()
    before = base.facts if base else Facts()
    if decision.change is Change.NOTHING:
        if base is not None and stored is not None:
            bars.note(base, _facts(before, old, decision, fetched, calendar, now))
        return 0
    after = old.merged(decision.bars) if decision.change is Change.APPEND else decision.bars
    facts = _facts(before, after, decision, fetched, calendar, now)
    if decision.change is Change.APPEND and base and not (base.dirty or base.pending):
        bars.append(base, decision.bars, facts, now=now)
    else:
        bars.replace(key, base, after, facts, now=now)
    return len(decision.bars)


def _facts(
    before: Facts,
    after: BarSeries,
    decision: Decision,
    fetched: Fetched,
    calendar: Sessions | None,
    now: datetime,
) -> Facts:
    """What the manifest says once an answer is merged; `after` is the series then."""
    first, last = after.sessions[0].item(), after.sessions[-1].item()
    held = coverage(after.sessions, calendar, DateRange(first, last + timedelta(days=1)))
    settled = calendar.last_settled(now) if calendar else now.date() - _SETTLED_AFTER
    asked = DateRange(fetched.asked.start, min(fetched.asked.end, now.date() + timedelta(days=1)))
    return Facts(
        actions=decision.actions,
        source=before.source if decision.change is Change.NOTHING else fetched.source,
        currency=fetched.currency or before.currency,
        fetched_at=max(filter(None, (before.fetched_at, fetched.fetched_at))),
        final_through=min(settled, last) if settled else before.final_through,
        asked=merged([*before.asked, asked]),
        gaps=retried(before.gaps, held.gaps, asked, "the provider has none", now),
    )


def _as_stored(stored: StoredSeries | None) -> Stored:
    if stored is None:
        return Stored(BarSeries.empty(), Facts().actions)
    facts = stored.manifest.facts
    return Stored(stored.bars, facts.actions, facts.source, facts.currency, facts.fetched_at)
