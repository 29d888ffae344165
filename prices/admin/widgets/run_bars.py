"""A stacked bar for each day by how the day's runs ended: geometry for an SVG without a script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prices.domain.wording import plural
from prices.jobs.history import RunDay

_HEIGHT, _STEP, _WIDTH = 100, 20, 14
# A single failure among hundreds must still be visible.
_MIN_HEIGHT = 3.0


def run_bars(days: Sequence[RunDay]) -> dict[str, Any]:
    """Returns what the template draws; `most` is the number of runs that fills a whole bar."""
    most = max((day.total for day in days), default=0)
    return {
        "bars": [
            {"x": n * _STEP, "words": _describe(day), "pieces": _pieces(n * _STEP, day, most)}
            for n, day in enumerate(days)
        ],
        "width": len(days) * _STEP,
        "height": _HEIGHT,
        "step": _STEP,
        "most": most,
        "first": f"{days[0].day:%-d %b}" if days else "",
        "last": f"{days[-1].day:%-d %b}" if days else "",
        "summary": _summary(days),
    }


def _pieces(x: int, day: RunDay, most: int) -> list[dict[str, Any]]:
    """Returns the rectangles of one day, from the bottom up."""
    pieces, top = [], float(_HEIGHT)
    for kind in ("good", "partial", "failed", "other"):
        if count := getattr(day, kind):
            height = max(_HEIGHT * count / most, _MIN_HEIGHT)
            top = max(top - height, 0.0)
            box = {"x": x + (_STEP - _WIDTH) // 2, "y": round(top, 2), "width": _WIDTH}
            pieces.append({"kind": kind, "height": height, **box})
    return pieces


def _describe(day: RunDay) -> str:
    if not day.total:
        return f"{day.day}: no sync"
    other = f", {day.other} cancelled or open" if day.other else ""
    return f"{day.day}: {day.good} good, {day.partial} partly failed, {day.failed} failed{other}"


def _summary(days: Sequence[RunDay]) -> str:
    good, partial, failed, total = (
        sum(getattr(day, name) for day in days) for name in ("good", "partial", "failed", "total")
    )
    if not total:
        return f"No sync in the last {len(days)} days."
    return (
        f"{plural(total, 'sync')} in the last {len(days)} days: {good:,} good, "
        f"{partial:,} partly failed, {failed:,} failed."
    )
