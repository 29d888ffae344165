"""Bars as JSON."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.support.builders import WEEK, published, tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def test_bars_are_written_as_they_are_stored(client: Client) -> None:
    """Prices read back to the last bit, and volumes beyond 32 bits."""
    odd = (
        (WEEK[0][0], 0.1, 1e9, 0.000123456789, 0.30000000000000004, 3_000_000_000),
        (WEEK[1][0], 31.645, 32.0, 31.0, 31.645000457763672, 0),
    )
    tracked()
    published(rows=odd)

    rows = client.get("/cache/historical/ACME").json()["data"]

    assert [tuple(row.values())[1:] for row in rows] == [bar[1:] for bar in odd]
    assert [row["date"] for row in rows] == ["2026-06-02", "2026-06-03"]
    empty = client.get("/cache/historical/ACME?start=2020-01-01&end=2020-02-01").json()
    assert empty["data"] == []
