"""What goes wrong over days or for everybody, beside a hundred symbols that stay complete."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pytest

from prices import services
from prices.domain.actions import Dividend, Split
from prices.models import SyncRun
from tests.standin import Instrument
from tests.support.hundred import FIRST, HEALTHY, Hundred, Rows
from tests.support.syncing import stored

pytestmark = pytest.mark.django_db

THURSDAY = 3
# Counted in sessions from the ex-date of all splits: what is synced.
DAYS = range(-2, 4)
# The days of these on which the hundred are synced too.
EVERYBODY = (0, 3)

PENDING = "split pending: {ratio} on {ex}, and the provider has not restated the history yet"
BASIS = "times the stored ones, and no split explains it"


@dataclass(frozen=True)
class SplitCase:
    """The days on which Yahoo tells a split and restates the history; what is said on which day."""

    symbol: str
    told: int
    restated: int
    said: dict[int, str] = field(default_factory=dict)
    ratio: tuple[int, int] = (3, 1)

    def listed(self, days: dict[int, date]) -> Instrument:
        ex = days[0]
        return Instrument(
            symbol=self.symbol,
            first_session=FIRST,
            splits=((ex, *self.ratio),),
            split_event_late=days[self.told] - ex,
            restate_late=days[self.restated] - ex,
        )


SPLITS = [
    SplitCase("ON.TIME", 0, 0),
    SplitCase("TOLD.BEFORE", -1, 0),
    SplitCase("ALL.BEFORE", -1, -1),
    SplitCase("RESTATED.BEFORE", 0, -1, {-1: BASIS}),
    SplitCase("RESTATED.AFTER", 0, 2, {0: PENDING, 1: PENDING}),
    # Without a quote nothing shows that the new price is on another basis.
    SplitCase("ALL.AFTER", 2, 2),
    SplitCase("TOLD.AFTER", 2, 0, {0: BASIS, 1: BASIS}),
    SplitCase("TOLD.LAST", 3, 1, {1: BASIS, 2: BASIS}),
    SplitCase("RESTATED.LAST", 1, 3, {1: PENDING, 2: PENDING}),
    SplitCase("REVERSE.ON.TIME", 0, 0, ratio=(1, 10)),
    SplitCase("REVERSE.AFTER", 0, 2, {0: PENDING, 1: PENDING}, ratio=(1, 10)),
    SplitCase("TWENTY.AFTER", 0, 2, {0: PENDING, 1: PENDING}, ratio=(20, 1)),
]
# Where a dividend was told, and where it is told from day -1 on; in sessions from day -2, and what
# is asked for on day -1 begins seven of them earlier.
DIVIDENDS = {
    "DIV.WITHIN": (-1, 0),
    "DIV.INTO": (-7, -6),
    "DIV.OUT.OF": (-6, -7),
    "DIV.LATER": (-6, -5),
}
COMPANIES = {
    "OTHER.HISTORY": BASIS,
    "OTHER.NEW": "the answer holds none of the {count} stored sessions",
}


@dataclass(frozen=True)
class Day:
    """One symbol on the evening of a session."""

    rows: Rows
    expected: Rows
    error: str
    stale_reason: str
    quarantined: dict[str, str]


@dataclass
class Week:
    """All symbols on all days."""

    days: dict[int, date]
    seen: dict[str, dict[int, Day]]
    dividends: dict[str, tuple[Dividend, ...]]
    splits: dict[str, tuple[Split, ...]]
    moved_to: dict[str, date]
    released: Day


_lived: list[Week] = []


@pytest.fixture
def week(hundred: Hundred) -> Week:
    if not _lived:
        _lived.append(live(hundred))
    return _lived[0]


def live(hundred: Hundred) -> Week:
    while hundred.session(3).weekday() != THURSDAY:
        hundred.next_session()
    days = {day: hundred.session(3 + day) for day in range(-3, 4)}
    payers = {
        symbol: (hundred.session(1 + before), hundred.session(1 + after))
        for symbol, (before, after) in DIVIDENDS.items()
    }
    listed = instruments(days, payers)
    hundred.track(*listed)
    seen = {one.symbol: {-3: look(hundred, one.symbol)} for one in listed}
    for day in DAYS:
        assert hundred.next_session() == days[day]
        if day == -1:
            change(hundred, payers)
        if day in EVERYBODY:
            hundred.sync()
            assert hundred.incomplete() == []
        else:
            hundred.sync(*seen)
        for symbol, looks in seen.items():
            looks[day] = look(hundred, symbol)
    hundred.sync("OTHER.HISTORY", trusted=True)
    told = {symbol: services.reader().actions(symbol)[1] for symbol in seen}
    return Week(
        days,
        seen,
        {symbol: actions.dividends for symbol, actions in told.items()},
        {symbol: actions.splits for symbol, actions in told.items()},
        {symbol: after for symbol, (_, after) in payers.items()},
        look(hundred, "OTHER.HISTORY"),
    )


def instruments(days: dict[int, date], payers: dict[str, tuple[date, date]]) -> list[Instrument]:
    return [
        *(case.listed(days) for case in SPLITS),
        *(
            Instrument(symbol=symbol, first_session=FIRST, dividends=((before, 0.5),))
            for symbol, (before, _) in payers.items()
        ),
        *(Instrument(symbol=symbol, first_session=FIRST) for symbol in COMPANIES),
    ]


def change(hundred: Hundred, payers: dict[str, tuple[date, date]]) -> None:
    """Dividends move by a session, and two symbols are another company's."""
    book = hundred.standin.book
    for symbol, (_, after) in payers.items():
        book.add(replace(book.instruments[symbol], dividends=((after, 0.5),)))
    other: dict[str, Any] = {"name": "Other Incorporated", "seed": 7, "start_price": 31.0}
    book.add(Instrument(symbol="OTHER.HISTORY", first_session=date(2025, 11, 3), **other))
    book.add(Instrument(symbol="OTHER.NEW", first_session=hundred.session(0), **other))


