"""The rules of the circuit breaker and of the outage detection."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from prices.domain.provider_health import (
    AnswerCount,
    AnswerWindow,
    Breaker,
    Channel,
    ProviderState,
    Verdict,
    after_answer,
    after_failure,
    after_newcomer,
    after_rate_limit,
    begin_probe,
    end_probe,
    open_breaker,
    record_answer,
    try_now,
)
from tests.prices.domain.builders import at

NOW = at("2026-03-10 12:00")
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
CHARTS, QUOTES = Channel.CHARTS, Channel.QUOTES


def fail(
    state: ProviderState, symbols: str, *, now: datetime = NOW, channel: Channel = CHARTS
) -> ProviderState:
    """The state after failures of symbols with names of one letter."""
    for symbol in symbols:
        state = after_failure(state, channel, symbol, "no internet", now)
    return state


def opened(now: datetime = NOW, channel: Channel = CHARTS) -> ProviderState:
    state = open_breaker(fail(ProviderState(), "ABC", now=now, channel=channel), channel, now)
    assert state is not None
    return state


class TestDescribe:
    def test_is_empty_when_the_provider_answers(self) -> None:
        assert ProviderState(last_answer_at=NOW).describe(NOW) == ""

    def test_names_the_share_of_symbols_without_prices_in_an_outage(self) -> None:
        outage = ProviderState(
            outage_since=at("2026-03-10 10:00"), tried=240, answered_empty=233, name="Yahoo"
        )

        assert outage.describe(NOW) == (
            "Yahoo has no prices for 97% of the last 240 symbols: probably an outage, "
            "so no failure is counted against a symbol"
        )

    def test_says_nothing_of_failures_before_the_breaker_opens(self) -> None:
        assert fail(ProviderState(), "ABCDEF").describe(NOW) == ""

    def test_names_what_cannot_be_reached(self) -> None:
        quotes = opened(channel=QUOTES)
        both = open_breaker(fail(quotes, "XYZ", now=NOW + MINUTE), CHARTS, NOW + MINUTE)

        assert opened().describe(NOW) == (
            "provider unreachable for histories since 2026-03-10 12:00 UTC; "
            "next try at 2026-03-10 12:00 UTC"
        )
        assert quotes.describe(NOW + MINUTE) == (
            "provider unreachable for quotes since 2026-03-10 12:00 UTC"
        )
        assert both is not None
        assert both.describe(NOW + 2 * MINUTE) == (
            "provider unreachable since 2026-03-10 12:00 UTC"
        )

    def test_prefers_the_limit_whose_end_is_known(self) -> None:
        both = replace(opened(), rate_limited_until=at("2026-03-10 13:00"))

        assert both.describe(NOW) == "rate limited until 2026-03-10 13:00 UTC"
        assert both.describe(at("2026-03-10 13:00")).startswith("provider unreachable")


class TestJudge:
    """Whose fault the last failure is."""

    @pytest.mark.parametrize(
        ("answered_ago", "failed", "verdict"),
        [
            (None, "A", Verdict.UNKNOWN),
            (SECOND, "A", Verdict.SYMBOL),
            (59 * SECOND, "ABCD", Verdict.SYMBOL),
            (MINUTE, "A", Verdict.UNKNOWN),
            (SECOND, "ABCDE", Verdict.UNKNOWN),  # so many that others are to be asked
            (SECOND, "AAAAA", Verdict.UNKNOWN),
        ],
    )
    def test_depends_on_whether_others_are_answered(
        self, answered_ago: timedelta | None, failed: str, verdict: Verdict
    ) -> None:
        state = ProviderState()
        if answered_ago is not None:
            state = after_answer(state, CHARTS, "Z", NOW - answered_ago)

        assert fail(state, failed).charts.judge(NOW) is verdict

    def test_is_the_provider_while_the_breaker_is_open(self) -> None:
        assert fail(opened(), "D").charts.judge(NOW) is Verdict.PROVIDER

    def test_is_of_one_channel_alone(self) -> None:
        state = after_answer(ProviderState(), QUOTES, "Z", NOW)

        assert fail(state, "A").charts.judge(NOW) is Verdict.UNKNOWN
        assert fail(state, "A", channel=QUOTES).quotes.judge(NOW) is Verdict.SYMBOL


class TestOpening:
    @pytest.mark.parametrize(
        ("failed", "opens"), [("AB", False), ("ABA", False), ("ABC", True), ("ABCDE", True)]
    )
    def test_needs_three_symbols(self, failed: str, opens: bool) -> None:
        state = open_breaker(fail(ProviderState(), failed), CHARTS, NOW)

        assert (state is not None) is opens

    def test_needs_them_within_a_minute(self) -> None:
        first = fail(ProviderState(), "A")

        late = fail(first, "BC", now=NOW + MINUTE)
        soon = fail(first, "BC", now=NOW + 59 * SECOND)

        assert open_breaker(late, CHARTS, NOW + MINUTE) is None
        assert open_breaker(soon, CHARTS, NOW + 59 * SECOND) is not None

    def test_counts_no_batch_of_several_symbols(self) -> None:
        state = ProviderState()
        for _ in range(9):
            state = after_failure(state, QUOTES, None, "no internet", NOW)

        assert open_breaker(state, QUOTES, NOW) is None

    def test_is_prevented_by_an_answer(self) -> None:
        state = after_answer(fail(ProviderState(), "ABC"), CHARTS, "Z", NOW)

        assert open_breaker(fail(state, "DE"), CHARTS, NOW) is None

    def test_tells_since_when_and_why_and_until_when(self) -> None:
        state = fail(fail(ProviderState(), "A"), "BC", now=NOW + SECOND)

        after = open_breaker(state, CHARTS, NOW + SECOND)

        assert after is not None
        assert (after.unreachable_since, after.reason) == (NOW, "no internet")
        assert after.next_try_at == NOW + 31 * SECOND
        assert after.quotes.open_since is None

    def test_happens_once(self) -> None:
        assert open_breaker(opened(), CHARTS, NOW + SECOND) is None


class TestWitnesses:
    def test_are_the_last_one_answered_and_two_far_from_it(self) -> None:
        state = ProviderState()
        for symbol in "ABCDEFG":
            state = after_answer(state, CHARTS, symbol, NOW)

        assert state.charts.witnesses() == ["G", "D", "A"]
        assert state.charts.witnesses(["G"]) == ["F", "C", "A"]
        assert fail(state, "GFA").charts.witnesses() == ["E", "C", "B"]

    @pytest.mark.parametrize(("answered", "found"), [("", []), ("A", ["A"]), ("AB", ["B", "A"])])
    def test_may_be_few(self, answered: str, found: list[str]) -> None:
        state = ProviderState()
        for symbol in answered:
            state = after_answer(state, CHARTS, symbol, NOW)

        assert state.charts.witnesses() == found

    def test_are_no_longer_what_was_answered_sixty_symbols_ago(self) -> None:
        state = ProviderState()
        for number in range(61):
            state = after_answer(state, CHARTS, f"S{number}", NOW)

        assert state.charts.witnesses()[-1] == "S1"


class TestProbe:
    @pytest.mark.parametrize(
        ("state", "now"),
        [(opened(), NOW + 29 * SECOND), (ProviderState(), NOW)],
    )
    def test_is_not_due_before_the_pause_ends_or_while_closed(
        self, state: ProviderState, now: datetime
    ) -> None:
        assert begin_probe(state, CHARTS, now) is None

    def test_is_replaced_after_two_minutes_without_a_report(self) -> None:
        due_at = NOW + 30 * SECOND
        probing = begin_probe(opened(), CHARTS, due_at)

        assert probing is not None
        assert begin_probe(probing, CHARTS, due_at + 119 * SECOND) is None
        assert begin_probe(probing, CHARTS, due_at + 2 * MINUTE) is not None

    def test_is_followed_by_another_within_the_minute(self) -> None:
        """So that the end of an outage is found within one."""
        after = end_probe(opened(), CHARTS, NOW + MINUTE)

        assert after is not None
        assert begin_probe(after, CHARTS, NOW + 90 * SECOND) is not None
        assert after.unreachable_since == NOW

    def test_leaves_a_breaker_closed_that_was_closed_meanwhile(self) -> None:
        assert end_probe(ProviderState(), CHARTS, NOW) is None


class TestClosing:
    def test_by_an_answer(self) -> None:
        after = after_answer(opened(), CHARTS, "Z", NOW + MINUTE)

        closed = Breaker(answered_at=NOW + MINUTE, answered=("Z",))
        assert after == ProviderState(charts=closed, last_answer_at=NOW + MINUTE)

    def test_of_one_channel_leaves_the_other_open(self) -> None:
        after = after_answer(opened(), QUOTES, "Z", NOW + MINUTE)

        assert after.charts.open_since == NOW

    def test_not_by_an_answer_for_a_symbol_that_is_not_proven(self) -> None:
        after = after_newcomer(opened(), NOW + MINUTE)

        assert (after.charts.open_since, after.last_answer_at) == (NOW, NOW + MINUTE)

    def test_by_an_answer_that_sets_a_limit(self) -> None:
        after = after_rate_limit(opened(), NOW + MINUTE, "too many")

        assert after == ProviderState(rate_limited_until=NOW + MINUTE, limit_reason="too many")

    def test_by_hand_keeps_who_was_answered_and_a_limit(self) -> None:
        state = fail(after_answer(ProviderState(), CHARTS, "Z", NOW - MINUTE), "ABC")
        away = open_breaker(state, CHARTS, NOW)
        assert away is not None

        after = try_now(replace(away, rate_limited_until=NOW + MINUTE))

        assert after.charts == Breaker(answered_at=NOW - MINUTE, answered=("Z",))
        assert after.is_limited(NOW)

    @pytest.mark.parametrize(
        ("earlier", "until", "expected"),
        [(None, 1, 1), (10, 1, 10), (1, 10, 10)],
    )
    def test_never_shortens_a_limit(self, earlier: int | None, until: int, expected: int) -> None:
        limit = None if earlier is None else NOW + earlier * MINUTE

        after = after_rate_limit(
            ProviderState(rate_limited_until=limit), NOW + until * MINUTE, "too many"
        )

        assert after.rate_limited_until == NOW + expected * MINUTE


class Counting:
    """A window, and what was shown by the answers that were counted in it."""

    def __init__(self) -> None:
        self.window = AnswerWindow()

    def count(self, empty: int, good: int = 0, now: object = NOW) -> list[AnswerCount]:
        """First the empty answers, then the good ones."""
        counts = []
        for answered_empty in [True] * empty + [False] * good:
            self.window, count = record_answer(self.window, answered_empty, now)  # type: ignore[arg-type]
            counts.append(count)
        return counts


class TestOutage:
    @pytest.mark.parametrize(
        ("good", "empty", "begins"),
        [
            (0, 199, False),
            (0, 200, True),
            (20, 179, False),
            (20, 180, True),
            (24, 200, False),  # 200 of 224 are 89 %
            (24, 216, True),
            (500, 215, False),  # only the last 240 count
            (500, 216, True),
        ],
    )
    def test_begins_with_nine_in_ten_of_two_hundred(
        self, good: int, empty: int, begins: bool
    ) -> None:
        counting = Counting()
        counting.count(0, good)

        last = counting.count(empty)[-1]

        assert (last.alarm, last.during_outage) == (begins, begins)
        assert (counting.window.outage_since == NOW) is begins

    def test_raises_one_alarm_and_tells_the_oldest_answer(self) -> None:
        counting = Counting()
        counting.count(100)

        counts = counting.count(140, now=NOW + MINUTE)

        assert [n for n, count in enumerate(counts, 101) if count.alarm] == [200]
        assert counts[99].since == NOW
        assert all(count.during_outage for count in counts[99:])
        assert counting.window.outage_since == NOW + MINUTE
        assert (counts[-1].tried, counts[-1].answered_empty) == (240, 240)

    def test_ignores_answers_older_than_six_hours(self) -> None:
        counting = Counting()
        counting.count(199)

        later = counting.count(1, now=NOW + timedelta(hours=6))

        assert (later[-1].alarm, later[-1].tried) == (False, 1)

    def test_ends_when_a_quarter_of_the_last_twenty_are_good(self) -> None:
        counting = Counting()
        counting.count(200)

        counts = counting.count(0, 6)

        assert [count.during_outage for count in counts] == [True] * 5 + [False]

    def test_goes_on_while_one_in_ten_is_good(self) -> None:
        counting = Counting()
        counting.count(200)

        counts = [counting.count(9, 1)[-1] for _ in range(20)]

        assert all(count.during_outage for count in counts)

    def test_is_not_reported_twice_for_the_same_symbols(self) -> None:
        counting = Counting()
        counting.count(200)
        counting.count(0, 6)

        assert not any(count.during_outage for count in counting.count(199))
