"""The heat map of a symbol's sessions: a strip for each year, a column a week, a row a weekday.

The server draws it as SVG. Each state has its own shape, so that nothing depends on colour alone.
Sessions that need attention are elements with a title; the others are one path for each month.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np

from prices.domain.bars import Times
from prices.domain.coverage import Gap
from prices.domain.manual_bars import ManualBar
from prices.domain.series import Facts
from prices.domain.sessions import FIRST_YEAR, Sessions
from prices.domain.wording import plural, stamp

# The distance from one cell to the next, and the space above for the names of the months.
_PITCH, _TOP = 12, 20
_WEEKS = 54
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Where the shape of a state begins in its cell of 10 by 10, its path from there, and its meaning.
_X = "l3 3l3 -3l2 2l-3 3l3 3l-2 2l-3 -3l-3 3l-2 -2l3 -3l-3 -3z"
_SHAPES = {
    "present": (0, 0, "h10v10h-10z", "stored, final"),
    "provisional": (0, 0, "h10v10h-10zm2 2v6h6v-6z", "stored, provisional"),  # a frame
    "gap": (2, 0, _X, "gap: requested, but the provider returned no bar"),
    "hand": (5, 0, "l5 5l-5 5l-5 -5z", "filled by hand"),  # a diamond
    "conflict": (5, 0, "l5 10h-10z", "filled by hand, and the provider differs"),  # a triangle
    "unfetched": (0, 4, "h10v2h-10z", "not fetched yet"),  # a dash
    "holiday": (4, 4, "h2v2h-2z", "holiday"),  # a dot
    "unlisted": (3, 3, "h4v4h-4z", "before the first bar"),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """Cells of one state in one path. `tone` is the CSS class, `title` the tooltip."""

    tone: str
    path: str
    title: str


@dataclass(frozen=True, slots=True)
class SessionMap:
    """What the map is drawn from: the sessions of a series, its facts, and the exchange."""

    sessions: Times
    facts: Facts
    calendar: Sessions | None
    now: datetime

    @property
    def rows(self) -> int:
        """Returns the number of weekdays: seven where the symbol trades on weekends."""
        days = self.sessions[-20:].astype("datetime64[D]").view("i8")
        return 7 if (((days + 3) % 7) >= 5).any() else 5


@dataclass(slots=True)
class Year:
    """The strip of one year, and its numbers. `expected` is None if sessions are not known."""

    year: int
    height: int = 0
    expected: int | None = None
    present: int = 0
    provisional: int = 0
    gaps: int = 0
    by_hand: int = 0
    unfetched: int = 0
    marks: list[Mark] = field(default_factory=list)
    width: int = _WEEKS * _PITCH

    @property
    def months(self) -> list[tuple[int, str]]:
        """Returns the left and the name of each quarter's first month."""
        return [(self._cell(date(self.year, m, 1))[0], _MONTHS[m - 1]) for m in (1, 4, 7, 10)]

    @property
    def words(self) -> str:
        total = f"{self.present:,}" + ("" if self.expected is None else f" of {self.expected:,}")
        return f"{self.year}: {', '.join([f'{total} sessions stored', *_exceptions([self])])}."

    def _cell(self, day: date) -> tuple[int, int]:
        """Returns the left and top of a day's cell."""
        first = date(self.year, 1, 1)
        week = ((day - first).days + first.weekday()) // 7
        return week * _PITCH, _TOP + day.weekday() * _PITCH

    def draw(self, tone: str, days: list[date], title: str) -> None:
        if days:
            path = "".join(_draw_shape(tone, *self._cell(day)) for day in days)
            self.marks.append(Mark(tone, path, title))


def _draw_shape(tone: str, x: int, y: int) -> str:
    right, down, path, _ = _SHAPES[tone]
    return f"M{x + right} {y + down}{path}"


LEGEND = [Mark(tone, _draw_shape(tone, 0, 0), words) for tone, (*_, words) in _SHAPES.items()]


def _exceptions(years: list[Year]) -> list[str]:
    """Returns how many sessions are not both stored and final, by the reason."""
    gaps, unfetched, provisional, by_hand = (
        sum(getattr(year, name) for year in years)
        for name in ("gaps", "unfetched", "provisional", "by_hand")
    )
    words = [plural(gaps, "gap")] * bool(gaps)
    words += [f"{unfetched:,} not fetched yet"] * bool(unfetched)
    words += [f"{provisional:,} provisional"] * bool(provisional)
    return words + [f"{by_hand:,} filled by hand"] * bool(by_hand)


