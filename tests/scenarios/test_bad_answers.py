"""Answers that came whole and are wrong, during a sync of a hundred healthy symbols."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest

from prices.models import SyncRun
from tests.standin import Instrument
from tests.support.hundred import FIRST, Hundred, Rows
from tests.support.syncing import stored

pytestmark = pytest.mark.django_db

YEARS_AGO = date(2019, 1, 2)
NAN = float("nan")
Hurt = Callable[["Case", Hundred], None]


def mutated(name: str, **args: Any) -> Hurt:
    """`newest` and `older` among the values stand for the session just over and one stored."""

    def hurt(case: Case, hundred: Hundred) -> None:
        days = {"newest": hundred.session(0).isoformat(), "older": hundred.session(-3).isoformat()}
        told = {key: days.get(str(value), value) for key, value in args.items()}
        hundred.standin.mutate(case.symbol, name, **told)

    return hurt


def both(first: Hurt, second: Hurt) -> Hurt:
    def hurt(case: Case, hundred: Hundred) -> None:
        first(case, hundred)
        second(case, hundred)

    return hurt


def faulty(name: str, **options: Any) -> Hurt:
    return lambda case, hundred: hundred.standin.fault(name, case.symbol, kind="chart", **options)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is wrong with one symbol's answer, what its state says, and what may enter the store."""

    symbol: str
    hurt: Hurt
    words: str = ""  # of the state; none: nothing is amiss
    kind: str = ""  # of the quarantine
    is_taken: bool = False  # the new session's bar
    is_normalised: bool = False  # and other prices of it than the close are not Yahoo's
    instrument: dict[str, Any] = field(default_factory=dict)

    def listed(self) -> Instrument:
        return Instrument(**{"symbol": self.symbol, "first_session": FIRST, **self.instrument})


PENCE = {
    "calendar": "XLON",
    "exchange_name": "LSE",
    "currency": "GBp",
    "timezone": "Europe/London",
    "start_price": 150.0,
}
WRONG = [
    Case(
        symbol="TIMES100",
        hurt=mutated("scale", factor=100),
        words="prices are 100 times the stored ones, and no split explains it",
        kind="basis",
    ),
    Case(
        symbol="TIMES100.LATELY",
        hurt=mutated("scale", factor=100, first="newest"),
        words="and no corporate action explains it; 1 bar held back: {newest}",
        kind="unit",
    ),
    Case(
        symbol="POUNDS.LATELY",
        hurt=mutated("scale", factor=0.01, first="newest"),
        words="and no corporate action explains it; 1 bar held back: {newest}",
        kind="unit",
        instrument=PENCE,
    ),
    Case(
        symbol="EURO",
        hurt=mutated("set_meta", currency="EUR"),
        words="the currency changed from USD to EUR",
        kind="currency",
    ),
    Case(
        symbol="POUNDS.IN.NAME",
        hurt=mutated("set_meta", currency="GBP"),
        words="the currency changed from GBp to GBP",
        kind="currency",
        instrument=PENCE,
    ),
    Case(
        symbol="POUNDS",
        hurt=both(mutated("scale", factor=0.01), mutated("set_meta", currency="GBP")),
        is_taken=True,
        instrument=PENCE,
    ),
    # The close decides: an impossible open, high or low is no reason to lose it.
    *(
        Case(
            symbol=f"{name}.{which}".upper(),
            hurt=mutated("set_bar", session=which, **values),
            is_taken=True,
            is_normalised=which == "newest",
        )
        for name, values in (
            ("negative", {"low": -1.0}),
            ("zero", {"open": 0.0}),
            ("crossed", {"high": 1.0}),
        )
        for which in ("newest", "older")
    ),
    # JSON knows no NaN: the whole answer is none.
    # A price that is null or NaN is none: the session has no bar yet, or keeps the one it has.
    Case(symbol="NAN.NEWEST", hurt=mutated("set_bar", session="newest", close=NAN)),
    Case(symbol="NAN.OLDER", hurt=mutated("set_bar", session="older", close=NAN), is_taken=True),
    Case(symbol="NULL.NEWEST", hurt=mutated("set_bar", session="newest", close=None)),
    Case(symbol="NULL.OLDER", hurt=mutated("set_bar", session="older", close=None), is_taken=True),
    Case(symbol="TWICE", hurt=mutated("duplicate_row", session="older"), is_taken=True),
    Case(symbol="TWICE.NEWEST", hurt=mutated("duplicate_row", session="newest"), is_taken=True),
    Case(symbol="UNSORTED", hurt=mutated("unsort"), is_taken=True),
    *(
        Case(
            symbol=f"RAGGED.{column}".upper(),
            hurt=mutated("ragged", column=column),
            words="Yahoo's answer for {symbol} cannot be read",
        )
        for column in ("close", "volume")
    ),
    Case(
        symbol="EMPTY",
        hurt=faulty("short", last=0),
        words="the answer holds none of the {before} stored sessions",
        kind="completeness",
        instrument={"first_session": YEARS_AGO},
    ),
    Case(
        symbol="SHORT",
        hurt=faulty("short", last=2),
        is_taken=True,
        instrument={"first_session": YEARS_AGO},
    ),
    Case(
        symbol="NO.CURRENCY",
        hurt=mutated("set_meta", currency=None),
        is_taken=True,
    ),
    Case(
        symbol="NO.ZONE",
        hurt=mutated("remove_meta", keys=["exchangeTimezoneName"]),
        words="Yahoo's answer for {symbol} cannot be read",
    ),
    Case(
        symbol="NO.RESULT",
        hurt=faulty("no_result"),
        words="Yahoo's answer for {symbol} lacks its time zone or prices",
    ),
]


