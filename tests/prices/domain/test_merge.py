"""Merging: what an answer changes in a stored series."""

from dataclasses import replace
from typing import Any

import pytest

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.answers import Correction, CorrectionReason, Fetched, Stored
from prices.domain.bars import BarSeries
from prices.domain.coverage import DateRange
from prices.domain.decision import Change, Decision
from prices.domain.merge import merge
from tests.prices.domain.builders import at, closes, day, fetched, series, sessions

NOW = at("2026-03-14 12:00")  # A Saturday: both weeks are closed.
WEEK = (
    ("2026-03-02", 100.0),
    ("2026-03-03", 101.0),
    ("2026-03-04", 102.0),
    ("2026-03-05", 103.0),
    ("2026-03-06", 104.0),
)
FRIDAY_NOON, SATURDAY = at("2026-03-06 12:00"), at("2026-03-07 12:00")


def stored(bars: BarSeries | None = None, **changes: Any) -> Stored:
    known: dict[str, Any] = {"source": "yahoo", "currency": "USD", "fetched_at": SATURDAY}
    return Stored(
        series(*WEEK) if bars is None else bars, **{"actions": Actions(), **known, **changes}
    )


def answer(*rows: tuple[Any, ...], **changes: Any) -> Fetched:
    return fetched(series(*rows), **{"fetched_at": NOW, **changes})


def merged(held: Stored, found: Fetched, mic: str = "XNYS") -> Decision:
    return merge(held, found, sessions(mic) if mic else None, now=NOW)


