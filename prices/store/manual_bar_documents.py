"""The shape of what a manifest keeps of bars filled by hand, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from prices.domain.bars import Bar
from prices.domain.manual_bars import HandFilled

_FIELDS = ("ts", *"ohlcv")


def hand_documents(by_hand: Iterable[HandFilled]) -> list[dict[str, Any]]:
    return [
        {
            "session": datetime(f.session.year, f.session.month, f.session.day, tzinfo=UTC),
            "by": f.by,
            "at": f.at,
            "note": f.note,
            "offered": dict(zip(_FIELDS, f.offered, strict=True)) if f.offered else None,
            "offered_at": f.offered_at,
        }
        for f in by_hand
    ]


def hand_filled_of(documents: Iterable[Mapping[str, Any]]) -> tuple[HandFilled, ...]:
    return tuple(
        HandFilled(
            d["session"].date(),
            d["by"],
            d["at"],
            d["note"],
            Bar(*(d["offered"][name] for name in _FIELDS)) if d["offered"] else None,
            d["offered_at"],
        )
        for d in documents
    )
