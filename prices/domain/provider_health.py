"""Provider health: the rules of the circuit breaker and of the outage detection."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from prices.domain.wording import stamp

# The circuit breaker opens after this many requests in a row without an answer. Failures of one
# symbol alone do not open it, because the answer for that symbol may be what breaks the provider.
FAILURES_TO_OPEN = 5
SYMBOLS_TO_OPEN = 2
# How long it stays open: longer after every probe that fails.
PAUSES = tuple(timedelta(seconds=s) for s in (30, 60, 120, 300, 900))
# A probe that has not reported back after this long is replaced by another one.
MAX_PROBE_TIME = timedelta(minutes=2)

# An outage begins when 90 % of the latest symbols, and at least this many, got no prices.
MAX_WINDOW = 240
MAX_WINDOW_AGE = timedelta(hours=6)
MIN_SYMBOLS_FOR_OUTAGE = 200
OUTAGE_PERCENT = 90
# It ends when fewer than 75 % of the last 20 symbols got no prices. The two shares are
# far apart, so that an outage with a few good answers in it is not reported twice.
RECOVERY_WINDOW = 20
RECOVERY_PERCENT = 75


@dataclass(frozen=True, slots=True)
class ProviderState:
    """What the latest requests showed about the provider.

    `failures` counts the requests in a row without an answer, `failed` names symbols that they
    were for, `opened` counts how often the circuit breaker opened since the last answer. While it
    is open, `next_try_at` is the time of the next probe. During an outage (`outage_since`) the
    provider answers, but `answered_empty` of the last `tried` symbols got no prices.
    """

    unreachable_since: datetime | None = None
    rate_limited_until: datetime | None = None
    reason: str = ""
    last_answer_at: datetime | None = None
    next_try_at: datetime | None = None
    outage_since: datetime | None = None
    tried: int = 0
    answered_empty: int = 0
    failures: int = 0
    failed: tuple[str, ...] = ()
    opened: int = 0
    name: str = "the provider"

    def is_blocked(self, now: datetime) -> bool:
        """Returns whether no request may be sent at `now`."""
        ends = (self.rate_limited_until, self.next_try_at)
        return any(end is not None and end > now for end in ends)

    def describe(self, now: datetime) -> str:
        """Returns why no new prices arrive, for users; empty when the provider answers."""
        if self.rate_limited_until is not None and self.rate_limited_until > now:
            return f"rate limited until {stamp(self.rate_limited_until)}"
        if self.unreachable_since is not None:
            since = f"provider unreachable since {stamp(self.unreachable_since)}"
            if self.next_try_at is not None and self.next_try_at > now:
                return f"{since}; next try at {stamp(self.next_try_at)}"
            return since
        if self.outage_since is not None:
            share = self.answered_empty / self.tried if self.tried else 1.0
            return (
                f"{self.name} has no prices for {share:.0%} of the last {self.tried} symbols: "
                "probably an outage, so no failure is counted against a symbol"
            )
        return ""


def after_answer(state: ProviderState, now: datetime) -> ProviderState:
    """Returns the state after an answer, which closes the circuit breaker."""
    return replace(_closed(state), last_answer_at=now, reason="")


def after_rate_limit(state: ProviderState, until: datetime, reason: str) -> ProviderState:
    """Returns the state after the provider refused a request until `until`.

    The refusal is an answer. An earlier end never shortens a limit.
    """
    latest = max(until, state.rate_limited_until or until)
    return replace(_closed(state), rate_limited_until=latest, reason=reason)


def after_failure(
    state: ProviderState, symbol: str, reason: str, now: datetime, *, probing: bool = False
) -> ProviderState:
    """Returns the state after no answer came to a request for `symbol`.

    While the circuit breaker is open, only a failed probe prolongs the pause. Requests that were
    already under way when it opened do not.
    """
    failed = state.failed if symbol in state.failed else (*state.failed, symbol)[:SYMBOLS_TO_OPEN]
    after = replace(
        state,
        unreachable_since=state.unreachable_since or now,
        reason=reason,
        failures=state.failures + 1,
        failed=failed,
    )
    is_open = state.next_try_at is not None
    too_many = after.failures >= FAILURES_TO_OPEN and len(failed) >= SYMBOLS_TO_OPEN
    if not (probing if is_open else too_many):
        return after
    pause = PAUSES[min(state.opened, len(PAUSES) - 1)]
    return replace(after, next_try_at=now + pause, opened=state.opened + 1)


def begin_probe(state: ProviderState, now: datetime) -> ProviderState | None:
    """Returns the state once a probe is under way. Returns None if no probe is due at `now`."""
    if state.next_try_at is None or state.next_try_at > now:
        return None
    return replace(state, next_try_at=now + MAX_PROBE_TIME)


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the provider answered for one symbol without usable prices."""

    at: datetime
    answered_empty: bool


@dataclass(frozen=True, slots=True)
class AnswerWindow:
    """The latest answers, oldest first, and since when the provider has had an outage."""

    answers: tuple[Answer, ...] = ()
    outage_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """The result of counting one answer. `tried` and `answered_empty` count the window.

    `alarm` is True for the one answer that reveals an outage: what failed since `since`, the
    oldest answer of the window, was not the symbols' fault.
    """

    tried: int
    answered_empty: int
    since: datetime
    alarm: bool
    during_outage: bool


def record_answer(
    window: AnswerWindow, answered_empty: bool, now: datetime
) -> tuple[AnswerWindow, AnswerCount]:
    """Returns the window with one more answer, and what it shows."""
    young = [answer for answer in window.answers if answer.at > now - MAX_WINDOW_AGE]
    answers = (*young, Answer(now, answered_empty))[-MAX_WINDOW:]
    tried, empty = len(answers), _count_empty(answers)
    latest = answers[-RECOVERY_WINDOW:]
    since = window.outage_since
    share_is_high = 100 * empty >= OUTAGE_PERCENT * tried
    begins = since is None and tried >= MIN_SYMBOLS_FOR_OUTAGE and share_is_high
    ends = since is not None and 100 * _count_empty(latest) < RECOVERY_PERCENT * len(latest)
    outage_since = None if ends else now if begins else since
    count = AnswerCount(
        tried, empty, min(a.at for a in answers), begins, during_outage=outage_since is not None
    )
    # The symbols of an outage that is over would otherwise soon raise the alarm again.
    return AnswerWindow(() if ends else answers, outage_since), count


def _count_empty(answers: tuple[Answer, ...]) -> int:
    return sum(answer.answered_empty for answer in answers)


def _closed(state: ProviderState) -> ProviderState:
    return replace(state, unreachable_since=None, failures=0, failed=(), opened=0, next_try_at=None)
