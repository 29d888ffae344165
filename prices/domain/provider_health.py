"""Provider health: the rules of the circuit breakers and of the outage detection.

Symbols that have answered before are called proven. Only they tell anything about the provider.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from prices.domain.clock import MAX_PAUSE, ClockReading, past, planned
from prices.domain.wording import stamp

# A circuit breaker opens when so many proven symbols failed within a minute and none was answered.
MIN_FAILED_SYMBOLS = 3
WINDOW = timedelta(minutes=1)
# After so many failures without an answer, other symbols are asked whether the provider is away,
# even if there was an answer within the last minute.
MAX_FAILURES_IN_A_ROW = 5
# So many symbols that answered lately are asked for this, the last one first.
MAX_WITNESSES = 3
_MAX_REMEMBERED = 60
# How long a breaker stays open before the next probe.
PROBE_PAUSE = timedelta(seconds=30)
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


class Channel(StrEnum):
    """What is requested. Each has a circuit breaker of its own, because either may fail alone."""

    CHARTS = "charts"
    QUOTES = "quotes"


class Verdict(StrEnum):
    """Whose fault a failure is."""

    SYMBOL = "symbol"
    PROVIDER = "provider"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class FailedSymbol:
    """A proven symbol that got no answer."""

    symbol: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Breaker:
    """A circuit breaker, and what the latest requests of its channel showed.

    `failed` are the proven symbols that failed since the last answer, within a minute, and
    `failures` counts their failures and those of batches. `answered` are the symbols that were
    answered, the last one first. While the breaker is open, `next_try_at` is the time of the next
    probe.
    """

    open_since: datetime | None = None
    next_try_at: datetime | None = None
    reason: str = ""
    answered_at: datetime | None = None
    answered: tuple[str, ...] = ()
    failed: tuple[FailedSymbol, ...] = ()
    failures: int = 0

    def judge(self, now: datetime) -> Verdict:
        """Returns whose fault a failure at `now` is, which is already recorded here."""
        if self.open_since is not None:
            return Verdict.PROVIDER
        answered_at = past(self.answered_at, now)
        lately = answered_at is not None and answered_at > now - WINDOW
        alone = lately and self.failures < MAX_FAILURES_IN_A_ROW
        return Verdict.SYMBOL if alone else Verdict.UNKNOWN

    def may_try(self, now: datetime) -> bool:
        """Returns whether the next probe is due. A time far ahead was set by a wrong clock."""
        wait = planned(self.next_try_at, now, MAX_PROBE_TIME)
        return wait is None or wait <= now

    def failed_lately(self, now: datetime) -> list[FailedSymbol]:
        """Returns the symbols that failed within the last minute."""
        return [one for one in self.failed if past(one.at, now) and one.at > now - WINDOW]

    def witnesses(self, besides: Sequence[str] = ()) -> list[str]:
        """Returns the symbols to ask whether the provider is away, at most `MAX_WITNESSES`.

        The last one answered comes first. The others are far from it in the order of answers,
        because neighbours may fail together. Those that failed lately are left out, but for the
        last one answered while the breaker is open: its answer shows that the provider is back.
        """
        failed = {*besides, *(one.symbol for one in self.failed)}
        if self.open_since is not None:
            failed -= {*self.answered[:1]}
        left = [symbol for symbol in self.answered if symbol not in failed]
        spread = [0, len(left) // 2, len(left) - 1]
        return [left[at] for at in dict.fromkeys(spread) if left][:MAX_WITNESSES]


@dataclass(frozen=True, slots=True)
class ProviderState:
    """What the latest requests showed about the provider.

    `reason` is why it limits requests. During an outage (`outage_since`) the provider answers, but
    `answered_empty` of the last `tried` symbols got no prices. `route` identifies the settings by
    which it is reached. `clocks` are those of machines that are wrong, and `host` names this one.
    """

    charts: Breaker = Breaker()
    quotes: Breaker = Breaker()
    rate_limited_until: datetime | None = None
    limit_reason: str = ""
    last_answer_at: datetime | None = None
    outage_since: datetime | None = None
    tried: int = 0
    answered_empty: int = 0
    route: str = ""
    name: str = "the provider"
    clocks: tuple[ClockReading, ...] = ()
    host: str = field(default="", compare=False)

    @property
    def clock(self) -> ClockReading | None:
        """This machine's clock, if it was found to be wrong."""
        return next((one for one in self.clocks if one.host == self.host), None)

    def correct(self, now: datetime) -> datetime:
        """Returns the time by the provider's clock, if this machine's is known to be wrong."""
        return self.clock.correct(now) if self.clock else now

    def breaker(self, channel: Channel) -> Breaker:
        return self.charts if channel is Channel.CHARTS else self.quotes

    @property
    def _open(self) -> list[Breaker]:
        return [one for one in (self.charts, self.quotes) if one.open_since is not None]

    @property
    def unreachable_since(self) -> datetime | None:
        """Since when a circuit breaker has been open. None if none is."""
        return min((b.open_since for b in self._open if b.open_since), default=None)

    @property
    def next_try_at(self) -> datetime | None:
        """When the next probe is due. None if no circuit breaker is open."""
        return min((b.next_try_at for b in self._open if b.next_try_at), default=None)

    @property
    def reason(self) -> str:
        """The last failure of an open circuit breaker, or else why requests are limited."""
        return next((b.reason for b in self._open if b.reason), self.limit_reason)

    def is_limited(self, now: datetime) -> bool:
        """Returns whether the provider's own limit forbids requests at `now`."""
        until = planned(self.rate_limited_until, now, MAX_PAUSE)
        return until is not None and until > now

    def describe(self, now: datetime) -> str:
        """Returns why no new prices arrive, for users; empty when the provider answers."""
        if self.clock is not None:
            return self.clock.describe()
        if self.rate_limited_until is not None and self.is_limited(now):
            return f"rate limited until {stamp(self.rate_limited_until)}"
        if self.unreachable_since is not None:
            return self._describe_open(now)
        if self.outage_since is not None:
            share = self.answered_empty / self.tried if self.tried else 1.0
            return (
                f"{self.name} has no prices for {share:.0%} of the last {self.tried} symbols: "
                "probably an outage, so no failure is counted against a symbol"
            )
        return ""

    def _describe_open(self, now: datetime) -> str:
        what = "provider unreachable"
        if self.charts.open_since is None or self.quotes.open_since is None:
            kind = "quotes" if self.charts.open_since is None else "histories"
            what = f"provider unreachable for {kind}"
        since = f"{what} since {stamp(self.unreachable_since)}" if self.unreachable_since else what
        if self.next_try_at is not None and self.next_try_at > now:
            return f"{since}; next try at {stamp(self.next_try_at)}"
        return since


