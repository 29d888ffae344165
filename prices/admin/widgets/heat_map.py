"""The heat map of a symbol's sessions: a year a strip, a week a column, a weekday a row.

Drawn on the server as SVG. Each state has a shape of its own, so that nothing hangs on colour;
what is amiss is an element with a title, what is as it should be one path a month.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np

from prices.domain.bars import Times
from prices.domain.coverage import Gap
from prices.domain.manual_bars import HandFilled
from prices.domain.sessions import FIRST_YEAR, Sessions
from prices.domain.wording import stamp

# Of a cell, and from one to the next; and what the names of the months need above.
_CELL, _PITCH, _TOP = 10, 12, 20
_WEEKS = 54
_DAY = timedelta(days=1)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Mark:
    """Cells of one state in one path. `tone` names the class, `path` the shapes, `title` says it."""

    tone: str
    path: str
    title: str


@dataclass(frozen=True, slots=True)
class Year:
    """One strip, and its numbers in words."""

    year: int
    width: int
    height: int
    marks: tuple[Mark, ...]
    months: tuple[tuple[int, str], ...]
    expected: int | None
    present: int
    provisional: int
    gaps: int
    by_hand: int
    lacking: int

    @property
    def words(self) -> str:
        of = "" if self.expected is None else f" of {self.expected:,}"
        told = [f"{self.present:,}{of} sessions stored"]
        told += [f"{self.gaps} gap{'s' * (self.gaps != 1)}"] * bool(self.gaps)
        told += [f"{self.lacking} not fetched yet"] * bool(self.lacking)
        told += [f"{self.provisional} provisional"] * bool(self.provisional)
        told += [f"{self.by_hand} filled by hand"] * bool(self.by_hand)
        return f"{self.year}: {', '.join(told)}."


@dataclass(frozen=True, slots=True)
class SessionMap:
    """What the map is random_sample from: a series' sessions, what is known of them, and its exchange."""

    sessions: Times
    final_through: date | None
    gaps: tuple[Gap, ...]
    by_hand: tuple[HandFilled, ...]
    calendar: Sessions | None
    now: datetime


@dataclass(slots=True)
class _Drawing:
    """The cells of one year while they are sorted into marks."""

    year: int
    marks: list[Mark] = field(default_factory=list)

    def cell(self, day: date, corner: int = 0) -> tuple[int, int]:
        """Left and top of a day's cell, `corner` further in."""
        first = date(self.year, 1, 1)
        week = ((day - first).days + first.weekday()) // 7
        return week * _PITCH + corner, _TOP + day.weekday() * _PITCH + corner

    def add(self, tone: str, days: list[date], title: str) -> None:
        if days:
            path = "".join(_SHAPES[tone](*self.cell(day)) for day in days)
            self.marks.append(Mark(tone, path, title))


def _square(x: int, y: int) -> str:
    return f"M{x} {y}h{_CELL}v{_CELL}h-{_CELL}z"


def _frame(x: int, y: int) -> str:
    """A square with a hole."""
    return f"{_square(x, y)}M{x + 2} {y + 2}v6h6v-6z"


def _cross(x: int, y: int) -> str:
    return f"M{x + 2} {y}l3 3l3 -3l2 2l-3 3l3 3l-2 2l-3 -3l-3 3l-2 -2l3 -3l-3 -3z"  # an x, filled


def _diamond(x: int, y: int) -> str:
    return f"M{x + 5} {y}l5 5l-5 5l-5 -5z"


def _triangle(x: int, y: int) -> str:
    return f"M{x + 5} {y}l5 {_CELL}h-{_CELL}z"


def _dash(x: int, y: int) -> str:
    return f"M{x} {y + 4}h{_CELL}v2h-{_CELL}z"


def _dot(x: int, y: int) -> str:
    return f"M{x + 4} {y + 4}h2v2h-2z"


def _speck(x: int, y: int) -> str:
    return f"M{x + 3} {y + 3}h4v4h-4z"


_SHAPES = {
    "present": _square,
    "provisional": _frame,
    "gap": _cross,
    "hand": _diamond,
    "conflict": _triangle,
    "lacking": _dash,
    "holiday": _dot,
    "unlisted": _speck,
}
# What each shape means, for the legend.
LEGEND = tuple(
    (Mark(tone, _SHAPES[tone](0, 0), words))
    for tone, words in (
        ("present", "stored, final"),
        ("provisional", "stored, provisional"),
        ("gap", "gap: asked for, none came"),
        ("hand", "filled by hand"),
        ("conflict", "by hand, and the provider differs"),
        ("lacking", "not fetched yet"),
        ("holiday", "holiday"),
        ("unlisted", "before the first bar"),
    )
)


def years_of(history: SessionMap) -> list[Year]:
    """The strips, the latest first; none where there is no bar."""
    if not len(history.sessions):
        return []
    first, last = history.sessions[0].item().year, history.now.date().year
    return [_year(year, history) for year in range(max(last, first), first - 1, -1)]


