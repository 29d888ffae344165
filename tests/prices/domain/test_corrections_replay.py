"""Corrections: each difference between two published states is on record, and can be undone."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prices.domain.actions import Actions, CapitalGain, Dividend, Split, rebase_bars
from prices.domain.answers import Correction, CorrectionReason, Fetched, Stored
from prices.domain.bars import BarSeries
from prices.domain.corrections import (
    ADJUSTMENT,
    DIVIDEND,
    FIELDS,
    GAIN,
    adjustments_of,
    amounts_of,
)
from prices.domain.coverage import DateRange
from prices.domain.decision import Change, Decision
from prices.domain.merge import merge
from prices.domain.sessions import SESSIONS_TO_SETTLE
from tests.prices.domain.builders import day, sessions

WHY = CorrectionReason
NYSE = sessions("XNYS")
# Sixty sessions; answers begin with the twentieth.
DAYS: list[date] = NYSE.between(day("2025-11-03"), day("2026-02-02")).tolist()
BEGIN, EARLY, FIRST_ANSWER = 10, 20, 30


# --- Undoing ------------------------------------------------------------------------------------


@dataclass
class State:
    """What a reader can see of a series, as corrections name it."""

    bars: BarSeries
    splits: dict[date, float]
    dividends: dict[date, float]
    gains: dict[date, float]
    adjustments: dict[date, float]
    currency: str

    @classmethod
    def of(cls, stored: Stored) -> "State":
        actions = stored.actions
        return cls(
            stored.series,
            {split.session: split.ratio for split in actions.splits},
            amounts_of(actions.dividends),
            amounts_of(actions.gains),
            adjustments_of(actions),
            stored.currency,
        )


def undone(after: State, corrections: tuple[Correction, ...], last: date) -> State:
    """Returns the state before, which ended with the session `last`, by the record alone."""
    dividends = undone_amounts(after.dividends, DIVIDEND, corrections)
    gains = undone_amounts(after.gains, GAIN, corrections)
    adjustments = undone_adjustments(after.adjustments, dividends, gains, corrections)
    splits, came, went = undone_splits(after.splits, corrections)

    def rebased(amounts: dict[date, float]) -> dict[date, float]:
        paid = tuple(Dividend(session, amount) for session, amount in amounts.items())
        return amounts_of(Actions(came, paid).rebase(went).dividends)

    return State(
        rebase_bars(undone_bars(after.bars, corrections, last), came, went),
        splits,
        rebased(dividends),
        rebased(gains),
        rebased(adjustments),
        next((str(c.old) for c in corrections if c.field == "unit"), after.currency),
    )


def undone_splits(
    after: dict[date, float], corrections: tuple[Correction, ...]
) -> tuple[dict[date, float], tuple[Split, ...], tuple[Split, ...]]:
    """Returns the splits before, and those that came and went and thereby changed prices."""
    splits, came, went = dict(after), list[Split](), list[Split]()
    for one in corrections:
        scales = one.field == "split" and one.why not in (WHY.RELEASED, WHY.ANNOUNCED)
        if one.field == "split" and isinstance(one.new, float):
            del splits[one.session]
            came += [Split(one.session, one.new, 1)] if scales else []
        if one.field == "split" and isinstance(one.old, float):
            splits[one.session] = one.old
            went += [Split(one.session, one.old, 1)] if scales else []
    return splits, tuple(came), tuple(went)


def undone_amounts(
    after: dict[date, float], name: str, corrections: tuple[Correction, ...]
) -> dict[date, float]:
    changed = {c.session: c.old for c in corrections if c.field == name}
    kept = {session: amount for session, amount in after.items() if session not in changed}
    return kept | {s: float(old) for s, old in changed.items() if old is not None}


def undone_adjustments(
    after: dict[date, float],
    dividends: dict[date, float],
    gains: dict[date, float],
    corrections: tuple[Correction, ...],
) -> dict[date, float]:
    recorded = {c.session: c.old for c in corrections if c.field == ADJUSTMENT}
    changed = {c.session for c in corrections if c.field in (DIVIDEND, GAIN)}

    def adjustment(session: date) -> float:
        if session in recorded:
            return float(recorded[session] or 0.0)
        paid = dividends.get(session, 0.0) + gains.get(session, 0.0)
        return paid if session in changed else after[session]

    return {session: adjustment(session) for session in dividends.keys() | gains.keys()}


def undone_bars(bars: BarSeries, corrections: tuple[Correction, ...], last: date) -> BarSeries:
    rows: dict[date, list[float]] = {bars[at].ts.date(): [*bars[at][1:]] for at in range(len(bars))}
    first = max([c.session for c in corrections if c.why is WHY.EXTENDED], default=date.min)
    rows = {session: row for session, row in rows.items() if first <= session <= last}
    for one in corrections:
        if one.field in FIELDS and one.old is None:
            del rows[one.session]
        elif one.field in FIELDS:
            row = rows.setdefault(one.session, [0.0] * 5)
            row[FIELDS.index(one.field)] = float(one.old or 0.0)
    return BarSeries.from_rows(
        (session, row[0], row[1], row[2], row[3], round(row[4]))
        for session, row in sorted(rows.items())
    )


def check_same(found: State, expected: State, rel: float) -> None:
    assert found.bars.ts.tolist() == expected.bars.ts.tolist()
    for name in ("open", "high", "low", "close"):
        mine, theirs = getattr(found.bars, name), getattr(expected.bars, name)
        np.testing.assert_allclose(mine, theirs, rtol=1.01e-4, err_msg=name)
    # Volumes are whole numbers, also on the basis of a reverse split.
    np.testing.assert_allclose(found.bars.volume, expected.bars.volume, rtol=1.01e-4, atol=20)
    assert found.splits == pytest.approx(expected.splits)
    assert found.dividends == pytest.approx(expected.dividends, rel=rel)
    assert found.gains == pytest.approx(expected.gains, rel=rel)
    assert found.adjustments == pytest.approx(expected.adjustments, rel=rel)
    assert found.currency == expected.currency


# --- A provider whose answers change ------------------------------------------------------------


@dataclass
class ToldSplit:
    """A split, the position from which on it is reported, and from which on bars have it."""

    at: int
    ratio: tuple[int, int]
    told: int
    applied: int
    withdrawn: bool = False


@dataclass
class World:
    """What the provider would answer at the evening of the session at position `now`."""

    now: int = FIRST_ANSWER
    begin: int = BEGIN
    traded: list[float] = field(default_factory=list)
    volumes: list[int] = field(default_factory=list)
    wrong: dict[int, float] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)
    splits: list[ToldSplit] = field(default_factory=list)
    dividends: dict[int, float] = field(default_factory=dict)
    gains: dict[int, float] = field(default_factory=dict)
    in_pounds: bool = False

    def __post_init__(self) -> None:
        random = np.random.default_rng(7)
        steps = np.exp(np.cumsum(random.normal(0, 0.01, len(DAYS))))
        self.traded = (500 * steps).round(2).tolist()
        self.volumes = [100_000 + 100 * at for at in range(len(DAYS))]

    def _factor(self, at: int) -> float:
        ratios = [s.ratio[0] / s.ratio[1] for s in self.splits if at < s.at and self._has(s)]
        return float(np.prod(ratios))

    def _has(self, split: ToldSplit) -> bool:
        return split.applied <= self.now and not split.withdrawn

    def split(self, ratio: tuple[int, int], told: int, applied: int) -> None:
        """A split becomes effective with the next session."""
        at = self.now + 1
        if at >= len(DAYS) - 1 or any(abs(s.at - at) < 3 for s in self.splits):
            return
        share = ratio[0] / ratio[1]
        self.traded[at:] = [price / share for price in self.traded[at:]]
        self.splits.append(ToldSplit(at, ratio, at + told, at + applied))

    def split_long_ago(self, ratio: tuple[int, int]) -> None:
        """All answers contain a split, which is not reported with the first one."""
        share = ratio[0] / ratio[1]
        self.traded[EARLY:] = [price / share for price in self.traded[EARLY:]]
        self.splits.append(ToldSplit(EARLY, ratio, FIRST_ANSWER + 1, EARLY))

    def answer(self, back: int | None) -> Fetched:
        """Returns the whole history, or its last sessions."""
        first = self.begin if back is None else max(self.begin, self.now - back)
        kept = [at for at in range(first, self.now + 1) if at not in self.missing]
        unit = 0.01 if self.in_pounds else 1.0
        rows = []
        for at in kept:
            price = self.traded[at] * unit * self.wrong.get(at, 1.0) / self._factor(at)
            rows.append((DAYS[at], price, price * 1.01, price * 0.99, price, self.volumes[at]))
        told = [s for s in self.splits if s.told <= self.now and not s.withdrawn]

        def events(amounts: dict[int, float]) -> list[tuple[date, float]]:
            return [
                (DAYS[at], amount * unit / self._factor(at))
                for at, amount in amounts.items()
                if first <= at <= self.now
            ]

        return Fetched(
            asked=DateRange(DAYS[first], DAYS[self.now] + timedelta(days=2)),
            series=BarSeries.from_rows(rows),
            actions=Actions(
                tuple(Split(DAYS[s.at], *map(float, s.ratio)) for s in told if s.at >= first),
                tuple(Dividend(*event) for event in events(self.dividends)),
                tuple(CapitalGain(*event) for event in events(self.gains)),
            ),
            fetched_at=self.evening,
            source="yahoo",
            currency="GBP" if self.in_pounds else "GBp",
            exchange="NMS",
            timezone="America/New_York",
        )

    @property
    def evening(self) -> datetime:
        return datetime.combine(DAYS[self.now], time(23), UTC)


PAST = st.integers(BEGIN, FIRST_ANSWER)
AMOUNT = st.sampled_from([0.05, 2.0, 5.0, 5.5, 50.0, 200.0])
RATIO = st.sampled_from([(2, 1), (1, 10), (21, 20), (3, 2)])
CHANGES = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 7)),
    st.tuples(st.just("revise"), PAST, st.sampled_from([1.0, 1.0005, 1.01, 1.5, 0.1, 100.0])),
    st.tuples(st.just("trade"), PAST),
    st.tuples(st.just("miss"), PAST),
    st.tuples(st.just("heal")),
    st.tuples(st.just("extend"), st.integers(0, BEGIN)),
    st.tuples(st.just("split"), RATIO, st.sampled_from([0, 0, 2]), st.sampled_from([0, 0, 2, 99])),
    st.tuples(st.just("withdraw")),
    st.tuples(st.just("pay"), PAST, AMOUNT),
    st.tuples(st.just("unpay")),
    st.tuples(st.just("gain"), PAST, AMOUNT),
    st.tuples(st.just("ungain")),
    st.tuples(st.just("unit")),
)
STEPS = st.lists(
    st.tuples(
        st.lists(CHANGES, min_size=1, max_size=3),
        st.sampled_from([None, None, 8, 15]),
        st.sampled_from(["", "", "", "trust", "accept"]),
    ),
    min_size=1,
    max_size=6,
)


def change(world: World, what: tuple[object, ...]) -> None:  # noqa: C901  # a table
    match what:
        case ("wait", int(count)):
            world.now = min(world.now + count, len(DAYS) - 1)
        case ("revise", int(at), float(factor)):
            world.wrong[at] = factor
        case ("trade", int(at)):
            world.volumes[at] += 50
        case ("miss", int(at)):
            world.missing.add(at)
        case ("heal",):
            world.missing.clear()
        case ("extend", int(begin)):
            world.begin = begin
        case ("split", (int(new), int(old)), int(told), int(applied)):
            world.split((new, old), told, applied)
        case ("withdraw",):
            for split in world.splits:
                split.withdrawn = not split.withdrawn
        case ("pay", int(at), float(amount)):
            world.dividends[at] = amount
        case ("unpay",) if world.dividends:
            world.dividends.popitem()
        case ("gain", int(at), float(amount)):
            world.gains[at] = amount
        case ("ungain",) if world.gains:
            world.gains.popitem()
        case ("unit",):
            world.in_pounds = not world.in_pounds


def published(held: Stored, answer: Fetched, decision: Decision, *, trusted: bool) -> Stored:
    """Returns the stored series after a decision, as `prices.sync.publish` publishes it."""
    if decision.change is Change.REPLACE:
        after = decision.bars
    else:
        after = held.series.merge(decision.bars) if len(decision.bars) else held.series
    last = after.sessions[-1].item()
    currencies = (held.currency, answer.currency)
    return replace(
        held,
        series=after,
        actions=decision.actions,
        source="yahoo",
        currency=next(filter(None, currencies[::-1] if trusted else currencies), ""),
        fetched_at=answer.fetched_at,
        final_through=NYSE.shift(last, -SESSIONS_TO_SETTLE),
        held=decision.held,
        held_from=decision.held_from,
        provider_from=decision.provider_from,
    )


class TestReplay:
    @given(STEPS, st.none() | RATIO)
    def test_of_the_record_backwards_gives_each_state_before(
        self,
        steps: list[tuple[list[tuple[object, ...]], int | None, str]],
        early: tuple[int, int] | None,
    ) -> None:
        world, refused = World(), frozenset[str]()
        if early:
            world.split_long_ago(early)
        held = Stored(BarSeries.empty(), Actions())
        first = world.answer(None)
        held = published(held, first, merge(held, first, NYSE, now=world.evening), trusted=False)
        world.now += 1
        for changes, back, decided in steps:
            for what in changes:
                change(world, what)
            trusted = decided == "trust"
            accepted = refused if decided == "accept" else frozenset[str]()
            answer = world.answer(None if decided else back)
            decision = merge(
                held, answer, NYSE, now=world.evening, trusted=trusted, accepted=accepted
            )
            if decision.change is Change.WHOLE:
                answer = world.answer(None)
                decision = merge(held, answer, NYSE, now=world.evening)
            parts = (one for one in decision.refusals if one.differences)
            refused = frozenset(key for one in parts for key in one.keys)
            if decision.change in (Change.REFUSE, Change.WHOLE):
                continue
            after = published(held, answer, decision, trusted=trusted)

            before = undone(State.of(after), decision.corrections, held.series.sessions[-1].item())

            scaled = any(c.field == "split" for c in decision.corrections)
            check_same(before, State.of(held), rel=1.01e-4 if scaled else 1.01e-6)
            if decision.change is not Change.REPLACE:
                assert {c.field for c in decision.corrections}.isdisjoint((*FIELDS, "bars"))
            held = after