@dataclass(frozen=True)
class Seen:
    """One symbol before, after, and once Yahoo's answers were good again."""

    words: str
    before: Rows
    after: Rows
    expected: Rows
    error: str
    stale_reason: str
    behind: str
    quarantined: dict[str, str]
    healed: bool = False
    state_healed: str = ""
    left: dict[str, str] = field(default_factory=dict)


_seen: dict[str, Seen] = {}


def at_once(hundred: Hundred) -> dict[str, Seen]:
    """Each symbol hurt in its own way in one sync, and all of them mended in the next."""
    hundred.track(*(case.listed() for case in WRONG))
    before = {case.symbol: stored(case.symbol) for case in WRONG}
    hundred.next_session()
    for case in WRONG:
        case.hurt(case, hundred)

    run = hundred.sync()

    assert (run.state, run.total) == (SyncRun.State.PARTIAL, 100 + len(WRONG))
    assert hundred.incomplete() == []
    seen = {case.symbol: look(hundred, case, before[case.symbol]) for case in WRONG}
    hundred.clear_faults()
    hundred.next_session()
    hundred.sync()
    assert hundred.incomplete() == []
    return {
        name: replace(
            one,
            healed=stored(name) == hundred.expected(name),
            state_healed=hundred.row(name).last_error + hundred.report(name).stale_reason,
            left=hundred.quarantined(name),
        )
        for name, one in seen.items()
    }


def look(hundred: Hundred, case: Case, before: Rows) -> Seen:
    name = case.symbol
    row, report = hundred.row(name), hundred.report(name)
    words = case.words.format(
        symbol=name, newest=hundred.session(0), older=hundred.session(-3), before=len(before)
    )
    return Seen(
        words=words,
        before=before,
        after=stored(name),
        expected=hundred.expected(name),
        error=row.last_error,
        stale_reason=report.stale_reason,
        behind=f"1 session behind, last bar {before[-1][0]}",
        quarantined=hundred.quarantined(name),
    )


@pytest.fixture
def seen(hundred: Hundred) -> dict[str, Seen]:
    if not _seen:
        _seen.update(at_once(hundred))
    return _seen


@pytest.mark.parametrize("case", WRONG, ids=[case.symbol.lower() for case in WRONG])
class TestOneWrongAnswer:
    def test_never_changes_what_is_stored(self, seen: dict[str, Seen], case: Case) -> None:
        one = seen[case.symbol]

        taken = one.after
        if case.is_normalised:
            _, open_, high, low, close, _ = taken[-1]
            assert low <= min(open_, close)
            assert max(open_, close) <= high
            assert (taken[-1][0], close) == (one.expected[-1][0], one.expected[-1][4])
            taken = [*taken[:-1], one.expected[-1]]
        assert taken == (one.expected if case.is_taken else one.before)
        assert one.expected[:-1] == one.before

    def test_is_named_in_the_state_of_its_symbol(self, seen: dict[str, Seen], case: Case) -> None:
        one = seen[case.symbol]

        assert one.words in one.error
        assert bool(one.error) is bool(case.words)
        reasons = [one.error] if one.error else []
        behind = [] if case.is_taken else [*reasons, one.behind]
        assert one.stale_reason == ", ".join(behind)

    def test_is_kept_in_quarantine(self, seen: dict[str, Seen], case: Case) -> None:
        one = seen[case.symbol]

        assert list(one.quarantined) == ([case.kind] if case.kind else [])
        assert one.words in one.quarantined.get(case.kind, one.words)

    def test_is_over_with_the_next_good_one(self, seen: dict[str, Seen], case: Case) -> None:
        one = seen[case.symbol]

        assert one.healed
        assert (one.state_healed, one.left) == ("", {})
