"""Every way to request a run. A request is queued for the cluster, or begun right here."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError
from django.utils.module_loading import import_string

from prices import services
from prices.domain.markets import resolve
from prices.domain.sessions import sessions_of
from prices.jobs import runs
from prices.models import SyncRun, TrackedSymbol
from prices.symbols import health, tracking
from prices.symbols.tracking import check_user_quota

logger = logging.getLogger(__name__)

Kind = SyncRun.Kind


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run that is not recorded yet. `trigger` says who or what requests it.

    `options` are stored with the run as JSON. Earlier versions queued runs with the same keys.
    """

    kind: SyncRun.Kind
    trigger: str
    symbols: list[str] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def queue(self) -> SyncRun:
        """Queues the run for the cluster."""
        return runs.queue(**asdict(self))

    def begin(self, *, now: datetime) -> SyncRun:
        """Begins the run, which the caller works on right away."""
        return runs.begin(**asdict(self), now=now)


def sync(symbols: Iterable[str] = (), *, trigger: str) -> RunRequest:
    """Syncs histories. Without symbols the run takes all that are due."""
    return RunRequest(Kind.HISTORICAL_SYNC, trigger, list(symbols))


def backfill(symbols: Iterable[str], *, trigger: str, start: date | None = None) -> RunRequest:
    """Fetches whole histories, or histories from `start` on."""
    return RunRequest(Kind.BACKFILL, trigger, _at_least_one(symbols), _whole(start))


def backfill_all(*, trigger: str, start: date | None = None) -> RunRequest:
    """Fetches the histories of all symbols that are active when the run begins."""
    return RunRequest(Kind.BACKFILL, trigger, options=_whole(start))


def release(
    symbols: Iterable[str], *, trigger: str, accepted: Mapping[str, list[str]] | None = None
) -> RunRequest:
    """Fetches whole histories and stores them even if the guards would refuse them.

    Of the symbols in `accepted` only the differences with these keys are exempt from the guards.
    """
    options = {**_whole(), "trusted": True} | ({"accepted": dict(accepted)} if accepted else {})
    return RunRequest(Kind.BACKFILL, trigger, _at_least_one(symbols), options)


def verify(symbols: Iterable[str], *, trigger: str, fix: bool = False) -> RunRequest:
    """Compares stored histories with the provider's. `fix` publishes what differs."""
    return RunRequest(Kind.VERIFY, trigger, list(symbols), {"fix": True} if fix else {})


def refresh(symbols: Iterable[str] = (), *, trigger: str) -> RunRequest:
    """Renews quotes whether markets are open or not. Without symbols the run takes all."""
    symbols = list(symbols)
    return RunRequest(Kind.LIVE_PRICE_UPDATE, trigger, symbols, {} if symbols else {"all": True})


def try_now(*, trigger: str) -> RunRequest:
    """Syncs what is due, however long the provider or a symbol has failed.

    A limit that the provider has set stays in force. :raises StoreError:
    """
    forget_failures()
    return sync(trigger=trigger)


def forget_failures() -> None:
    """Closes the circuit breakers, and lets symbols that failed be tried again at once.

    :raises StoreError:
    """
    services.provider_log().try_now(health.latest_answered())
    health.clear_waits()


def sync_after_declaration(
    mic: str, days: Iterable[date], *, trigger: str, now: datetime
) -> SyncRun | None:
    """Queues a sync of the symbols whose gaps or bars on days of an exchange may change.

    The sync rewrites their gaps by the calendar as it is now. Returns None if there are none.
    :raises StoreError:
    """
    wanted, calendar = set(days), sessions_of(mic)
    closed = calendar.last_closed(now) if calendar else None
    expected = {day for day in wanted if calendar and closed and day <= closed}
    expected = {day for day in expected if calendar and calendar.is_session(day)}
    rows = TrackedSymbol.objects.filter(active=True, mic=mic).values_list("symbol", flat=True)
    manifests = services.bars().manifests(list(rows), ledgers=False)
    symbols = [
        key.symbol
        for key, manifest in manifests.items()
        if wanted & {gap.session for gap in manifest.facts.gaps}
        or any(manifest.first and manifest.first.date() <= day for day in expected)
    ]
    return sync(sorted(symbols), trigger=trigger).queue() if symbols else None


def _whole(start: date | None = None) -> dict[str, Any]:
    return {"whole": True} | ({"start": start.isoformat()} if start else {})


def _at_least_one(symbols: Iterable[str]) -> list[str]:
    """:raises ValueError: there is none, and a run without symbols would take all of them."""
    symbols = list(symbols)
    if not symbols:
        raise ValueError("Name at least one symbol.")
    return symbols


@dataclass(slots=True)
class Onboarding:
    """Symbols that are tracked for as long as a portfolio needs them, in three steps.

    `prepare` checks them. `queue` belongs into the transaction that books them, which it does not
    prolong. `track` follows the commit; if the process dies before, the queued run makes up for it.
    """

    symbols: list[str]
    trigger: str
    user: User | None
    new: list[str] = field(default_factory=list)

    @classmethod
    def prepare(cls, symbols: Iterable[str], *, trigger: str, user: User | None) -> "Onboarding":
        """:raises InvalidSymbol, QuotaReached: with a sentence for users."""
        names = list(dict.fromkeys(resolve(symbol)[0] for symbol in symbols))
        check_user_quota(names, user)
        return cls(names, trigger, user)

    def queue(self) -> None:
        """Queues one backfill of the symbols that nobody tracks."""
        self.new = tracking.find_new(self.symbols)
        if self.new:
            adopt = {"for": self.user.pk if self.user else None}
            RunRequest(Kind.BACKFILL, self.trigger, self.new, {**_whole(), "adopt": adopt}).queue()

    def track(self, *, now: datetime) -> list[str]:
        """Tracks the new symbols, which it returns. If the database is busy, the run does it."""
        try:
            tracking.add_rows(self.new, now=now, user_id=self.user.pk if self.user else None)
        except DatabaseError as error:
            logger.warning("New symbols are tracked when their backfill begins: %s", error)
        return self.new


def adopt_missing(run: SyncRun, *, now: datetime) -> None:
    """Tracks the symbols of an onboarding whose process died, and that are still needed."""
    if "adopt" not in run.options or not (missing := tracking.find_new(run.symbols)):
        return
    held = _find_held(set(missing))
    wanted = [symbol for symbol in missing if symbol in held]
    tracking.add_rows(wanted, now=now, user_id=run.options["adopt"]["for"])


def check_quota(symbols: Iterable[str], user: User | None) -> None:
    """Checks whether a user may track the symbols. :raises InvalidSymbol, QuotaReached:"""
    check_user_quota([resolve(symbol)[0] for symbol in symbols], user)


def drop_unheld(symbols: Iterable[str] | None = None) -> list[str]:
    """Stops tracking the symbols, or all, that only portfolios needed and none needs any more.

    Symbols that ever had a price stay. Returns those that went. :raises StoreError:
    """
    names = set(tracking.droppable_rows().values_list("symbol", flat=True))
    if symbols is not None:
        names &= set(symbols)
    if not names:
        return []
    priced = services.catalog().all().keys() | services.quotes().all().keys()

    return tracking.drop_unheld(names, lambda some: (some & priced) | _find_held(some - priced))


def _find_held(names: set[str]) -> set[str]:
    """Returns which of the symbols are in use."""
    held: set[str] = set()
    for path in settings.SYMBOL_HOLDERS:
        held |= import_string(path)(names - held)
    return held
