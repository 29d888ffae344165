"""Manual bars: answers do not replace them, but their other values are recorded."""

from dataclasses import replace
from typing import Any

import pytest

from prices.domain.actions import Actions, Split
from prices.domain.answers import Correction, CorrectionReason, Fetched, Stored
from prices.domain.bars import Bar, BarSeries, InvalidBars
from prices.domain.coverage import DateRange
from prices.domain.decision import Change, Decision
from prices.domain.manual_bars import ManualBar, parse_bar
from prices.domain.merge import merge
from prices.domain.verification import compare
from tests.prices.domain.builders import at, closes, day, fetched, series, sessions

NOW = at("2026-03-14 12:00")  # A Saturday: both weeks are closed.
SATURDAY = at("2026-03-07 12:00")
WEEK = (
    ("2026-03-02", 100.0),
    ("2026-03-03", 101.0),
    ("2026-03-04", 102.0),
    ("2026-03-05", 103.0),
    ("2026-03-06", 104.0),
)
WEDNESDAY = day("2026-03-04")
FILLED = ManualBar(WEDNESDAY, "alice", SATURDAY, "the exchange's bulletin")
# The provider's answer for the week, with another close of the manual bar's session.
OTHER = (*WEEK[:2], ("2026-03-04", 102.5), *WEEK[3:])
THEIRS = Bar(at("2026-03-04 00:00"), 102.5, 102.5, 102.5, 102.5, 1_000)


def stored(bars: BarSeries | None = None, **changes: Any) -> Stored:
    known: dict[str, Any] = {"source": "yahoo", "currency": "USD", "fetched_at": SATURDAY}
    known |= {"by_hand": (FILLED,), **changes}
    return Stored(series(*WEEK) if bars is None else bars, Actions(), **known)


def merged(answer: Fetched, before: Stored | None = None, **options: Any) -> Decision:
    return merge(before or stored(), answer, sessions("XNYS"), now=NOW, **options)