def after_answer(
    state: ProviderState, channel: Channel, symbol: str | None, now: datetime
) -> ProviderState:
    """Returns the state after an answer for a proven symbol, which closes the circuit breaker.

    `symbol` is None if the answer was for none in particular.
    """
    known = state.breaker(channel).answered
    answered = known if symbol is None else (symbol, *(s for s in known if s != symbol))
    closed = Breaker(answered_at=now, answered=answered[:_MAX_REMEMBERED])
    return replace(_with(state, channel, closed), last_answer_at=now)


def after_clock(state: ProviderState, reading: ClockReading) -> ProviderState:
    """Returns the state after a machine's clock was compared with the provider's."""
    others = tuple(one for one in state.clocks if one.host != reading.host)
    return replace(state, clocks=(*others, reading) if reading.is_wrong else others)


def after_newcomer(state: ProviderState, now: datetime) -> ProviderState:
    """Returns the state after an answer for a symbol that is not proven."""
    return replace(state, last_answer_at=now)


def after_rate_limit(state: ProviderState, until: datetime, reason: str) -> ProviderState:
    """Returns the state after the provider refused a request until `until`.

    The refusal is an answer. An earlier end never shortens a limit.
    """
    latest = max(until, planned(state.rate_limited_until, until) or until)
    return replace(try_now(state), rate_limited_until=latest, limit_reason=reason)


def after_failure(
    state: ProviderState, channel: Channel, symbol: str | None, reason: str, now: datetime
) -> ProviderState:
    """Returns the state after no answer came to a request for a proven symbol.

    `symbol` is None for a batch of several, any of which may be the reason.
    """
    breaker = state.breaker(channel)
    failed = [one for one in breaker.failed_lately(now) if one.symbol != symbol]
    if symbol is not None:
        failed.append(FailedSymbol(symbol, now))
    after = replace(
        breaker,
        reason=reason,
        failures=breaker.failures + 1,
        failed=tuple(failed[-_MAX_REMEMBERED:]),
    )
    return _with(state, channel, after)


def open_breaker(state: ProviderState, channel: Channel, now: datetime) -> ProviderState | None:
    """Returns the state with an open breaker, once all that could be asked have failed.

    Returns None if too few failed within a minute, or one was answered meanwhile.
    """
    breaker = state.breaker(channel)
    lately = breaker.failed_lately(now)
    if breaker.open_since is not None or len(lately) < MIN_FAILED_SYMBOLS:
        return None
    opened = replace(breaker, open_since=lately[0].at, next_try_at=now + PROBE_PAUSE)
    return _with(state, channel, opened)


def begin_probe(state: ProviderState, channel: Channel, now: datetime) -> ProviderState | None:
    """Returns the state once a probe is under way. Returns None if no probe is due at `now`."""
    breaker = state.breaker(channel)
    if breaker.next_try_at is None or not breaker.may_try(now):
        return None
    return _with(state, channel, replace(breaker, next_try_at=now + MAX_PROBE_TIME))


def end_probe(state: ProviderState, channel: Channel, now: datetime) -> ProviderState | None:
    """Returns the state after a probe that was not answered. None if the breaker closed meanwhile."""
    breaker = state.breaker(channel)
    if breaker.open_since is None:
        return None
    return _with(state, channel, replace(breaker, next_try_at=now + PROBE_PAUSE))


def try_now(state: ProviderState, proven: Sequence[str] = ()) -> ProviderState:
    """Returns the state with closed breakers, as a person asks for or a start of the system.

    `proven` symbols stand for those that were answered, where none is known. A limit that the
    provider has set stays.
    """
    for channel in Channel:
        closed = _closed(state.breaker(channel))
        known = closed.answered or tuple(proven[:_MAX_REMEMBERED])
        state = _with(state, channel, replace(closed, answered=known))
    return state


def _closed(breaker: Breaker) -> Breaker:
    return Breaker(answered_at=breaker.answered_at, answered=breaker.answered)


def _with(state: ProviderState, channel: Channel, breaker: Breaker) -> ProviderState:
    if channel is Channel.CHARTS:
        return replace(state, charts=breaker)
    return replace(state, quotes=breaker)


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
    known = (answer for answer in window.answers if past(answer.at, now))
    young = [answer for answer in known if answer.at > now - MAX_WINDOW_AGE]
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