def look(hundred: Hundred, symbol: str) -> Day:
    return Day(
        stored(symbol),
        hundred.expected(symbol),
        hundred.row(symbol).last_error,
        hundred.report(symbol).stale_reason,
        hundred.quarantined(symbol),
    )


@pytest.mark.parametrize("case", SPLITS, ids=[case.symbol.lower() for case in SPLITS])
class TestSplit:
    def test_is_taken_whole_or_waited_for(self, week: Week, case: SplitCase) -> None:
        looks = week.seen[case.symbol]

        for day in DAYS:
            waited = day in case.said
            assert looks[day].rows == (looks[day - 1].rows if waited else looks[day].expected), day
        assert week.splits[case.symbol] == (Split(week.days[0], *case.ratio),)

    def test_is_named_while_it_is_waited_for(self, week: Week, case: SplitCase) -> None:
        ratio = ":".join(map(str, case.ratio))

        for day in DAYS:
            look = week.seen[case.symbol][day]
            said = case.said.get(day, "").format(ex=week.days[0], ratio=ratio)
            assert said in look.error, day
            assert bool(look.error) is bool(said), day
            assert look.stale_reason.startswith(look.error), day
            assert bool(look.stale_reason) is bool(said), day
            assert bool(look.quarantined) is bool(said), day


@pytest.mark.parametrize("symbol", DIVIDENDS)
def test_a_dividend_that_moved_by_a_day_is_held_once(week: Week, symbol: str) -> None:
    looks = week.seen[symbol]

    for day in DAYS:
        assert looks[day].rows == looks[day].expected
        assert (looks[day].error, looks[day].stale_reason, looks[day].quarantined) == ("", "", {})
    assert week.dividends[symbol] == (Dividend(week.moved_to[symbol], 0.5),)


@pytest.mark.parametrize("symbol", COMPANIES)
def test_another_company_does_not_take_over_a_history(week: Week, symbol: str) -> None:
    looks = week.seen[symbol]
    held = looks[-2].rows

    assert held == looks[-2].expected
    for day in range(-1, 4):
        assert looks[day].rows == held
        said = COMPANIES[symbol].format(count=len(held))
        assert said in looks[day].error
        assert looks[day].stale_reason.startswith(looks[day].error)
        assert [said in reason for reason in looks[day].quarantined.values()] == [True]


def test_another_company_is_taken_by_hand(week: Week) -> None:
    after = week.released

    assert after.rows == after.expected
    assert after.rows[0][0] == date(2025, 11, 3)
    assert (after.error, after.stale_reason, after.quarantined) == ("", "", {})


class TestWholeHistory:
    def test_that_is_empty_or_short_destroys_none(self, hundred: Hundred) -> None:
        for symbol in ("EMPTY", "SHORT"):
            hundred.track(Instrument(symbol=symbol, first_session=date(2019, 1, 2)))
        empty, short = stored("EMPTY"), stored("SHORT")
        hundred.next_session()
        hundred.standin.fault("short", "EMPTY", last=0)
        hundred.standin.fault("short", "SHORT", last=2)

        run = hundred.backfill()

        assert (run.state, run.total, run.failed) == (SyncRun.State.PARTIAL, 102, 1)
        assert hundred.incomplete() == []
        assert stored("EMPTY") == empty
        assert stored("SHORT") == hundred.expected("SHORT")
        assert stored("SHORT")[:-1] == short
        none = f"the answer holds none of the {len(empty)} stored sessions"
        few = f"the answer holds only 0% of the {len(short)} stored sessions"
        for symbol, said in (("EMPTY", none), ("SHORT", few)):
            assert hundred.row(symbol).last_error == f"quarantined: {said}"
            assert hundred.quarantined(symbol) == {"completeness": said}
        assert hundred.report("EMPTY").stale_reason.startswith(f"quarantined: {none}")


class TestSessionThatIsNullForAll:
    def test_is_asked_for_until_it_is_there(self, hundred: Hundred) -> None:
        before = {symbol: stored(symbol) for symbol in HEALTHY}
        old = hundred.session(-2)
        new = hundred.next_session()
        for session in (old, new):
            hundred.standin.mutate("*", "null_bar", session=session.isoformat())

        run = hundred.sync()

        assert run.failed == 0
        assert {symbol: stored(symbol) for symbol in HEALTHY} == before
        behind = f"1 session behind, last bar {before['OK00'][-1][0]}"
        assert {hundred.report(symbol).stale_reason for symbol in HEALTHY} == {behind}

        hundred.clear_faults()
        hundred.set_clock(hundred.now + timedelta(hours=3))
        hundred.sync()
        assert hundred.incomplete() == []
