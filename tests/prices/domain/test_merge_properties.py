"""Properties of merging, for any answers in any order."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prices.domain.actions import Actions
from prices.domain.answers import Fetched, Stored
from prices.domain.bars import BarSeries
from prices.domain.coverage import DateRange
from prices.domain.decision import Change, Decision
from prices.domain.merge import merge
from prices.domain.prepared import prepare_answer
from tests.prices.domain.builders import at, day, fetched, sessions

NOW = at("2026-03-13 12:00")  # Friday before the open. Thursday is the last closed session.
LAST_CLOSED = day("2026-03-12")
# Three weeks with their weekends, and days that are not closed yet.
DAYS = [day("2026-02-23") + timedelta(days=n) for n in range(24)]
PRICES = st.sampled_from([100.0, 100.0, 100.0, 100.000001, 100.02, 103.0, 200.0, 10_000.0])
ROWS = st.dictionaries(
    st.sampled_from(DAYS), st.tuples(PRICES, st.sampled_from([0, 500, 501])), max_size=24
)


def bars_of(rows: dict[date, tuple[float, int]]) -> BarSeries:
    return BarSeries.from_rows((d, p, p, p, p, v) for d, (p, v) in sorted(rows.items()))


@st.composite
def answers(draw: st.DrawFn) -> Fetched:
    start, minute = draw(st.sampled_from(DAYS)), draw(st.integers(0, 600))
    rows = {d: row for d, row in draw(ROWS).items() if d >= start}
    return fetched(
        bars_of(rows),
        asked=DateRange(start, day("2026-03-15")),
        fetched_at=NOW - timedelta(minutes=minute),
        running=draw(st.sampled_from([None, None, None, day("2026-03-11")])),
    )


def judged(held: Stored, answer: Fetched) -> Decision:
    return merge(held, answer, sessions("XNYS"), now=NOW)


def applied(held: Stored, answer: Fetched, decision: Decision) -> Stored:
    """Returns the stored series after a decision is published."""
    if decision.change in (Change.REFUSE, Change.WHOLE):
        return held
    if decision.change is Change.NOTHING:
        after = held.series
    elif decision.change is Change.APPEND:
        after = held.series.merge(decision.bars)
    else:
        after = decision.bars
    moments = [when for when in (held.fetched_at, answer.fetched_at) if when]
    return replace(
        held,
        series=after,
        actions=decision.actions,
        source="yahoo",
        fetched_at=max(moments),
        held=decision.held,
        held_from=decision.held_from,
    )


EMPTY = Stored(BarSeries.empty(), Actions())


class TestMerge:
    @given(st.lists(answers(), min_size=1, max_size=5))
    def test_of_the_same_answer_again_changes_nothing(self, found: list[Fetched]) -> None:
        held = EMPTY
        for answer in found:
            decision = judged(held, answer)
            held = applied(held, answer, decision)

            again = judged(held, answer)

            if decision.change not in (Change.REFUSE, Change.WHOLE) and len(held.series):
                assert again.change is Change.NOTHING
                assert again.actions == held.actions

    @given(st.lists(answers(), min_size=1, max_size=5))
    def test_loses_no_session_and_adds_none_before_its_close(self, found: list[Fetched]) -> None:
        held = EMPTY
        for answer in found:
            before = held.series
            held = applied(held, answer, judged(held, answer))

            assert np.isin(before.ts, held.series.ts).all()
            assert (held.series.sessions <= np.datetime64(LAST_CLOSED)).all()

    @given(answers(), answers())
    def test_appends_only_after_the_last_bar(self, first: Fetched, second: Fetched) -> None:
        held = applied(EMPTY, first, judged(EMPTY, first))

        decision = judged(held, second)

        if decision.change is Change.APPEND:
            assert (decision.bars.ts > held.series.ts[-1]).all()
            assert not decision.corrections

    @given(answers(), answers())
    def test_takes_or_refuses_a_later_answer(self, first: Fetched, later: Fetched) -> None:
        later = replace(later, fetched_at=NOW)
        held = applied(EMPTY, first, judged(EMPTY, first))

        decision = judged(held, later)

        if decision.change not in (Change.REFUSE, Change.WHOLE):
            answered = prepare_answer(held, later, sessions("XNYS"), now=NOW).bars
            stored = applied(held, later, decision).series
            # Only suspicious bars may be left out, with the reason.
            held_back = [d.session for one in decision.refusals for d in one.differences]
            answered = answered.take(
                ~np.isin(answered.sessions, np.array(held_back, "datetime64[D]"))
            )
            same = stored.take(np.isin(stored.ts, answered.ts))
            assert np.allclose(same.close, answered.close, rtol=1e-7)
            assert same.volume.tolist() == answered.volume.tolist()

    @given(answers(), answers())
    def test_of_an_earlier_answer_changes_nothing(self, first: Fetched, earlier: Fetched) -> None:
        earlier = replace(earlier, fetched_at=first.fetched_at - timedelta(seconds=1))
        held = applied(EMPTY, first, judged(EMPTY, first))

        if len(held.series):
            assert judged(held, earlier).change is Change.NOTHING
