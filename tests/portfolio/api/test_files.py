"""The endpoints that import and export files."""

from __future__ import annotations

import pytest
from django.test import Client

from portfolio.models import Portfolio
from tests.support.portfolio_api import send_file
from tests.support.portfolio_files import HEADER

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


TEXT = HEADER + "buy,2026-06-02,ACME,10,21,,USD,0,\nsell,2026-06-05,ACME,20,12,,USD,0,\n"


def test_an_export_imports_to_the_same_transactions(
    as_alice: Client, savings: Portfolio, acme: str
) -> None:
    assert send_file(as_alice, savings, TEXT).json()["booked"] == 2
    exported = as_alice.get(f"/portfolio/{savings.pk}/export")
    assert exported["Content-Type"] == "text/csv; charset=utf-8"
    other = Portfolio.objects.create(owner=savings.owner, name="Copy", base_currency="USD")

    path = f"/portfolio/{other.pk}/import"
    answer = as_alice.post(path, exported.content, content_type="text/csv")

    assert answer.json()["booked"] == 2
    copied = as_alice.get(f"/portfolio/{other.pk}/export")
    assert copied.content == exported.content


def test_refuses_a_request_without_a_file(as_alice: Client, savings: Portfolio) -> None:
    answer = as_alice.post(f"/portfolio/{savings.pk}/import", {})

    assert answer.status_code == 400
    assert "form field “file”" in answer.json()["detail"]


def test_refuses_a_json_body(as_alice: Client, savings: Portfolio) -> None:
    answer = as_alice.post(f"/portfolio/{savings.pk}/import", "{}", content_type="application/json")

    assert answer.status_code == 415
