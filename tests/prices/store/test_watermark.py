"""Watermark: what is asked for again, and for how long."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from prices.store.watermark import Watermark

NOON = datetime(2026, 6, 9, 12, tzinfo=UTC)


class TestWatermark:
    def test_asks_for_everything_until_something_was_seen(self) -> None:
        mark = Watermark("changed_at")

        mark.saw([])

        assert mark.newer() == {}

    def test_looks_back_while_the_latest_change_is_young(self) -> None:
        mark = Watermark("changed_at")

        mark.saw([NOON, NOON - timedelta(hours=1)])

        assert mark.newer() == {"changed_at": {"$gte": NOON - timedelta(seconds=30)}}

    def test_looks_only_forward_afterwards(self, monkeypatch: pytest.MonkeyPatch) -> None:
        mark = Watermark("changed_at")
        mark.saw([NOON])
        later = time.monotonic() + 31
        monkeypatch.setattr(time, "monotonic", lambda: later)

        mark.saw([NOON])  # seen before: it does not make the change young again

        assert mark.newer() == {"changed_at": {"$gt": NOON}}

    def test_is_young_again_with_the_next_change(self, monkeypatch: pytest.MonkeyPatch) -> None:
        mark = Watermark("changed_at")
        mark.saw([NOON])
        later = time.monotonic() + 31
        monkeypatch.setattr(time, "monotonic", lambda: later)

        mark.saw([NOON + timedelta(minutes=1)])

        assert mark.newer() == {"changed_at": {"$gte": NOON + timedelta(seconds=30)}}
