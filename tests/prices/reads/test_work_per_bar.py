"""The cost of a bar in a cached read: no Python call, and few bytes."""

import sys
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from types import FrameType

import pytest
from django.test import Client, override_settings

from prices import services
from prices.store.mongo import Db
from tests.support.builders import NOW, WEEK, published, tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

FEW, MANY = 50, 2_000
_, *PRICES = WEEK[0]


@pytest.fixture(autouse=True)
def _two_symbols(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Publishes a symbol with few bars and one with many, with a cache that outlives the test."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    with override_settings(VERSION_TTL=60.0):
        services.forget()
        for symbol, count in (("FEW", FEW), ("MANY", MANY)):
            tracked(symbol, mic="24/7")
            days = (NOW.date() - timedelta(days=n) for n in range(count, 0, -1))
            published(symbol, rows=tuple((day, *PRICES) for day in days))
        yield
    services.forget()


def path(symbol: str) -> str:
    return f"/cache/historical/{symbol}"


def calls(client: Client, symbol: str) -> int:
    """Returns the number of function calls, in Python or in C, of a repeated read."""
    client.get(path(symbol))
    counted = 0

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        answer = client.get(path(symbol))
    finally:
        sys.setprofile(None)
    assert answer.status_code == 200
    return counted


def most_bytes(client: Client, symbol: str) -> int:
    """Returns the peak of allocated bytes during a repeated read."""
    client.get(path(symbol))
    tracemalloc.start()
    try:
        client.get(path(symbol))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class TestBar:
    def test_costs_no_call(self, client: Client) -> None:
        few, many = calls(client, "FEW"), calls(client, "MANY")

        assert many - few < 50  # one call a bar were 1,950
        assert many < 2_400  # of which the test's client makes most

    def test_costs_few_bytes(self, client: Client) -> None:
        few, many = most_bytes(client, "FEW"), most_bytes(client, "MANY")

        # Its cells and its text twice, while they are joined; a dict a bar were 700 bytes more.
        assert (many - few) / (MANY - FEW) < 600

    def test_takes_22_bytes_on_the_way_from_the_store(self, client: Client, store: Db) -> None:
        client.get(path("MANY"))

        block = store["blocks"].find_one({"_id": "MANY|1d"})

        assert block is not None
        assert len(block["data"]) == 22 * MANY
