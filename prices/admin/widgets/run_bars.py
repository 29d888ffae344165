"""A bar a day, stacked by how the day's runs ended: geometry for an SVG that needs no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prices.jobs.history import RunDay

_HEIGHT, _STEP, _WIDTH = 100, 20, 14
_LEAST = 3.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A rectangle; `kind` says which colour and pattern."""

    kind: str
    x: int
    y: float
    width: int
    height: float


@dataclass(frozen=True, slots=True)
class RunBar:
    """One day: what its tooltip says, and its pieces from the ground up."""

    words: str
    x: int
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """All days in one picture. `summary` says it in a sentence, `most` is what a full bar means."""

    bars: tuple[RunBar, ...]
    width: int
    height: int
    step: int
    most: int
    first: str
    last: str
    summary: str


def bars_of(days: Sequence[RunDay]) -> Bars:
    most = max((day.total for day in days), default=0)
    return Bars(
        bars=tuple(_bar(number * _STEP, day, most) for number, day in enumerate(days)),
        width=len(days) * _STEP,
        height=_HEIGHT,
        step=_STEP,
        most=most,
        first=f"{days[0].day:%-d %b}" if days else "",
        last=f"{days[-1].day:%-d %b}" if days else "",
        summary=_summary(days),
    )


def _bar(x: int, day: RunDay, most: int) -> RunBar:
    pieces, top = [], float(_HEIGHT)
    for kind in ("good", "partial", "failed", "other"):
        count: int = getattr(day, kind)
        if count:
            # A single failure among hundreds must still be seen.
            height = max(_HEIGHT * count / most, _LEAST)
            top = max(top - height, 0.0)
            pieces.append(Piece(kind, x + (_STEP - _WIDTH) // 2, round(top, 2), _WIDTH, height))
    return RunBar(_words(day), x, tuple(pieces))


def _words(day: RunDay) -> str:
    told = [f"{day.good} good", f"{day.partial} partly failed", f"{day.failed} failed"]
    if day.other:
        told.append(f"{day.other} cancelled or open")
    return f"{day.day}: " + (", ".join(told) if day.total else "no sync")


def _summary(days: Sequence[RunDay]) -> str:
    good, partial, failed = (
        sum(getattr(day, kind) for day in days) for kind in ("good", "partial", "failed")
    )
    total = sum(day.total for day in days)
    if not total:
        return f"No sync in the last {len(days)} days."
    return (
        f"{total:,} sync{'s' * (total != 1)} in the last {len(days)} days: {good:,} good, {partial:,} partly failed, "
        f"{failed:,} failed."
    )