class TestMerge:
    def test_takes_the_first_answer_whole(self) -> None:
        actions = Actions((), (Dividend(day("2026-03-04"), 0.25),))

        decision = merged(stored(BarSeries.empty(), source=""), answer(*WEEK, actions=actions))

        assert decision == Decision(Change.REPLACE, series(*WEEK), actions)

    def test_marks_normalised_bars_and_unconfirmed_moves_of_the_first_answer(self) -> None:
        fell = (*WEEK, ("2026-03-09", 104.0), ("2026-03-10", 52.0), ("2026-03-11", 51.0))
        normalised = (day("2026-03-03"),)

        decision = merged(
            stored(BarSeries.empty(), source=""), answer(*fell, normalised=normalised)
        )

        assert decision.bars == series(*fell)
        assert decision.normalised == normalised
        assert decision.unconfirmed == (day("2026-03-10"),)

    def test_takes_prices_below_zero(self) -> None:
        before = tuple((session, close / 5) for session, close in WEEK)
        crude = (*before, ("2026-03-09", 18.27), ("2026-03-10", -37.63), ("2026-03-11", 10.01))
        first = merged(stored(BarSeries.empty(), source=""), answer(*crude))
        assert (first.bars, first.refusals) == (series(*crude), ())

        later = merged(stored(series(*before)), answer(*crude))
        assert (later.change, later.refusals) == (Change.APPEND, ())
        assert closes(later.bars) == dict(crude[5:])

        again = merged(stored(series(*crude)), answer(*crude))
        assert (again.change, again.refusals) == (Change.NOTHING, ())

    @pytest.mark.parametrize("factor", [0.65, 0.1, 3])
    def test_takes_a_move_of_any_size_at_once_and_calls_it_unconfirmed(self, factor: float) -> None:
        moved = (*WEEK, ("2026-03-09", 104.0 * factor), ("2026-03-10", 103.0 * factor))

        decision = merged(stored(), answer(*moved))

        assert closes(decision.bars) == dict(moved[5:])
        assert decision.refusals == ()
        assert decision.unconfirmed == (day("2026-03-09"),)

    @pytest.mark.parametrize("held", [BarSeries.empty(), series(*WEEK)])
    def test_changes_nothing_for_an_empty_answer(self, held: BarSeries) -> None:
        actions = Actions((Split(day("2020-08-31"), 4, 1),))

        decision = merged(stored(held, actions=actions), answer())

        assert decision.change is Change.NOTHING
        assert decision.actions == actions
        assert len(decision.bars) == 0
        assert decision.reason.startswith("the provider has no bars")

    def test_changes_nothing_if_all_bars_are_stored(self) -> None:
        assert merged(stored(), answer(*WEEK[2:])).change is Change.NOTHING

    def test_appends_only_new_bars(self) -> None:
        decision = merged(stored(), answer(*WEEK[3:], ("2026-03-09", 105.0), ("2026-03-10", 106.0)))

        assert decision.change is Change.APPEND
        assert closes(decision.bars) == {"2026-03-09": 105.0, "2026-03-10": 106.0}
        assert decision.corrections == ()

    def test_replaces_for_a_revised_volume_and_keeps_the_correction(self) -> None:
        revised = ("2026-03-05", 103.0, 1_002)

        decision = merged(stored(), answer(*WEEK[2:3], revised, WEEK[4], ("2026-03-09", 105.0)))

        assert decision.change is Change.REPLACE
        assert decision.corrections == (
            Correction(day("2026-03-05"), "volume", 1000.0, 1002.0, CorrectionReason.SETTLED),
        )
        assert closes(decision.bars) == {**dict(WEEK), "2026-03-09": 105.0}
        assert decision.bars.volume.tolist() == [1000, 1000, 1000, 1002, 1000, 1000]

    def test_lists_every_field_that_changed(self) -> None:
        decision = merged(stored(), answer(*WEEK[2:4], ("2026-03-06", 104.5)))

        assert decision.corrections == tuple(
            Correction(day("2026-03-06"), name, 104.0, 104.5)
            for name in ("open", "high", "low", "close")
        )

    def test_ignores_the_noise_of_single_precision(self) -> None:
        noisy = [(when, close * (1 + 6e-8)) for when, close in WEEK]

        assert merged(stored(), answer(*noisy)).change is Change.NOTHING

    def test_keeps_bars_that_changed_by_noise_only(self) -> None:
        noisy, revised = ("2026-03-04", 102.000001), ("2026-03-05", 103.0, 2_000)

        decision = merged(stored(), answer(noisy, revised, WEEK[4]))

        assert decision.change is Change.REPLACE
        assert closes(decision.bars) == dict(WEEK)

    @pytest.mark.parametrize("hole", [0, 2, 3])
    def test_replaces_to_heal_a_gap(self, hole: int) -> None:
        with_hole = series(*WEEK[:hole], *WEEK[hole + 1 :])

        decision = merged(stored(with_hole), answer(*WEEK))

        assert decision.change is Change.REPLACE
        assert decision.bars == series(*WEEK)
        if hole:
            (healed,) = decision.corrections
            assert (healed.session, healed.why) == (day(WEEK[hole][0]), CorrectionReason.HEALED)
        else:  # A session before the first stored bar was not a gap.
            assert decision.corrections == (
                Correction(day(WEEK[1][0]), "bars", 0, 1, CorrectionReason.EXTENDED),
            )

    @pytest.mark.parametrize("new", [(), (("2026-03-09", 105.0),)])
    def test_records_a_split_that_is_reported_after_its_prices(self, new: tuple[Any, ...]) -> None:
        """The stored bars and dividends are on its basis already."""
        paid = (Dividend(day("2026-03-03"), 0.5),)
        late = Actions((Split(day("2026-03-04"), 20, 1),), paid)

        decision = merged(stored(actions=Actions((), paid)), answer(*WEEK, *new, actions=late))

        assert decision.actions == late
        assert decision.refusals == ()
        assert decision.change is (Change.APPEND if new else Change.NOTHING)
        assert decision.corrections == (
            Correction(day("2026-03-04"), "split", None, 20.0, CorrectionReason.ANNOUNCED),
        )

    def test_adds_a_dividend_without_new_bars(self) -> None:
        actions = Actions((), (Dividend(day("2026-03-05"), 0.25),))

        decision = merged(stored(), answer(*WEEK[2:], actions=actions))

        assert decision.bars == series(*WEEK)
        assert decision.actions == actions
        assert decision.corrections == (
            Correction(day("2026-03-05"), "dividend", None, 0.25, CorrectionReason.ANNOUNCED),
        )

    def test_keeps_events_before_the_fetched_range(self) -> None:
        old = Dividend(day("2026-03-03"), 0.25)
        new = Dividend(day("2026-03-05"), 0.5)

        decision = merged(
            stored(actions=Actions((), (old,))), answer(*WEEK[2:], actions=Actions((), (new,)))
        )

        assert decision.actions == Actions((), (old, new))

    def test_ignores_an_answer_fetched_before_the_stored_one(self) -> None:
        late = answer(*WEEK[:4], ("2026-03-06", 99.0), fetched_at=FRIDAY_NOON)

        decision = merged(stored(), late)

        assert decision.change is Change.NOTHING
        assert decision.reason == "a later answer is already stored"


class TestSample:
    OLD = series(("2013-02-28", 15.0), ("2013-03-01", 15.25))

    def test_is_replaced_by_any_real_answer(self) -> None:
        placeholder = stored(self.OLD, source="sample", currency="EUR", fetched_at=NOW)

        decision = merged(placeholder, answer(*WEEK, fetched_at=SATURDAY))

        assert decision.change is Change.REPLACE
        assert decision.bars == series(*WEEK)

    def test_stays_without_a_real_answer(self) -> None:
        actions = Actions((Split(day("2005-02-28"), 2, 1),))

        decision = merged(stored(self.OLD, source="sample", actions=actions), answer())

        assert decision.change is Change.NOTHING
        assert decision.actions == actions