def draw_years(history: SessionMap) -> list[Year]:
    """Returns the strips, newest first; none if there are no bars."""
    if not len(history.sessions):
        return []
    first, last = history.sessions[0].item().year, history.now.date().year
    return [_draw_year(year, history) for year in range(max(last, first), first - 1, -1)]


def _draw_year(number: int, history: SessionMap) -> Year:
    begin, end = date(number, 1, 1), date(number + 1, 1, 1)
    low, high = np.searchsorted(history.sessions, np.array([begin, end], "datetime64[D]"))
    held: list[date] = history.sessions[low:high].tolist()
    hand = [filled for filled in history.facts.by_hand if begin <= filled.session < end]
    gaps = [gap for gap in history.facts.gaps if begin <= gap.session < end]
    special = {filled.session for filled in hand}
    settled = history.facts.final_through or date.min
    provisional = [day for day in held if day > settled and day not in special]
    year = Year(number, _TOP + history.rows * _PITCH, present=len(held), gaps=len(gaps))
    year.provisional, year.by_hand = len(provisional), len(hand)
    _draw_calendar(year, history, begin, end, set(held))
    final = [day for day in held if day <= settled and day not in special]
    for month, name in enumerate(_MONTHS, 1):
        days = [day for day in final if day.month == month]
        year.draw("present", days, f"{name} {number}: {plural(len(days), 'session')} stored")
    for day in provisional:
        year.draw("provisional", [day], f"{day}: provisional, it may still change")
    for gap in gaps:
        year.draw("gap", [gap.session], _describe_gap(gap))
    for filled in hand:
        tone = "conflict" if filled.offered else "hand"
        year.draw(tone, [filled.session], _describe_filled(filled))
    return year


def _draw_calendar(
    year: Year, history: SessionMap, begin: date, end: date, held: set[date]
) -> None:
    """Draws days without a bar: holidays, and days before the first or after the last bar."""
    calendar = history.calendar
    closed = calendar.last_closed(history.now) if calendar else None
    known = calendar is not None and calendar.has_known
    if calendar is None or closed is None or not known or begin.year < FIRST_YEAR:
        return
    first, last = history.sessions[0].item(), history.sessions[-1].item()
    end = min(end, closed + timedelta(days=1))
    trading: set[date] = set(calendar.between(begin, end).tolist())
    year.draw("unlisted", sorted(d for d in trading if d < first), "Before the first bar")
    days = np.arange(np.datetime64(begin), np.datetime64(end))
    for day in days[np.is_busday(days)].tolist():
        if day not in trading and day not in held:
            possible = calendar.is_possible(day)
            why = "no bar; the calendar does not reach this day" if possible else "holiday"
            year.draw("holiday", [day], f"{day}: no session ({why})")
    unfetched = sorted(day for day in trading if day > last)
    for day in unfetched:
        year.draw("unfetched", [day], f"{day}: not fetched yet")
    year.expected, year.unfetched = sum(day >= first for day in trading), len(unfetched)


def _describe_gap(gap: Gap) -> str:
    retry = f"next request at {stamp(gap.next_try_at)}" if gap.next_try_at else "no more requests"
    return f"{gap.session}: gap, {gap.reason}; requested {plural(gap.tries, 'time')}, {retry}"


def _describe_filled(filled: ManualBar) -> str:
    differs = f"; the provider says {filled.offered.close:g}" if filled.offered else ""
    return f"{filled.session}: filled by {filled.by} ({filled.note}){differs}"


def summarize(years: list[Year], history: SessionMap) -> str:
    """Returns the whole map in one or two sentences."""
    if not years:
        return "There is no history yet."
    stored = sum(year.present for year in years)
    text = f"{stored:,} sessions from {history.sessions[0]} to {history.sessions[-1]} are stored"
    if history.calendar is None or not history.calendar.has_known:
        return f"{text}. The sessions of its exchange are not known, so gaps cannot be counted."
    exceptions = ", ".join(_exceptions(years))
    return f"{text}; {exceptions}." if exceptions else f"{text}; none is missing, all are final."