class TestMerge:
    def test_keeps_the_manual_bar_and_records_the_providers(self) -> None:
        answer = fetched(series(*OTHER), fetched_at=NOW)

        decision = merged(answer)

        assert decision.change is Change.NOTHING
        assert decision.by_hand == (replace(FILLED, offered=THEIRS, offered_at=NOW),)

    def test_keeps_it_while_others_are_revised_and_added(self) -> None:
        rows = (WEEK[0], ("2026-03-03", 101.2), *OTHER[2:], ("2026-03-09", 105.0))

        decision = merged(fetched(series(*rows), fetched_at=NOW))

        assert decision.change is Change.REPLACE
        assert closes(decision.bars) == {
            "2026-03-02": 100.0,
            "2026-03-03": 101.2,
            "2026-03-04": 102.0,
            "2026-03-05": 103.0,
            "2026-03-06": 104.0,
            "2026-03-09": 105.0,
        }
        assert {c.session for c in decision.corrections} == {day("2026-03-03")}
        assert decision.by_hand == (replace(FILLED, offered=THEIRS, offered_at=NOW),)

    def test_appends_after_it(self) -> None:
        answer = fetched(series(*WEEK[3:], ("2026-03-09", 105.0)), fetched_at=NOW)

        decision = merged(answer)

        assert decision.change is Change.APPEND
        assert closes(decision.bars) == {"2026-03-09": 105.0}
        assert decision.by_hand == (FILLED,)  # The answer does not cover its session.

    def test_records_nothing_if_the_provider_agrees(self) -> None:
        almost = (*WEEK[:2], ("2026-03-04", 102.005), *WEEK[3:])
        known = replace(FILLED, offered=THEIRS, offered_at=SATURDAY)

        decision = merged(fetched(series(*almost), fetched_at=NOW), stored(by_hand=(known,)))

        assert decision.change is Change.NOTHING
        assert decision.by_hand == (FILLED,)

    def test_keeps_the_time_of_the_first_offer(self) -> None:
        known = replace(FILLED, offered=THEIRS, offered_at=SATURDAY)

        decision = merged(fetched(series(*OTHER), fetched_at=NOW), stored(by_hand=(known,)))

        assert decision.by_hand == (known,)

    def test_drops_a_recorded_bar_that_the_provider_lacks_now(self) -> None:
        known = replace(FILLED, offered=THEIRS, offered_at=SATURDAY)
        answer = fetched(series(*WEEK[:2], *WEEK[3:]), fetched_at=NOW)

        assert merged(answer, stored(by_hand=(known,))).by_hand == (FILLED,)

    def test_restates_it_for_a_split(self) -> None:
        split = Actions((Split(day("2026-03-10"), 2, 1),))
        rows = tuple((when, close / 2) for when, close in (*WEEK[:2], *WEEK[3:]))
        late = (("2026-03-09", 52.5), ("2026-03-10", 53.0))
        answer = fetched(series(*rows, *late), actions=split, fetched_at=NOW)

        decision = merged(answer)

        assert decision.change is Change.REPLACE
        assert closes(decision.bars)["2026-03-04"] == 51.0
        assert decision.by_hand == (FILLED,)

    def test_does_not_make_an_answer_incomplete(self) -> None:
        """Two of ten bars are manual, and the answer contains the other eight."""
        rows = [(f"2026-03-{n:02}", 100.0) for n in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13)]
        filled = (FILLED, ManualBar(day("2026-03-05"), "alice", SATURDAY, "the bulletin"))
        answer = fetched(series(*rows[:2], *rows[4:]), fetched_at=NOW)

        decision = merged(answer, stored(series(*rows), by_hand=filled))

        assert decision.change is Change.NOTHING
        assert decision.refusals == ()

    def test_does_not_exempt_the_other_bars_from_the_guards(self) -> None:
        moved = tuple((when, close * 3) for when, close in OTHER)

        decision = merged(fetched(series(*moved), fetched_at=NOW))

        assert decision.change is Change.REFUSE

    def test_is_replaced_by_a_release_with_a_correction(self) -> None:
        """A release takes the provider's history, whatever is stored."""
        answer = fetched(series(*OTHER), fetched_at=NOW)

        decision = merged(answer, trusted=True)

        assert closes(decision.bars)["2026-03-04"] == 102.5
        assert decision.by_hand == ()
        released = CorrectionReason.RELEASED
        assert decision.corrections[0] == Correction(day("2026-03-02"), "bars", 5, 5, released)
        assert Correction(WEDNESDAY, "close", 102.0, 102.5, released) in decision.corrections

    def test_stays_if_the_answer_is_empty(self) -> None:
        nothing = fetched(BarSeries.empty(), asked=DateRange(WEDNESDAY, day("2026-03-05")))

        decision = merged(replace(nothing, fetched_at=NOW))

        assert decision.change is Change.NOTHING
        assert decision.by_hand == (FILLED,)

    def test_goes_with_a_release_that_has_no_bar_of_that_session(self) -> None:
        answer = fetched(series(*WEEK[:2], *WEEK[3:]), fetched_at=NOW)

        decision = merged(answer, trusted=True)

        released = CorrectionReason.RELEASED
        assert decision.corrections == (
            Correction(day("2026-03-02"), "bars", 5, 4, released),
            *(
                Correction(WEDNESDAY, field, 102.0, None, released)
                for field in ("open", "high", "low", "close")
            ),
            Correction(WEDNESDAY, "volume", 1_000.0, None, released),
        )

    def test_stays_if_a_release_is_empty(self) -> None:
        nothing = fetched(BarSeries.empty(), asked=DateRange(day("2026-03-02"), day("2026-03-09")))

        decision = merged(replace(nothing, fetched_at=NOW), trusted=True)

        assert (decision.change, decision.by_hand) == (Change.NOTHING, (FILLED,))

    def test_does_not_ask_for_the_whole_history_if_only_manual_bars_lack(self) -> None:
        """Three stored sessions that the answer lacks would otherwise require the whole history."""
        filled = tuple(
            ManualBar(day(f"2026-03-0{n}"), "alice", SATURDAY, "the bulletin") for n in (3, 4, 5)
        )
        nothing = fetched(BarSeries.empty(), asked=DateRange(day("2026-03-03"), day("2026-03-06")))

        decision = merged(replace(nothing, fetched_at=NOW), stored(by_hand=filled))

        assert (decision.change, decision.by_hand) == (Change.NOTHING, filled)


class TestVerification:
    def test_leaves_manual_bars_out(self) -> None:
        found = compare(
            stored(final_through=day("2026-03-06")), fetched(series(*OTHER)), None, now=NOW
        )

        assert found.agrees
        assert found.sessions == 4


class TestParseBar:
    def test_returns_a_series_of_one(self) -> None:
        bar = parse_bar(series(*WEEK[:2], *WEEK[3:]), WEDNESDAY, (101.0, 103.0, 100.0, 102.0, 7))

        assert [bar[0]] == [Bar(at("2026-03-04 00:00"), 101.0, 103.0, 100.0, 102.0, 7)]

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ((101.0, 100.0, 99.0, 102.0, 7), "between its low and its high"),
            ((101.0, 103.0, 100.0, -2.0, 7), "prices must be above zero"),
            ((10_100.0, 10_300.0, 10_000.0, 10_200.0, 7), "101 times that of 2026-03-03, 101"),
            ((1.0, 1.0, 1.0, 1.0, 7), "0.0099 times that of 2026-03-03, 101"),
        ],
    )
    def test_refuses_impossible_values(self, values: tuple[float, ...], message: str) -> None:
        with pytest.raises(InvalidBars, match=message):
            parse_bar(series(*WEEK[:2], *WEEK[3:]), WEDNESDAY, values)