class TestNormalised:
    """Bars whose open, high or low was changed to fit their close."""

    def bars(self, *rows: tuple[Any, ...]) -> BarSeries:
        return BarSeries.from_rows((day(when), *prices, 1_000) for when, *prices in rows)

    def test_keep_the_stored_prices_if_the_close_is_the_stored_one(self) -> None:
        old = (
            ("2026-03-03", 100.0, 102.0, 99.0, 101.0),
            ("2026-03-04", 101.0, 103.0, 100.0, 102.0),
            ("2026-03-05", 102.0, 104.0, 101.0, 103.0),
            ("2026-03-06", 103.0, 105.0, 102.0, 104.0),
        )
        new = (
            ("2026-03-03", 101.0, 101.0, 101.0, 101.0),
            ("2026-03-04", 102.005, 102.005, 102.005, 102.005),
            ("2026-03-05", 102.98, 102.98, 102.98, 102.98),
            ("2026-03-06", 103.5, 105.0, 102.0, 104.0),
            ("2026-03-09", 105.0, 105.0, 105.0, 105.0),
        )
        march = DateRange(day("2026-03-02"), day("2026-03-04"))
        held = stored(self.bars(*old), normalised=(march,))
        changed = tuple(day(f"2026-03-0{n}") for n in (3, 4, 5, 9))

        decision = merged(held, fetched(self.bars(*new), fetched_at=NOW, normalised=changed))

        assert decision.bars == self.bars(*old[:2], *new[2:])
        # The first was stored as one already, the second is no longer one.
        assert decision.normalised == tuple(day(f"2026-03-0{n}") for n in (3, 5, 9))
        assert {(c.session.day, c.field) for c in decision.corrections} == {
            *((5, name) for name in ("open", "high", "low", "close")),
            (6, "open"),
        }

    def test_keep_them_on_the_basis_of_a_new_split(self) -> None:
        split = Actions((Split(day("2026-03-09"), 2, 1),))
        old = tuple((when, close - 1, close + 1, close - 2, close) for when, close in WEEK)
        new = tuple((row[0], *(price / 2 for price in row[1:])) for row in old)
        flat = (*new[:2], ("2026-03-04", 51.0, 51.0, 51.0, 51.0), *new[3:])
        found = fetched(
            self.bars(*flat, ("2026-03-09", 52.0, 53.0, 51.0, 52.5)),
            fetched_at=NOW,
            actions=split,
            normalised=(day("2026-03-04"),),
            asked=DateRange(day("1900-01-01"), day("2026-03-16")),
        )

        decision = merged(stored(self.bars(*old)), found)

        assert decision.bars.between(None, day("2026-03-09")).low.tolist() == [
            *(49.0, 49.5, 50.0, 50.5, 51.0)
        ]
        assert decision.normalised == ()


class TestOpenSessions:
    def appended(self, found: Fetched, now: str, mic: str = "XNYS") -> list[str]:
        calendar = sessions(mic) if mic else None
        return list(closes(merge(stored(), found, calendar, now=at(now)).bars))

    MONDAY = answer(*WEEK[3:], ("2026-03-09", 105.0))

    def test_are_not_stored_before_their_close(self) -> None:
        assert self.appended(self.MONDAY, "2026-03-09 19:59") == []
        assert self.appended(self.MONDAY, "2026-03-09 20:00") == ["2026-03-09"]

    def test_are_not_stored_while_the_provider_reports_them_open(self) -> None:
        """Even if the calendar disagrees, because the answer may be older than it looks."""
        running = replace(self.MONDAY, running=day("2026-03-09"))

        assert self.appended(running, "2026-03-09 23:00") == []

    def test_wait_for_the_lag(self) -> None:
        assert self.appended(self.MONDAY, "2026-03-09 16:49", "XLON") == []
        assert self.appended(self.MONDAY, "2026-03-09 16:50", "XLON") == ["2026-03-09"]

    def test_end_with_the_local_day_if_sessions_are_unknown(self) -> None:
        tokyo = replace(self.MONDAY, timezone="Asia/Tokyo")

        assert self.appended(tokyo, "2026-03-09 14:59", "") == []
        assert self.appended(tokyo, "2026-03-09 15:00", "") == ["2026-03-09"]


class TestFillers:
    def test_without_volume_on_a_holiday_are_left_out(self) -> None:
        """2025-01-09 was a day of mourning."""
        found = answer(("2025-01-08", 10.0), ("2025-01-09", 10.0, 0), ("2025-01-10", 10.5))

        decision = merged(stored(BarSeries.empty()), found)

        assert list(closes(decision.bars)) == ["2025-01-08", "2025-01-10"]

    def test_are_not_bars_with_volume(self) -> None:
        found = answer(("2025-01-08", 10.0), ("2025-01-09", 10.1, 7), ("2025-01-10", 10.5))

        assert len(merged(stored(BarSeries.empty()), found).bars) == 3

    def test_are_not_bars_of_a_symbol_without_volumes(self) -> None:
        found = answer(("2026-03-05", 1.1, 0), ("2026-03-06", 1.2, 0))

        assert len(merged(stored(BarSeries.empty()), found, "24/5").bars) == 2
        assert len(merged(stored(BarSeries.empty()), found, "").bars) == 2

    def test_are_kept_before_the_calendar_begins(self) -> None:
        """Sessions before 1990 are unknown, so the bar of 1985-12-25 is kept."""
        found = answer(("1985-12-24", 10.0, 0), ("1985-12-25", 10.0, 0))

        assert len(merged(stored(BarSeries.empty()), found).bars) == 2


class TestRange:
    def test_longer_than_the_history_changes_nothing(self) -> None:
        asked = DateRange(day("1900-01-01"), day("2026-03-16"))

        assert merged(stored(), answer(*WEEK, asked=asked)).change is Change.NOTHING
