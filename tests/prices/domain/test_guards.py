"""The guards one by one: which answers they refuse, and which not."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.answers import (
    Correction,
    CorrectionReason,
    Difference,
    Guard,
    Refusal,
)
from prices.domain.coverage import DateRange
from prices.domain.decision import Change, Decision
from prices.domain.guards import (
    convert_to_stored_unit,
)
from prices.domain.merge import merge
from prices.domain.quotes import Quote
from tests.prices.domain.builders import at, closes, day, series, sessions
from tests.prices.domain.test_merge import NOW, WEEK, answer, stored

WHOLE = DateRange(day("1900-01-01"), day("2026-03-16"))
MONDAY = ("2026-03-09", 52.5, 2_000)
NEXT_WEEK = ("2026-03-09", 104.5)
HALVED = tuple((when, close / 2, 2_000) for when, close in WEEK)
SPLIT = Split(day("2026-03-09"), 2, 1)
ON_THE_DAY = at("2026-03-09 20:30")  # Monday, half an hour after the close in New York.


def decided(*rows: Any, held: Any = None, now: Any = NOW, **changes: Any) -> Decision:
    return merge(held or stored(), answer(*rows, **changes), sessions("XNYS"), now=now)


def guard(decision: Decision) -> Guard | None:
    return decision.refusals[0].guard if decision.refusals else None


class TestSplitPending:
    """The answers of Yahoo around the ex-date, Monday the 9th."""

    def test_ignores_an_announced_split_before_its_day(self) -> None:
        rows, now = (*WEEK[:4], WEEK[4]), at("2026-03-07 12:00")

        decision = decided(*rows, actions=Actions((SPLIT,)), asked=WHOLE, now=now, fetched_at=now)

        assert decision.change is Change.NOTHING
        assert decision.actions == Actions()

    def test_counts_an_announced_split_once_prices_are_restated(self) -> None:
        now = at("2026-03-08 12:00")

        decision = decided(*HALVED, actions=Actions((SPLIT,)), asked=WHOLE, now=now, fetched_at=now)

        assert decision.change is Change.REPLACE
        assert decision.actions.splits == (SPLIT,)
        assert closes(decision.bars)["2026-03-06"] == 52.0

    def test_waits_while_no_bar_is_on_the_new_basis(self) -> None:
        decision = decided(*WEEK, actions=Actions((SPLIT,)), asked=WHOLE, now=ON_THE_DAY)

        assert guard(decision) is Guard.SPLIT_PENDING
        assert decision.refusals[0].is_transient
        # To keep what is stored says nothing about a later split.
        assert decision.refusals[0].keys == frozenset(["split pending 2:1 on 2026-03-09"])

    def test_waits_while_the_history_is_on_the_old_basis(self) -> None:
        decision = decided(*WEEK, MONDAY, actions=Actions((SPLIT,)), asked=WHOLE)

        assert guard(decision) is Guard.SPLIT_PENDING
        assert decision.change is Change.REFUSE

    def test_is_applied_to_a_first_answer_on_the_old_basis(self) -> None:
        decision = decided(
            *WEEK, MONDAY, held=stored(series()), actions=Actions((SPLIT,)), asked=WHOLE
        )

        assert decision.change is Change.REPLACE
        assert closes(decision.bars) == {
            "2026-03-02": 50.0,
            "2026-03-03": 50.5,
            "2026-03-04": 51.0,
            "2026-03-05": 51.5,
            "2026-03-06": 52.0,
            "2026-03-09": 52.5,
        }
        assert decision.corrections == (
            Correction(SPLIT.session, "split", None, 2.0, CorrectionReason.RESTATED),
        )

    def test_is_applied_to_a_first_answer_of_two_bars_too(self) -> None:
        decision = decided(
            *(WEEK[4], MONDAY), held=stored(series()), actions=Actions((SPLIT,)), asked=WHOLE
        )

        assert closes(decision.bars) == {"2026-03-06": 52.0, "2026-03-09": 52.5}

    @pytest.mark.parametrize(
        ("now", "change"),
        [
            ("2026-03-13 20:30", Change.REFUSE),  # Friday: four sessions later
            ("2026-03-16 20:30", Change.REPLACE),  # Monday: five
        ],
    )
    @pytest.mark.parametrize("ratio", [(2, 1), (1, 190), (10234, 10000)])
    def test_is_applied_here_after_five_sessions(
        self, ratio: tuple[int, int], now: str, change: Change
    ) -> None:
        """The provider reports a split and never restates the bars before it."""
        split, factor = Split(day("2026-03-09"), *ratio), ratio[1] / ratio[0]
        monday = ("2026-03-09", 104.0 * factor)
        rows = {"actions": Actions((split,)), "asked": WHOLE, "fetched_at": at(now)}

        decision = decided(*WEEK, monday, now=at(now), **rows)

        assert decision.change is change
        if change is Change.REFUSE:
            assert guard(decision) is Guard.SPLIT_PENDING
            return
        assert closes(decision.bars) == pytest.approx(
            {when: close * factor for when, close in (*WEEK, ("2026-03-09", 104.0))}
        )
        (correction,) = decision.corrections
        assert correction.why is CorrectionReason.RESTATED
        held = stored(decision.bars, actions=decision.actions, fetched_at=at(now))
        again = decided(*WEEK, monday, held=held, now=at(now), **rows)
        assert again.change is Change.NOTHING

    def test_a_first_answer_on_the_new_basis_is_taken(self) -> None:
        decision = decided(
            *HALVED, MONDAY, held=stored(series()), actions=Actions((SPLIT,)), asked=WHOLE
        )

        assert decision.change is Change.REPLACE
        assert closes(decision.bars) == {
            "2026-03-02": 50.0,
            "2026-03-03": 50.5,
            "2026-03-04": 51.0,
            "2026-03-05": 51.5,
            "2026-03-06": 52.0,
            "2026-03-09": 52.5,
        }

    def test_a_split_of_a_first_answer_counts_from_its_day_on(self) -> None:
        decision = decided(
            *HALVED,
            MONDAY,
            held=stored(series()),
            actions=Actions((SPLIT,)),
            asked=WHOLE,
            now=ON_THE_DAY,
        )

        assert decision.change is Change.REPLACE
        assert decision.actions.splits == (SPLIT,)

    def test_a_first_answer_that_begins_with_the_split_is_taken(self) -> None:
        """No close before the split shows its basis, whatever the price does afterwards."""
        rows = (("2026-03-09", 50.0), ("2026-03-10", 70.0), ("2026-03-11", 100.0))

        decision = decided(*rows, held=stored(series()), actions=Actions((SPLIT,)), asked=WHOLE)

        assert decision.change is Change.REPLACE

    def test_a_new_split_does_not_explain_another_factor(self) -> None:
        """Three times the stored closes, and twice that once the new split is undone."""
        rows = [(when, close * 3) for when, close in WEEK]

        decision = decided(*rows, actions=Actions((SPLIT,)), asked=WHOLE)

        assert guard(decision) is Guard.BASIS
        assert decision.reason == "prices are 6 times the stored ones, and no split explains it"

    def test_accepts_old_splits_of_a_first_answer(self) -> None:
        """Yahoo never corrects some price changes in the distant past."""
        old = Split(day("2026-01-05"), 2, 1)
        rows = (("2026-01-02", 200.0), ("2026-01-05", 100.0), *WEEK)

        decision = decided(*rows, held=stored(series()), actions=Actions((old,)), asked=WHOLE)

        assert decision.change is Change.REPLACE

    def test_accepts_an_event_that_comes_after_its_prices(self) -> None:
        """The stored series was on the new basis from the start, and only the event is new."""
        held = stored(series(*HALVED, MONDAY))

        decision = decided(*HALVED, MONDAY, held=held, actions=Actions((SPLIT,)), asked=WHOLE)

        assert decision.change is Change.NOTHING
        assert decision.actions.splits == (SPLIT,)
        assert [(c.field, c.new) for c in decision.corrections] == [("split", SPLIT.ratio)]

    def test_refuses_an_answer_without_a_stored_split(self) -> None:
        held = stored(series(*HALVED, MONDAY), actions=Actions((SPLIT,)))

        decision = decided(*HALVED, MONDAY, held=held, asked=WHOLE)

        assert decision.refusals == (
            Refusal(
                Guard.ACTIONS,
                "the answer lacks the split of 2026-03-09",
                subject="split 2026-03-09",
            ),
        )

    def test_waits_for_a_small_split_that_the_stored_bars_show_too(self) -> None:
        """Both sides fall by a tenth on Friday: neither is restated for 11:10."""
        rows, split = (*WEEK[:4], ("2026-03-06", 93.6)), Split(day("2026-03-06"), 11, 10)

        decision = decided(
            *rows, held=stored(series(*rows)), actions=Actions((split,)), asked=WHOLE
        )

        assert [one.subject for one in decision.refusals] == ["11:10 on 2026-03-06"]


def quote(price: float, before: float | None, when: str = "2026-03-09 20:00") -> Quote:
    zone = "America/New_York"
    return Quote("ACME", price, at(when), at(when), "POST", timezone=zone, previous_close=before)


class TestStepOfANewBar:
    """The new price is there, but neither the restated history nor the event."""

    def at_hand(self, now: str, **changes: Any) -> Decision:
        found = answer(*WEEK[2:], MONDAY, fetched_at=at(now))
        held = stored(held_from=changes.pop("held_from", None))
        return merge(held, found, sessions("XNYS"), now=at(now), **changes)

    @pytest.mark.parametrize("known", [None, quote(52.5, before=104.0)])
    def test_is_published_at_once_and_marked(self, known: Quote | None) -> None:
        decision = self.at_hand("2026-03-09 20:30", quote=known)

        assert decision.change is Change.APPEND
        assert closes(decision.bars) == {"2026-03-09": 52.5}
        assert decision.unconfirmed == (day("2026-03-09"),)

    @pytest.mark.parametrize(
        ("now", "unconfirmed"),
        [
            ("2026-03-13 20:30", (day("2026-03-09"),)),  # Friday: four sessions later
            ("2026-03-16 20:30", ()),  # Monday: five
        ],
    )
    def test_is_confirmed_by_later_sessions(self, now: str, unconfirmed: tuple[Any, ...]) -> None:
        assert self.at_hand(now).unconfirmed == unconfirmed

    def test_waits_if_the_quote_is_on_another_basis(self) -> None:
        decision = self.at_hand("2026-03-09 20:30", quote=quote(52.5, before=52.0))

        assert decision.change is Change.NOTHING
        assert decision.held_from == day("2026-03-09")
        assert decision.refusals == (
            Refusal(
                Guard.STEP,
                "the price changed like a split on 2026-03-09, the provider's quote is on another "
                "basis than the stored prices, and no split is reported yet; bars from 2026-03-09 "
                "on are stored once it is, or five sessions later",
                (Difference(day("2026-03-09"), "close", 104.0, 52.5),),
            ),
        )

    @pytest.mark.parametrize(
        ("now", "change"),
        [
            ("2026-03-13 20:30", Change.NOTHING),  # Friday: four sessions later
            ("2026-03-16 20:30", Change.APPEND),  # Monday: five
        ],
    )
    def test_goes_on_waiting_for_the_split(self, now: str, change: Change) -> None:
        decision = self.at_hand(now, held_from=day("2026-03-09"))

        assert decision.change is change
        assert decision.held_from == (day("2026-03-09") if change is Change.NOTHING else None)

    @pytest.mark.parametrize("price", [80.0, 60.0, 104.0 * 1.3])
    def test_is_no_split_if_none_has_its_size(self, price: float) -> None:
        decision = decided(*WEEK[2:], ("2026-03-09", price), now=ON_THE_DAY, fetched_at=ON_THE_DAY)

        assert decision.change is Change.APPEND
        assert decision.unconfirmed == ()

    def test_keeps_the_bars_before_it(self) -> None:
        found = answer(*WEEK[1:], MONDAY, fetched_at=ON_THE_DAY)
        other = quote(52.5, before=52.0)

        decision = merge(
            stored(series(*WEEK[:4])), found, sessions("XNYS"), now=ON_THE_DAY, quote=other
        )

        assert decision.change is Change.APPEND
        assert closes(decision.bars) == {"2026-03-06": 104.0}
        assert guard(decision) is Guard.STEP

    def test_is_no_split_in_a_series_that_often_moves_as_much(self) -> None:
        wild = (("2026-03-04", 10.0), ("2026-03-05", 25.0), ("2026-03-06", 11.0))

        decision = decided(*wild, ("2026-03-09", 22.0), held=stored(series(*wild)), now=ON_THE_DAY)

        assert decision.change is Change.APPEND
        assert decision.unconfirmed == ()


class TestUnit:
    PENCE = tuple((when, close * 100) for when, close in WEEK)

    @pytest.mark.parametrize(
        ("minor", "major", "mic"), [("GBp", "GBP", "XLON"), ("ZAc", "ZAR", ""), ("ILA", "ILS", "")]
    )
    def test_of_the_series_is_kept_if_the_provider_switches(
        self, minor: str, major: str, mic: str
    ) -> None:
        held = stored(series(*self.PENCE), currency=minor)
        dividends = Actions((), (Dividend(day("2026-03-05"), 0.5),))
        found = answer(*WEEK, ("2026-03-09", 105.0), currency=major, actions=dividends)

        decision = merge(held, found, sessions(mic) if mic else None, now=NOW)

        assert closes(decision.bars)["2026-03-09"] == pytest.approx(10_500.0)
        assert decision.actions.dividends == (Dividend(day("2026-03-05"), 50.0),)

    def test_is_kept_in_pounds_too(self) -> None:
        found = answer(*self.PENCE, ("2026-03-09", 10_500.0), currency="GBp")

        decision = merge(stored(currency="GBP"), found, sessions("XLON"), now=NOW)

        assert closes(decision.bars) == {"2026-03-09": pytest.approx(105.0)}

    def test_of_all_that_the_answer_says_is_converted(self) -> None:
        told = Actions((SPLIT,), (Dividend(day("2026-03-05"), 0.5),))
        found = answer(
            *WEEK, currency="GBP", actions=told, adjusted_close=np.array([5.0, 6, 7, 8, 9])
        )

        converted = convert_to_stored_unit(stored(series(*self.PENCE), currency="GBp"), found)

        assert not isinstance(converted, Refusal)
        assert converted.adjusted_close is not None
        assert converted.adjusted_close.tolist() == [500, 600, 700, 800, 900]
        assert converted.series == series(*self.PENCE)
        assert converted.actions == Actions((SPLIT,), (Dividend(day("2026-03-05"), 50.0),))
        assert converted.currency == "GBp"

    def test_is_refused_if_only_its_name_changes(self) -> None:
        found = answer(*self.PENCE, currency="GBP")
        held = stored(series(*self.PENCE), currency="GBp")

        decision = merge(held, found, sessions("XLON"), now=NOW)

        assert guard(decision) is Guard.CURRENCY
        assert decision.reason == "the currency changed from GBp to GBP"

    def test_is_refused_if_only_the_prices_change(self) -> None:
        assert guard(decided(*self.PENCE)) is Guard.BASIS


class TestCompleteness:
    def test_refuses_a_whole_answer_without_bars(self) -> None:
        decision = decided(asked=WHOLE)

        assert guard(decision) is Guard.COMPLETENESS
        assert decision.reason == "the answer holds none of the 5 stored sessions"

    def test_requires_the_whole_history_if_a_part_has_no_stored_session(self) -> None:
        asked = DateRange(day("2026-03-04"), day("2026-03-16"))

        empty = decided(asked=asked)
        other = decided(("2026-03-10", 7.0), ("2026-03-11", 7.1), asked=asked)

        assert empty.change is Change.WHOLE
        assert other.change is Change.WHOLE
        assert other.reason == "the answer has none of the sessions that are stored"

    def test_refuses_another_company_under_the_same_symbol(self) -> None:
        rows = [("2026-03-10", 7.0), ("2026-03-11", 7.1)]

        assert guard(decided(*rows, asked=WHOLE)) is Guard.COMPLETENESS
        assert guard(decided(*((when, 7.0) for when, _ in WEEK), asked=WHOLE)) is Guard.BASIS


class TestDividends:
    PAID = tuple(Dividend(day(f"2026-03-0{n}"), 0.1 * n) for n in (2, 4, 6))

    def held(self) -> Any:
        return stored(actions=Actions((), self.PAID))

    def test_move_within_the_answer(self) -> None:
        moved = (*self.PAID[:2], Dividend(day("2026-03-05"), 0.6))

        decision = decided(*WEEK, held=self.held(), actions=Actions((), moved), asked=WHOLE)

        assert decision.actions.dividends == moved

    def test_that_moved_into_the_answer_require_the_whole_history(self) -> None:
        """Otherwise the dividend would count twice."""
        moved = (Dividend(day("2026-03-05"), 0.4), self.PAID[2])

        decision = decided(
            *WEEK[3:],
            held=self.held(),
            actions=Actions((), moved),
            asked=DateRange(day("2026-03-05"), day("2026-03-16")),
        )

        assert decision.change is Change.WHOLE
        assert decision.reason == "a dividend was moved"

    def test_that_a_partial_answer_lacks_require_the_whole_history(self) -> None:
        decision = decided(*WEEK[3:], held=self.held())

        assert decision.change is Change.WHOLE
        assert decision.reason == "the answer lacks a stored dividend"

    def test_that_a_whole_answer_lacks_are_kept(self) -> None:
        decision = decided(*WEEK, held=self.held(), asked=WHOLE)

        assert guard(decision) is Guard.ACTIONS
        assert decision.reason == "the answer lacks 3 of the 3 stored dividends"

    def test_that_did_not_change_do_not_require_the_whole_history(self) -> None:
        early, late = Dividend(day("2026-03-02"), 0.2), Dividend(day("2026-03-05"), 0.6)
        found = answer(*WEEK[1:], NEXT_WEEK, actions=Actions((), (late,)))

        decision = merge(
            stored(actions=Actions((), (early, late))), found, sessions("XNYS"), now=NOW
        )

        assert decision.change is Change.APPEND
        assert decision.actions.dividends == (early, late)

    def test_may_be_withdrawn_one_at_a_time(self) -> None:
        decision = decided(*WEEK, held=self.held(), actions=Actions((), self.PAID[1:]), asked=WHOLE)

        assert decision.bars == series(*WEEK)
        assert decision.actions.dividends == self.PAID[1:]
        assert decision.corrections == (Correction(day("2026-03-02"), "dividend", 0.2, None),)


class TestSplits:
    def test_of_a_later_day_are_left_out_of_a_first_answer(self) -> None:
        first = stored(series(), source="")
        old, coming = Split(day("2020-08-31"), 4, 1), Split(day("2026-03-18"), 2, 1)
        found = answer(*WEEK, actions=Actions((old, coming)), asked=WHOLE)

        decision = merge(first, found, sessions("XNYS"), now=NOW)

        assert decision.change is Change.REPLACE
        assert decision.actions.splits == (old,)

    def test_that_the_answer_lacks_are_refused_besides_others(self) -> None:
        old, lost = Split(day("2020-08-31"), 4, 1), Split(day("2026-03-06"), 2, 1)
        held = stored(actions=Actions((old, lost)))
        found = answer(*WEEK, actions=Actions((old,)), asked=WHOLE)

        decision = merge(held, found, sessions("XNYS"), now=NOW)

        assert guard(decision) is Guard.ACTIONS
        assert decision.reason == "the answer lacks the split of 2026-03-06"

    def test_of_21_for_20_are_missed_in_a_part_of_the_overlap(self) -> None:
        """The smallest splits. Two of five bars changed."""
        moved = [(when, close * 1.05) for when, close in (*WEEK[3:], NEXT_WEEK)]

        decision = merge(stored(), answer(*WEEK[:3], *moved), sessions("XNYS"), now=NOW)

        assert guard(decision) is Guard.BASIS
        assert "prices are 1.05 times the stored ones" in decision.reason


class TestTrusted:
    def test_answer_is_stored_whatever_is_stored_already(self) -> None:
        rows = [("2026-02-26", 7.0), ("2026-02-27", 7.1)]

        decision = merge(
            stored(), answer(*rows, asked=WHOLE), sessions("XNYS"), now=NOW, trusted=True
        )

        assert decision.change is Change.REPLACE
        assert closes(decision.bars) == dict(rows)
        assert decision.corrections[0] == Correction(
            day("2026-02-26"), "bars", 5, 2, CorrectionReason.RELEASED
        )
        gone = [c for c in decision.corrections if c.field != "bars"]
        assert [(c.session, c.old) for c in gone if c.field == "close"] == [
            (day(when), close) for when, close in WEEK
        ]
        assert {(c.new, c.why) for c in gone} == {(None, CorrectionReason.RELEASED)}

    def test_answer_that_begins_later_continues_what_is_stored(self) -> None:
        """The provider keeps the histories of two names apart."""
        rows = [("2026-03-10", 7.0), ("2026-03-11", 7.1)]

        decision = merge(
            stored(), answer(*rows, asked=WHOLE), sessions("XNYS"), now=NOW, trusted=True
        )

        assert closes(decision.bars) == dict([*WEEK, *rows])
        assert decision.provider_from == day("2026-03-10")
        held = stored(decision.bars, fetched_at=NOW, provider_from=decision.provider_from)
        again = decided(*rows, ("2026-03-12", 7.2), held=held, asked=WHOLE)
        assert again.change is Change.APPEND
        assert closes(again.bars) == {"2026-03-12": 7.2}

    def test_an_answer_brings_its_own_events(self) -> None:
        told = Actions((SPLIT,), (Dividend(day("2026-03-04"), 0.25),))
        held = stored(actions=Actions((), (Dividend(day("2026-03-05"), 0.5),)))

        decision = merge(
            held, answer(*WEEK, actions=told, asked=WHOLE), sessions("XNYS"), now=NOW, trusted=True
        )

        assert decision.actions == told

    def test_answer_without_bars_removes_nothing(self) -> None:
        decision = merge(stored(), answer(asked=WHOLE), sessions("XNYS"), now=NOW, trusted=True)

        assert decision.change is Change.NOTHING
        assert decision.reason == "the provider has no bars"


class TestCorrectionReason:
    def test_is_settled_for_a_volume_that_is_not_final(self) -> None:
        held = stored(final_through=day("2026-03-04"))
        rows = [(when, close, 1_001) for when, close in WEEK[1:]]

        decision = decided(*rows, held=held)

        assert [(c.session, c.why) for c in decision.corrections] == [
            (day("2026-03-03"), CorrectionReason.REVISED),
            (day("2026-03-04"), CorrectionReason.REVISED),
            (day("2026-03-05"), CorrectionReason.SETTLED),
            (day("2026-03-06"), CorrectionReason.SETTLED),
        ]

    def test_is_revised_for_a_price(self) -> None:
        held = stored(final_through=day("2026-03-04"))

        decision = decided(*WEEK[1:4], ("2026-03-06", 104.01), held=held)

        assert {(c.field, c.why) for c in decision.corrections} == {
            (name, CorrectionReason.REVISED) for name in ("open", "high", "low", "close")
        }

    def test_is_healed_for_a_gap(self) -> None:
        held = stored(series(*WEEK[:2], *WEEK[3:]))

        (correction,) = decided(*WEEK, held=held).corrections

        assert (correction.session, correction.why) == (day("2026-03-04"), CorrectionReason.HEALED)
        assert (correction.field, correction.old, correction.new) == ("close", None, 102.0)


def test_confirms_a_step_by_its_age_if_sessions_are_unknown() -> None:
    young = merge(stored(), answer(*WEEK[2:], MONDAY), None, now=NOW)
    old = merge(stored(), answer(*WEEK[2:], MONDAY), None, now=NOW + timedelta(days=7))

    assert young.unconfirmed == (day("2026-03-09"),)
    assert old.unconfirmed == ()
    assert np.array_equal(old.bars.close, [52.5])


class TestKept:
    """A person has decided to keep what is stored."""

    def test_answer_stays_out_and_is_not_shown_again(self) -> None:
        (refusal,) = decided(*WEEK[2:], MONDAY, currency="EUR").refusals

        held = stored(kept=refusal.keys)
        again = decided(*WEEK[2:], MONDAY, currency="EUR", held=held)
        other = decided(*WEEK[2:], MONDAY, currency="GBP", held=held)

        assert (again.change, again.refusals, again.is_kept) == (Change.NOTHING, (), True)
        assert guard(other) is Guard.CURRENCY

    def test_difference_stays_out_and_the_rest_is_stored(self) -> None:
        rows = (*WEEK[2:4], ("2026-03-06", 10_400.0), NEXT_WEEK)
        (refusal,) = decided(*rows).refusals

        again = decided(*rows, held=stored(kept=refusal.keys))

        assert (again.change, again.refusals) == (Change.APPEND, ())
        assert closes(again.bars) == {"2026-03-09": 104.5}

    def test_difference_is_taken_if_it_is_accepted(self) -> None:
        rows = (*WEEK[2:4], ("2026-03-06", 10_400.0), NEXT_WEEK)
        (refusal,) = decided(*rows).refusals

        taken = merge(stored(), answer(*rows), sessions("XNYS"), now=NOW, accepted=refusal.keys)

        assert closes(taken.bars)["2026-03-06"] == 10_400.0
        assert {c.why for c in taken.corrections} == {CorrectionReason.RELEASED}

    @pytest.mark.parametrize(
        ("accepted", "change"),
        [
            (["bar 2026-03-04 close 10200", "bar 2026-03-05 close 10300"], Change.REPLACE),
            ([], Change.REFUSE),
        ],
    )
    def test_differences_that_are_accepted_show_no_other_basis(
        self, accepted: list[str], change: Change
    ) -> None:
        rows = (("2026-03-04", 10_200.0), ("2026-03-05", 10_300.0), WEEK[4])

        decision = merge(stored(), answer(*rows), sessions("XNYS"), now=NOW, accepted=accepted)

        assert decision.change is change
        if accepted:
            assert closes(decision.bars) == dict([*WEEK[:2], *rows])
            assert decision.refusals == ()
