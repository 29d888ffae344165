"""Importing a file: all lines or none, duplicates, and new symbols."""

import pytest
from django.test import Client

from portfolio.models import Portfolio, Transaction
from tests.support.portfolio_api import send_file
from tests.support.portfolio_files import HEADER

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


TEXT = HEADER + "buy,2026-06-02,ACME,10,21,,USD,0,\nsell,2026-06-05,ACME,20,12,,USD,0,\n"


def test_a_preview_books_nothing(as_alice: Client, savings: Portfolio, acme: str) -> None:
    answer = send_file(as_alice, savings, TEXT, "?preview=true")

    body = answer.json()
    assert (body["ok"], body["booked"], body["format"]) == (True, 0, "price cache")
    assert [line["line"] for line in body["lines"]] == [2, 3]
    assert not Transaction.objects.exists()


def test_books_all_lines_or_none(as_alice: Client, savings: Portfolio, acme: str) -> None:
    """20 are held after the split: 21 cannot be sold, and then nothing is bought either."""
    answer = send_file(as_alice, savings, TEXT.replace(",20,12", ",21,12"))

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"].startswith(
        "Nothing was booked. Line 3: 21 ACME cannot be sold on 2026-06-05: 20 were held"
    )
    assert not Transaction.objects.exists()


def test_refuses_duplicates_or_skips_them_on_request(
    as_alice: Client, savings: Portfolio, acme: str
) -> None:
    send_file(as_alice, savings, TEXT)
    more = TEXT + "fee,2026-06-05,,,,1,USD,0,\n"

    refused = send_file(as_alice, savings, more)
    skipped = send_file(as_alice, savings, more, "?duplicates=skip")

    assert [error["line"] for error in refused.json()["errors"]] == [2, 3]
    assert "is booked already" in refused.json()["detail"]
    assert (skipped.json()["booked"], skipped.json()["skipped"]) == (1, 2)
    assert Transaction.objects.count() == 3


def test_tracks_new_symbols(as_alice: Client, savings: Portfolio) -> None:
    answer = send_file(as_alice, savings, HEADER + "buy,2026-06-02,NEW,1,1,,USD,,\n")

    assert answer.json()["tracked"] == ["NEW"]
