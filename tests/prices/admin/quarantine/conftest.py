"""Entries in quarantine, for the tests of their pages."""

from typing import Any

import pytest

from prices.models import Quarantine
from tests.support.builders import WEEK, published, tracked

SUMMARY = {
    "asked_from": "2026-06-02",
    "bars": 5,
    "first": "2026-06-02",
    "last": "2026-06-08",
    "last_close": 24.5,
    "currency": "USD",
    "exchange": "NYQ",
    "name": "Acme Holdings",
    "splits": ["2026-06-04: 2:1"],
    "dividends": 0,
    "fetched_at": "2026-06-09T12:00:00+00:00",
    "differences": [],
    "keys": ["basis 2"],
}


def entry(kind: str, *differences: list[object], symbol: str = "ACME", **fields: Any) -> Quarantine:
    """Creates an entry; with differences it is about these, otherwise about the whole answer."""
    keys = [f"{kind} {d[0]} {d[1]} {d[3]:.5g}" for d in differences] or [f"{kind} x"]
    summary = {**SUMMARY, "differences": list(differences), "keys": keys}
    known = {"reason": f"a reason of {symbol}", "summary": summary}
    return Quarantine.objects.create(symbol=symbol, kind=kind, **{**known, **fields})


@pytest.fixture
def partial(store: object) -> Quarantine:
    """Two of the five stored closes differ."""
    tracked()
    published(rows=WEEK)
    return entry("bar", ["2026-06-03", "close", 11.5, 1.15], ["2026-06-05", "close", 12.5, 125.0])


@pytest.fixture
def whole(store: object) -> Quarantine:
    tracked()
    published(rows=WEEK)
    return entry("basis")
