"""Publishing: merging an answer with what is stored, and storing what changes."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from prices.domain.answers import SAMPLE, Fetched, Refusal, Stored, session_of
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.coverage import DateRange, measure_coverage, merge_ranges, update_gaps
from prices.domain.decision import Change, Decision
from prices.domain.merge import merge
from prices.domain.quotes import Quote
from prices.domain.series import Facts, Manifest, mark_normalised
from prices.domain.sessions import Sessions
from prices.store.bars import BarRepository, StoredSeries
from prices.store.mongo import retry_on_conflict

# If sessions are unknown, a bar of this age is final.
_SETTLED_AFTER = timedelta(days=7)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Published:
    """The result of publishing an answer: bars written, and what was kept out and why.

    `is_kept` is True if a person decided that such an answer stays out.
    """

    change: Change
    bars: int = 0
    reason: str = ""
    refused: tuple[Refusal, ...] = ()
    is_kept: bool = False


def publish(
    bars: BarRepository,
    key: SeriesKey,
    fetched: Fetched,
    calendar: Sessions | None,
    *,
    now: datetime,
    stored: StoredSeries | None = None,
    run: int | None = None,
    trusted: bool = False,
    accepted: Collection[str] = (),
    quote: Quote | None = None,
) -> Published:
    """Merges and publishes. Starts again if another process changed the series meanwhile.

    `stored` saves a read if the caller has just read the whole series. `run` is recorded with
    corrections. `trusted`, `accepted` and `quote` are as in `merge`.
    :raises StoreError: other processes kept changing the series, or the store is away.
    """
    publication = _Publication(bars, key, fetched, calendar, now, run, trusted, accepted, quote)
    known = [stored] if stored else []
    return retry_on_conflict(
        lambda: publication.publish(known.pop() if known else bars.read(key)), key.symbol
    )


@dataclass(frozen=True, slots=True)
class _Publication:
    """One answer that is to be published."""

    bars: BarRepository
    key: SeriesKey
    fetched: Fetched
    calendar: Sessions | None
    now: datetime
    run: int | None
    trusted: bool
    accepted: Collection[str]
    quote: Quote | None

    def publish(self, stored: StoredSeries | None) -> Published:
        """:raises StoreConflict: another process has changed the series since it was read."""
        decision = merge(
            as_stored(stored),
            self.fetched,
            self.calendar,
            now=self.now,
            trusted=self.trusted,
            accepted=self.accepted,
            quote=self.quote,
        )
        refused = decision.refusals
        if decision.change in (Change.REFUSE, Change.WHOLE):
            return Published(decision.change, reason=decision.reason, refused=refused)
        written = self._write(stored, decision)
        return Published(decision.change, written, decision.reason, refused, decision.is_kept)

    def _write(self, stored: StoredSeries | None, decision: Decision) -> int:
        base = stored.manifest if stored else self.bars.manifest(self.key)
        old = stored.bars if stored else BarSeries.empty()
        before = base.facts if base else Facts()
        if decision.is_kept:
            return 0  # The provider has not confirmed what is stored.
        if decision.change is Change.NOTHING:
            late = before.fetched_at is not None and self.fetched.fetched_at < before.fetched_at
            if base is not None and stored is not None and not late:
                self._correct(base, self._facts(before, old, decision), decision)
            return 0
        after = old.merge(decision.bars) if decision.change is Change.APPEND else decision.bars
        facts = self._facts(before, after, decision)
        if decision.change is Change.APPEND and base and not (base.dirty or base.pending):
            if decision.corrections:
                # Only actions changed. They are published with their record before the new bars.
                base = self._correct(base, replace(before, actions=decision.actions), decision)
            self.bars.append(base, decision.bars, facts, now=self.now)
        else:
            self.bars.replace(
                self.key,
                base,
                after,
                facts,
                now=self.now,
                corrections=decision.corrections,
                run=self.run,
            )
        return len(decision.bars)

    def _correct(self, base: Manifest, facts: Facts, decision: Decision) -> Manifest:
        return self.bars.correct_facts(
            base, facts, decision.corrections, now=self.now, run=self.run
        )

    def _facts(self, before: Facts, after: BarSeries, decision: Decision) -> Facts:
        """Returns the facts once the answer is merged. `after` is the merged series."""
        now, fetched, calendar = self.now, self.fetched, self.calendar
        first, last = after.sessions[0].item(), after.sessions[-1].item()
        held = measure_coverage(after.sessions, calendar, DateRange(first, last + _DAY))
        settled = calendar.last_settled(now) if calendar else now.date() - _SETTLED_AFTER
        asked = DateRange(fetched.asked.start, min(fetched.asked.end, now.date() + _DAY))
        keeps_unit = before.source not in ("", SAMPLE) and not self.trusted
        currencies = (before.currency, fetched.currency)
        return Facts(
            actions=decision.actions,
            source=before.source if decision.change is Change.NOTHING else fetched.source,
            currency=next(filter(None, currencies if keeps_unit else currencies[::-1]), ""),
            fetched_at=fetched.fetched_at,
            final_through=min(settled, last) if settled else before.final_through,
            asked=merge_ranges([*before.asked, asked]),
            gaps=update_gaps(before.gaps, held.gaps, asked, self._gap_reasons(decision), now),
            by_hand=decision.by_hand,
            normalised=mark_normalised(
                before.normalised, after.sessions, decision.normalised, fetched.asked
            ),
            unconfirmed=decision.unconfirmed,
            kept=before.kept,
            held=decision.held,
            held_from=decision.held_from,
            provider_from=decision.provider_from,
        )

    def _gap_reasons(self, decision: Decision) -> dict[date, str]:
        """Returns why sessions of the answer are not stored, if it had something for them."""
        lacking = dict.fromkeys(self.fetched.lacking, "the provider has no usable close")
        held = dict.fromkeys(map(session_of, decision.held), "held back as suspicious")
        return {**lacking, **held}


def as_stored(stored: StoredSeries | None) -> Stored:
    """Returns what `merge` needs of a stored series, or of none."""
    if stored is None:
        return Stored(BarSeries.empty(), Facts().actions)
    facts = stored.manifest.facts
    return Stored(
        stored.bars,
        facts.actions,
        facts.source,
        facts.currency,
        facts.fetched_at,
        facts.final_through,
        facts.by_hand,
        facts.normalised,
        facts.kept,
        facts.held,
        facts.held_from,
        facts.provider_from,
    )
