"""The rules of the circuit breaker and of the outage detection."""

from datetime import timedelta
from functools import reduce

import pytest

from prices.domain.provider_health import (
    AnswerCount,
    AnswerWindow,
    ProviderState,
    after_answer,
    after_failure,
    after_rate_limit,
    begin_probe,
    record_answer,
)
from tests.prices.domain.builders import at

NOW = at("2026-03-10 12:00")
MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def fail(state: ProviderState, times: int, *, symbols: int = 5) -> ProviderState:
    """The state after `times` failures in a row, of `symbols` symbols in turn."""
    return reduce(
        lambda before, number: after_failure(before, f"S{number % symbols}", "no internet", NOW),
        range(times),
        state,
    )


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

    def test_prefers_the_limit_whose_end_is_known(self) -> None:
        both = ProviderState(at("2026-03-10 10:00"), at("2026-03-10 13:00"))

        assert both.describe(NOW) == "rate limited until 2026-03-10 13:00 UTC"
        assert both.describe(at("2026-03-10 13:00")) == (
            "provider unreachable since 2026-03-10 10:00 UTC"
        )


class TestIsBlocked:
    @pytest.mark.parametrize(
        ("state", "is_blocked"),
        [
            (ProviderState(), False),
            (ProviderState(unreachable_since=at("2026-03-10 10:00")), False),
            (ProviderState(next_try_at=at("2026-03-10 12:01")), True),
            (ProviderState(next_try_at=NOW), False),
            (ProviderState(rate_limited_until=at("2026-03-10 12:01")), True),
            (ProviderState(rate_limited_until=NOW), False),
        ],
    )
    def test_until_the_limit_or_the_pause_ends(
        self, state: ProviderState, is_blocked: bool
    ) -> None:
        assert state.is_blocked(NOW) is is_blocked


class TestFailures:
    @pytest.mark.parametrize(
        ("times", "symbols", "next_try_at"),
        [
            (4, 5, None),
            (5, 5, NOW + 30 * SECOND),
            (5, 2, NOW + 30 * SECOND),
            (9, 5, NOW + 30 * SECOND),  # requests that were under way when the breaker opened
            (50, 1, None),  # one symbol breaks the provider
        ],
    )
    def test_open_the_breaker_after_five_in_a_row_of_two_symbols(
        self, times: int, symbols: int, next_try_at: object
    ) -> None:
        assert fail(ProviderState(), times, symbols=symbols).next_try_at == next_try_at

    def test_keep_the_first_time_and_the_last_reason(self) -> None:
        first = after_failure(ProviderState(), "A", "no internet", NOW)

        second = after_failure(first, "A", "refused", NOW + MINUTE)

        assert (second.unreachable_since, second.reason) == (NOW, "refused")

    def test_are_counted_from_zero_after_an_answer(self) -> None:
        answered = after_answer(fail(ProviderState(), 4), NOW)

        assert fail(answered, 4).next_try_at is None
        assert fail(answered, 5).next_try_at == NOW + 30 * SECOND

    def test_pause_longer_after_every_failed_probe(self) -> None:
        state, now, pauses = fail(ProviderState(), 5), NOW, []
        for _ in range(6):
            due_at = state.next_try_at
            assert due_at is not None
            pauses.append((due_at - now).total_seconds())
            now = due_at
            probing = begin_probe(state, now)
            assert probing is not None
            state = after_failure(probing, "S1", "no internet", now, probing=True)

        assert pauses == [30, 60, 120, 300, 900, 900]
        assert state.unreachable_since == NOW


class TestProbe:
    OPEN = ProviderState(next_try_at=NOW)

    @pytest.mark.parametrize(
        ("state", "now"), [(OPEN, NOW - timedelta(milliseconds=1)), (ProviderState(), NOW)]
    )
    def test_is_not_due_before_the_pause_ends_or_while_closed(
        self, state: ProviderState, now: object
    ) -> None:
        assert begin_probe(state, now) is None  # type: ignore[arg-type]

    def test_is_replaced_after_two_minutes_without_a_report(self) -> None:
        probing = begin_probe(self.OPEN, NOW)

        assert probing is not None
        assert begin_probe(probing, NOW + 119 * SECOND) is None
        assert begin_probe(probing, NOW + 2 * MINUTE) is not None


class TestAnswers:
    def test_close_the_breaker(self) -> None:
        after = after_answer(fail(ProviderState(), 9), NOW + MINUTE)

        assert after == ProviderState(last_answer_at=NOW + MINUTE)

    def test_that_set_a_limit_close_the_breaker_too(self) -> None:
        after = after_rate_limit(fail(ProviderState(), 5), NOW + MINUTE, "too many")

        assert after == ProviderState(rate_limited_until=NOW + MINUTE, reason="too many")

    @pytest.mark.parametrize(
        ("earlier", "until", "expected"),
        [(None, 1, 1), (10, 1, 10), (1, 10, 10)],
    )
    def test_never_shorten_a_limit(self, earlier: int | None, until: int, expected: int) -> None:
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
