"""Pages in an outage, and the headers of every page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import litecharts
import pytest
from django.conf import settings as site_settings
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client

from portfolio import booking
from portfolio.models import Portfolio
from portfolio.web.page_guard import LOGO_STYLE
from prices import services
from prices.store import mongo
from tests.support.builders import tracked

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def portfolio(client: Client) -> Portfolio:
    alice = User.objects.create_user("alice")
    client.force_login(alice)
    made = Portfolio.objects.create(owner=alice, name="Savings", base_currency="USD")
    made.transactions.create(
        kind="buy", date=date(2024, 1, 2), symbol="ACME", quantity=1, price=Decimal(9),
        currency="USD",
    )  # fmt: skip
    return made


@pytest.fixture
def no_store(settings: Any) -> Iterator[None]:
    settings.MONGODB_URI = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200"
    services.forget()
    yield
    mongo.disconnect(settings.MONGODB_URI)
    services.forget()


@pytest.mark.usefixtures("no_store")
def test_pages_say_that_the_price_store_does_not_answer(
    client: Client, portfolio: Portfolio
) -> None:
    tracked("ACME")
    for path in ("", f"{portfolio.pk}/", "symbols/ACME/"):
        answer = client.get(f"/portfolios/{path}")
        assert answer.status_code == 503
        assert "MongoDB" in answer.content.decode()
        assert "Reload the page in a moment" in answer.content.decode()
    assert client.get(f"/portfolios/{portfolio.pk}/settings/").status_code == 200


@pytest.mark.usefixtures("store")
def test_a_busy_database_changes_nothing_and_is_reported(
    client: Client, portfolio: Portfolio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*args: object, **kwargs: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(booking, "book", locked)
    sent = {"kind": "deposit", "date": "2024-01-02", "amount": "5", "currency": "USD"}

    answer = client.post(f"/portfolios/{portfolio.pk}/add/", sent)

    assert answer.status_code == 503
    assert "Nothing was changed. Go back and send the form again." in answer.content.decode()
    assert portfolio.transactions.count() == 1


POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    f"style-src-elem 'self' {LOGO_STYLE}",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}


@pytest.mark.usefixtures("store")
def test_pages_allow_this_sites_files_only(client: Client, portfolio: Portfolio) -> None:
    row = portfolio.transactions.get()
    own = ("", "add/", "import/", "settings/", "delete/", f"{row.pk}/", f"{row.pk}/delete/")
    for page in ("", "login/", "close/?symbol=A", *(f"{portfolio.pk}/{page}" for page in own)):
        response = client.get(f"/portfolios/{page}")
        assert set(response["Content-Security-Policy"].split("; ")) == POLICY
        assert {"private", "no-cache"} <= set(response["Cache-Control"].split(", "))
        assert b" style=" not in response.content


def test_the_allowed_style_is_that_of_the_charts_logo() -> None:
    """A new version of lightweight-charts may need another hash here and in the settings."""
    script = Path(litecharts.__file__).parent / "js" / "lightweight-charts.js"
    text = script.read_text(encoding="utf-8").partition('createElement("style"),this.')[2]
    style = text.partition('.innerText="')[2].partition('"')[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"'sha256-{digest}'" == LOGO_STYLE
    directives: Any = site_settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    assert LOGO_STYLE in directives["style-src-elem"]