def _year(year: int, history: SessionMap) -> Year:
    begin, end = date(year, 1, 1), date(year + 1, 1, 1)
    drawing = _Drawing(year)
    low, high = np.searchsorted(history.sessions, np.array([begin, end], "datetime64[D]"))
    held: list[date] = history.sessions[low:high].tolist()
    hand = [f for f in history.by_hand if begin <= f.session < end]
    gaps = [gap for gap in history.gaps if begin <= gap.session < end]
    settled = history.final_through or date.min
    special = {filled.session for filled in hand}
    final = [day for day in held if day <= settled and day not in special]
    provisional = [day for day in held if day > settled and day not in special]
    expected, lacking = _around(drawing, history, begin, end, set(held))
    _draw_present(drawing, final)
    for day in provisional:
        drawing.add("provisional", [day], f"{day}: provisional, it may still change")
    for gap in gaps:
        drawing.add("gap", [gap.session], _told(gap))
    for filled in hand:
        drawing.add("conflict" if filled.offered else "hand", [filled.session], _by_hand(filled))
    return Year(
        year,
        width=_WEEKS * _PITCH,
        height=_TOP + (7 if _trades_weekends(history) else 5) * _PITCH,
        marks=tuple(drawing.marks),
        months=tuple((drawing.cell(date(year, m, 1))[0], _MONTHS[m - 1]) for m in (1, 4, 7, 10)),
        expected=expected,
        present=len(held),
        provisional=len(provisional),
        gaps=len(gaps),
        by_hand=len(hand),
        lacking=lacking,
    )


def _trades_weekends(history: SessionMap) -> bool:
    tail = history.sessions[-20:].astype("datetime64[D]").view("i8")
    return bool((((tail + 3) % 7) >= 5).any())


def _around(
    drawing: _Drawing, history: SessionMap, begin: date, end: date, held: set[date]
) -> tuple[int | None, int]:
    """Draws what is no bar: holidays, days before the first and after the last bar.

    Returns how many sessions the year expects, and how many of them are not fetched yet.
    """
    calendar = history.calendar
    closed = calendar.last_closed(history.now) if calendar else None
    first, last = history.sessions[0].item(), history.sessions[-1].item()
    if calendar is None or closed is None or begin.year < FIRST_YEAR:
        return None, 0
    trading: set[date] = set(calendar.between(begin, min(end, closed + _DAY)).tolist())
    drawing.add("unlisted", sorted(d for d in trading if d < first), "Before the first bar")
    for day in _weekdays(begin, min(end, closed + _DAY)):
        if day not in trading and day not in held:
            drawing.add("holiday", [day], f"{day}: no session (holiday)")
    lacking = sorted(day for day in trading if day > last)
    for day in lacking:
        drawing.add("lacking", [day], f"{day}: not fetched yet")
    return sum(day >= first for day in trading), len(lacking)


def _weekdays(begin: date, end: date) -> Iterator[date]:
    for offset in range((end - begin).days):
        day = begin + timedelta(days=offset)
        if day.weekday() < 5:
            yield day


def _draw_present(drawing: _Drawing, days: list[date]) -> None:
    for month, name in enumerate(_MONTHS, 1):
        those = [day for day in days if day.month == month]
        count = f"{len(those)} session{'s' * (len(those) != 1)} stored"
        drawing.add("present", those, f"{name} {drawing.year}: {count}")


def _told(gap: Gap) -> str:
    again = f"next at {stamp(gap.next_try_at)}" if gap.next_try_at else "not asked for any more"
    return (
        f"{gap.session}: gap, {gap.reason}; asked {gap.tries} time{'s' * (gap.tries != 1)}, {again}"
    )


def _by_hand(filled: HandFilled) -> str:
    differs = f"; the provider says {filled.offered.close:g}" if filled.offered else ""
    return f"{filled.session}: filled by {filled.by} ({filled.note}){differs}"


def summary(years: list[Year], history: SessionMap) -> str:
    """The whole map in a sentence or two."""
    if not years:
        return "There is no history yet."
    first, last = history.sessions[0], history.sessions[-1]
    stored = sum(year.present for year in years)
    told = f"{stored:,} sessions from {first} to {last} are stored"
    if history.calendar is None:
        return f"{told}. Its exchange's sessions are not known, so that no gap is claimed."
    gaps = sum(y.gaps for y in years)
    figures = [
        (gaps, f"gap{'s' * (gaps != 1)}"),
        (sum(y.lacking for y in years), "not fetched yet"),
        (sum(y.provisional for y in years), "provisional"),
        (sum(y.by_hand for y in years), "filled by hand"),
    ]
    more = ", ".join(f"{count:,} {words}" for count, words in figures if count)
    return f"{told}; {more}." if more else f"{told}, none is lacking, and all are final."
