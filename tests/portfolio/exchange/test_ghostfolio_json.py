"""Ghostfolio's own export, which is JSON."""

from __future__ import annotations

import json

import pytest

from tests.support.portfolio_builders import buy, entry
from tests.support.portfolio_files import read_entries, read_errors


def test_reads_an_export() -> None:
    """An item without a market has a made-up symbol; its name is in the profiles."""
    made_up = "14a69cb9-1e31-43fa-b320-83703d8ed74b"
    common: dict[str, object] = {"currency": "USD", "comment": None, "tags": []}
    export = {
        "meta": {"version": "dev"},
        "assetProfiles": [{"symbol": made_up, "name": "Account Opening Fee"}],
        "activities": [
            {
                **common,
                "type": "FEE",
                "fee": 49,
                "quantity": 0,
                "unitPrice": 0,
                "dataSource": "MANUAL",
                "date": "2026-06-01T00:00:00.000Z",
                "symbol": made_up,
            },
            {
                **common,
                "type": "BUY",
                "fee": 19,
                "quantity": 1.234,
                "unitPrice": 298.58,
                "dataSource": "YAHOO",
                "date": "2026-06-02T00:00:00.000Z",
                "symbol": "MSFT",
                "comment": "first",
            },
        ],
    }

    assert read_entries(json.dumps(export)) == [
        entry("fee", "2026-06-01", amount="49", note="Account Opening Fee"),
        buy("2026-06-02", "MSFT", "1.234", "298.58", fees="19", note="first"),
    ]


@pytest.mark.parametrize("text", ["{", "{}", '{"activities": 5}', '{"activities": [5]}'])
def test_refuses_other_json(text: str) -> None:
    assert "is not an export of Ghostfolio" in read_errors(text)[0][1]


def test_refuses_a_number_that_would_fill_the_memory() -> None:
    text = '{"activities": [{"fee": 1e999999999}]}'

    assert read_errors(text) == [(0, "1E+999999999 is too large or too small for an amount.")]
