"""Every way to request a run. A request is queued for the cluster, or begun right here."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from prices import services
from prices.domain.sessions import sessions_of
from prices.jobs import runs
from prices.models import SyncRun, TrackedSymbol
from prices.symbols import health
from prices.symbols.tracking import track

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


def onboard(symbols: Iterable[str], *, trigger: str, now: datetime) -> list[str]:
    """Tracks symbols, and queues one backfill of those that were not tracked, which it returns.

    :raises InvalidSymbol: with a sentence for users.
    """
    rows = [track(symbol, now=now) for symbol in dict.fromkeys(symbols)]
    new = [row.symbol for row, is_new in rows if is_new]
    if new:
        backfill(new, trigger=trigger).queue()
    return new
