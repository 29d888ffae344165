"""Merging recorded answers of Yahoo."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from prices.domain.actions import Actions, Split
from prices.domain.answers import Correction, CorrectionReason, Fetched, Stored
from prices.domain.bars import BarSeries
from prices.domain.coverage import DateRange
from prices.domain.decision import Change
from prices.domain.merge import merge
from tests.prices.domain.builders import (
    closes,
    day,
    fetched,
    recorded,
    recorded_actions,
    recorded_bars,
    sessions,
)

Replay = list[tuple[datetime, Stored, tuple[Correction, ...]]]
NEW_YORK = ZoneInfo("America/New_York")
NOTHING = Stored(BarSeries.empty(), Actions())
LATER = datetime(2025, 7, 12, tzinfo=UTC)
SPLIT = Actions((Split(day("2022-07-18"), 20, 1),))


def found(recordings: Path, pattern: str) -> Path:
    return next((recordings / "recordings").glob(pattern))


class TestMuv2:
    """Xetra was closed on Whit Monday 2018-05-21; Yahoo sent Friday's close without volume."""

    def test_filler_on_a_holiday_is_left_out(self, recordings: Path) -> None:
        bars, _ = recorded_bars(recorded(found(recordings, "response_yahoo_historical02*")))
        answer = fetched(bars, currency="EUR", timezone="Europe/Berlin")

        decision = merge(NOTHING, answer, sessions("XETR"), now=LATER)

        assert len(bars) == 124
        assert len(decision.bars) == 123
        assert closes(bars)["2018-05-21"] == pytest.approx(193.80)
        assert "2018-05-21" not in closes(decision.bars)
        assert closes(decision.bars)["2018-05-18"] == pytest.approx(193.80)


class TestGoog:
    """The same session recorded in 2021 and in 2025, before and after a 20:1 split."""

    def held(self, recordings: Path) -> Stored:
        bars, _ = recorded_bars(recorded(found(recordings, "*GOOG*2022-03-06*")))
        return Stored(bars, Actions(), "yahoo", "USD", datetime(2022, 3, 6, tzinfo=UTC))

    def answer(self, recordings: Path, actions: Actions) -> Fetched:
        bars, _ = recorded_bars(recorded(found(recordings, "*GOOG*2025-02-27*")))
        asked = DateRange(day("2020-01-01"), day("2025-02-28"))
        return fetched(bars, asked=asked, actions=actions, fetched_at=LATER)

    def test_is_restated_if_the_answer_has_the_split(self, recordings: Path) -> None:
        held, answer = self.held(recordings), self.answer(recordings, SPLIT)

        decision = merge(held, answer, sessions("XNYS"), now=LATER)

        assert decision.change is Change.REPLACE
        assert decision.actions == SPLIT
        assert decision.bars.close.tolist() == pytest.approx([68.3685], abs=1e-4)
        assert decision.corrections == (
            Correction(day("2022-07-18"), "split", None, 20.0, CorrectionReason.SPLIT),
        )

    def test_is_refused_without_the_split(self, recordings: Path) -> None:
        held, answer = self.held(recordings), self.answer(recordings, Actions())

        decision = merge(held, answer, sessions("XNYS"), now=LATER)

        assert decision.change is Change.REFUSE
        assert "prices are 0.05 times the stored ones" in decision.reason


class TestWsu:
    """2023-08-07 was null in September 2023 and had a price in 2025."""

    def test_gap_is_healed(self, recordings: Path) -> None:
        with_hole, _ = recorded_bars(recorded(found(recordings, "*WSU.DE*2023-09-04*")))
        healed, _ = recorded_bars(recorded(found(recordings, "*WSU.DE*2025-02-27*")))
        held = Stored(with_hole, Actions(), "yahoo", "EUR", datetime(2023, 9, 4, tzinfo=UTC))

        decision = merge(
            held, fetched(healed, currency="EUR", fetched_at=LATER), sessions("XETR"), now=LATER
        )

        assert list(closes(with_hole)) == ["2023-08-04", "2023-08-08"]
        assert decision.change is Change.REPLACE
        assert list(closes(decision.bars)) == ["2023-08-04", "2023-08-07", "2023-08-08"]


class TestRevisions:
    """AAPL fetched 43 times from August to October 2025, as by a sync."""

    @pytest.fixture
    def replayed(self, recordings: Path) -> Replay:
        history: Replay = []
        held = Stored(BarSeries.empty(), Actions(), "yahoo", "USD")
        for path in sorted(recordings.glob("revisions-AAPL/*.json")):
            result = json.loads(path.read_text())["chart"]["result"][0]
            bars, _ = recorded_bars(result)
            now = datetime.fromtimestamp(result["meta"]["regularMarketTime"], UTC)
            answer = fetched(
                bars,
                fetched_at=now,
                actions=recorded_actions(result),
                asked=DateRange(bars.sessions[0].item(), now.date() + timedelta(days=2)),
            )
            decision = merge(held, answer, sessions("XNYS"), now=now)
            assert decision.change not in (Change.REFUSE, Change.WHOLE), (path.name, decision)
            if decision.change is Change.APPEND:
                bars = held.series.merge(decision.bars)
            else:
                bars = decision.bars if decision.change is Change.REPLACE else held.series
            held = Stored(bars, decision.actions, "yahoo", "USD", now)
            history.append((now, held, decision.corrections))
        return history

    def test_never_store_the_open_session(self, replayed: Replay) -> None:
        for now, held, _ in replayed:
            local = now.astimezone(NEW_YORK)
            last = held.series.sessions[-1].item()
            assert last < local.date() or (last == local.date() and local.hour >= 16)

    def test_end_with_every_session_once(self, replayed: Replay) -> None:
        held = replayed[-1][1].series

        # 182 weekdays except Good Friday, Memorial Day, Juneteenth, Independence and Labor Day
        assert held.first == datetime(2025, 2, 18, tzinfo=UTC)
        assert held.last == datetime(2025, 10, 29, tzinfo=UTC)
        assert len(held) == 177

    def test_correct_bars_that_were_read_right_after_the_close(self, replayed: Replay) -> None:
        """Then the close is final, the volume is not, and open, high and low may not be."""
        corrections = [one for _, _, some in replayed for one in some]

        moved = {True: 0.0, False: 0.0}
        for one in corrections:
            is_volume = one.field == "volume"
            old, new = (float(value or 0) for value in (one.old, one.new))
            moved[is_volume] = max(moved[is_volume], abs(new / old - 1))
        assert {one.field for one in corrections} == {"open", "high", "low", "volume"}
        assert 1e-3 < moved[False] < 2e-3
        assert 0.1 < moved[True] < 0.2
