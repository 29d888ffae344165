"""Verifying stored histories: comparing them with the provider's, and publishing what differs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from random import SystemRandom
from typing import Any

from prices.domain.answers import SAMPLE, Fetched, Guard, Outcome, Result
from prices.domain.bars import SeriesKey
from prices.domain.sessions import sessions_of
from prices.domain.verification import Comparison, compare
from prices.models import TrackedSymbol
from prices.providers.base import ClockWrong, ProviderError
from prices.providers.limiter import LimitedProvider
from prices.store.bars import BarRepository, StoredSeries
from prices.store.locks import Busy, Leases, series_lock
from prices.store.manifests import Catalog
from prices.store.mongo import StoreError, StoreUnavailable
from prices.symbols.tracking import mic_of
from prices.sync.publish import Published, as_stored, publish


class Verdict(StrEnum):
    """The result of verifying one symbol."""

    AGREES = "agrees"
    FIXED = "fixed"
    DIFFERS = "differs"
    UNCHECKED = "unchecked"


_RESULTS = {
    Verdict.AGREES: Result.UNCHANGED,
    Verdict.FIXED: Result.UPDATED,
    Verdict.DIFFERS: Result.FAILED,
    Verdict.UNCHECKED: Result.FAILED,
}


@dataclass(frozen=True, slots=True)
class Verified:
    """One symbol's verdict and its outcome, whose `message` is for users."""

    verdict: Verdict
    outcome: Outcome


@dataclass(eq=False, kw_only=True)
class VerifyService:
    """Compares with the provider. `now` is the time that the work is done for."""

    bars: BarRepository
    catalog: Catalog
    limiter: LimitedProvider
    leases: Leases

    def verifiable(self) -> list[str]:
        """Returns the active symbols with a history of the provider, sorted."""
        active = TrackedSymbol.objects.filter(active=True).values_list("symbol", flat=True)
        held = {s for s, outline in self.catalog.all().items() if outline.source != SAMPLE}
        return sorted(held & set(active))

    def verify(
        self,
        symbols: Iterable[str],
        *,
        now: datetime,
        fix: bool = False,
        run: int | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Iterator[Verified]:
        """Fetches each symbol's whole history and compares it. Yields verdicts as they are ready.

        `fix` publishes what differs, unless the guards refuse it; `run` is recorded with the
        corrections. No symbol is begun once `stopped()` returns True.
        :raises StoreUnavailable, ClockWrong: MongoDB went away, or this machine's clock is wrong.
        """
        yield from self.limiter.in_parallel(
            lambda row: self._verify_one(row, now=now, fix=fix, run=run),
            TrackedSymbol.objects.filter(symbol__in=list(symbols)),
            stopped=stopped,
        )

    def _verify_one(
        self, row: TrackedSymbol, *, now: datetime, fix: bool, run: int | None
    ) -> Verified:
        try:
            with series_lock(self.leases, row.symbol):
                return self._verify_locked(row, now=now, fix=fix, run=run)
        except (StoreUnavailable, ClockWrong):
            raise
        except (ProviderError, StoreError, Busy) as error:
            return _verified(row.symbol, Verdict.UNCHECKED, f"not verified: {error}")

    def _verify_locked(
        self, row: TrackedSymbol, *, now: datetime, fix: bool, run: int | None
    ) -> Verified:
        symbol, key = row.symbol, SeriesKey(row.symbol)
        stored = self.bars.read(key)
        if stored is None:
            return _verified(symbol, Verdict.UNCHECKED, "not verified: it has no history yet")
        if stored.manifest.facts.source == SAMPLE:
            message = "not verified: it holds the sample, which the next sync replaces"
            return _verified(symbol, Verdict.UNCHECKED, message)
        fetched = self.limiter.history(symbol, _begin(stored), now=now, timezone=row.timezone)
        calendar = sessions_of(mic_of(fetched, row.mic))
        found = compare(as_stored(stored), fetched, calendar, now=now)
        if found.agrees and not (fix and stored.manifest.facts.by_hand):
            return _verified(symbol, Verdict.AGREES, str(found))
        if not fix:
            return _verified(symbol, Verdict.DIFFERS, str(found))
        # Also if all agrees: what the provider says about bars filled by hand is recorded.
        published = publish(self.bars, key, fetched, calendar, now=now, stored=stored, run=run)
        if found.agrees:
            return _verified(symbol, Verdict.AGREES, str(found))
        after = self.bars.read(key) or stored
        left = compare(as_stored(after), fetched, calendar, now=now)
        return _fixed(symbol, fetched, published, found, left)


def _begin(stored: StoredSeries) -> date:
    """Returns where all that was ever requested begins. What lies before is not claimed."""
    first: date = stored.bars.sessions[0].item()
    return min([first, *(held.start for held in stored.manifest.facts.asked)])


def _fixed(
    symbol: str, fetched: Fetched, published: Published, found: Comparison, left: Comparison
) -> Verified:
    """Returns the verdict on a fix after which, of the differences `found`, some are `left`."""
    # An impossible event was left out, which says nothing about the prices.
    refused = any(refusal.guard is not Guard.EVENT for refusal in published.refused)
    if refused or not left.agrees_but_for_lost:
        verdict, message = Verdict.DIFFERS, f"{found}. Not fixed: {published.reason or left}"
    elif left == found:
        verdict, message = Verdict.AGREES, f"{found} (kept, like all that is stored)"
    else:
        kept = f"; kept: {left}" if left.differences else ""
        verdict, message = Verdict.FIXED, f"{found}. Fixed{kept}"
    return _verified(
        *(symbol, verdict, message),
        bars=published.bars,
        answer=fetched,
        refused=published.refused,
    )


def _verified(symbol: str, verdict: Verdict, message: str, **details: Any) -> Verified:
    result = _RESULTS[verdict]
    error = message if result is Result.FAILED else ""
    return Verified(verdict, Outcome(symbol, result, error=error, message=message, **details))


def random_sample(symbols: Iterable[str], size: int) -> list[str]:
    """Returns a random sample of at most `size` symbols, sorted."""
    held = list(symbols)
    return sorted(SystemRandom().sample(held, min(size, len(held))))
