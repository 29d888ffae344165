"""The page of corrections: its rows, its limit, and who may open it."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from prices import services
from prices.admin import corrections
from tests.support.builders import NOW, tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

PAGE = reverse("desk:corrections")


def record(symbol: str, *closes: float) -> None:
    common = {"symbol": symbol, "interval": "1d", "field": "close", "old": 10.5, "run": None}
    session = datetime(2026, 6, 2, tzinfo=UTC)
    services.database()["corrections"].insert_many(
        {**common, "session": session, "new": new, "why": "revised", "seen_at": NOW}
        for new in closes
    )


def test_shows_old_and_new_values_with_a_link_to_the_symbol(admin_client: Client) -> None:
    row = tracked()
    record("ACME", 10.6)

    page = admin_client.get(PAGE).content.decode()

    assert reverse("admin:prices_trackedsymbol_change", args=[row.pk]) in page
    assert ">10.5</td>" in page
    assert ">10.6</td>" in page
    assert "revised" in page


def test_shows_symbols_that_are_no_longer_tracked(admin_client: Client) -> None:
    record("GONE", 10.6)

    assert ">GONE</td>" in admin_client.get(PAGE).content.decode()


def test_says_that_it_shows_only_the_latest(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corrections, "MAX_SHOWN", 2)
    record("ACME", 10.6, 10.7, 10.8)

    page = admin_client.get(PAGE).content.decode()

    assert "This page shows the latest 2" in page
    assert page.count(">ACME</td>") == 2


def test_refuses_staff_without_permission(client: Client) -> None:
    client.force_login(User.objects.create_user("dave", is_staff=True))

    assert client.get(PAGE).status_code == 403
