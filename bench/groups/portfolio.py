"""The portfolio's whole page in one call: 50 holdings of a year, and 500 of ten years."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bench.contenders import OURS
from bench.data import TEN_YEARS, YEAR, symbol
from bench.measure import say, timing
from bench.results import Record, record, single
from bench.system import Bench, track
from bench.workers import ROOT, WorkerError

SCALE, OWNER = "portfolio", "bench"
# Purchases of each holding, spread over its time.
PURCHASES = 6
PROCESSES = 5


@dataclass(frozen=True, slots=True)
class Case:
    """A portfolio to value."""

    name: str
    title: str
    holdings: int
    bars: int
    rounds: int
    range: str


CASES = (
    Case("portfolio_50_1y", "Portfolio page of 50 holdings x 1 year", 50, YEAR, 30, "1y"),
    Case(
        "portfolio_500_10y", "Portfolio page of 500 holdings x 10 years", 500, TEN_YEARS, 6, "max"
    ),
)


def run(bench: Bench) -> Iterator[Record]:
    most = max(case.holdings for case in CASES)
    track(most)
    bench.load([bench.worker(OURS, SCALE)], most, scale=SCALE)
    for case in CASES:
        path, worth = portfolio_of(bench, case)
        say(f"  {case.title}: {PROCESSES} processes")
        found = [_valued(path, case, worth) for _ in range(PROCESSES)]
        first = timing([one[0] for one in found])
        again = timing([ms for one in found for ms in one[1:]])
        yield single(
            f"{case.name}_cold", f"{case.title}, the first time in a process", "ms", first.p50
        )
        yield record(f"{case.name}_warm", f"{case.title}, again", "ms", {OURS.key: again})


def portfolio_of(bench: Bench, case: Case) -> tuple[str, Decimal]:
    """The path of a new portfolio, and what it has to be worth."""
    from django.contrib.auth.models import User

    from portfolio.models import Portfolio, Transaction

    owner, _ = User.objects.get_or_create(username=OWNER)
    made = Portfolio.objects.create(owner=owner, name=case.title, base_currency="USD")
    rows, worth = [], Decimal(0)
    for number in range(case.holdings):
        bars = bench.book.columns(number, case.bars)
        for at in range(0, case.bars, case.bars // PURCHASES):
            rows.append(
                Transaction(
                    portfolio=made,
                    kind="buy",
                    date=bars.ts[at].item().date(),
                    symbol=symbol(number),
                    quantity=10,
                    price=Decimal(str(bars.close[at])),
                    currency="USD",
                    fees=1,
                )
            )
        bought = 10 * len(range(0, case.bars, case.bars // PURCHASES))
        worth += bought * Decimal(str(bars.close[-1]))
    Transaction.objects.bulk_create(rows)
    return f"/portfolio/{made.pk}/complete?range={case.range}", worth


def _valued(path: str, case: Case, worth: Decimal) -> list[float]:
    """The milliseconds of each request of a new process. :raises WorkerError:"""
    argv = [sys.executable, "-m", "bench.valuing", OWNER, path, str(case.rounds)]
    env = {**os.environ, "MONGODB_DATABASE": f"{OURS.key}_{SCALE}"}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True)
    if done.returncode:
        raise WorkerError(f"{path} could not be valued: {done.stderr[-500:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    if abs(Decimal(str(told["value"])) - worth) > Decimal("0.01"):
        raise WorkerError(f"{path} says {told['value']}, but it is worth {worth}")
    return list(told["ms"])
