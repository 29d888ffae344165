"""Pages show their owner's portfolios only, say so in an outage, and allow this site's files only."""

import base64
import hashlib
import re
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
from django.urls import get_resolver

from portfolio import booking
from portfolio.domain.valuation import build_notice
from portfolio.models import Portfolio, Transaction
from portfolio.web.pages import LOGO_STYLE, merge_texts
from tests.support.builders import tracked
from tests.support.portfolio_builders import day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

PAGES = ("", "settings/", "delete/", "import/", "add/", "{row}/", "{row}/delete/")
# Valid input for each page.
SENT = {
    "name": "Stolen",
    "base_currency": "USD",
    "kind": "deposit",
    "date": "2024-01-02",
    "amount": "1",
    "content": "kind,date,amount,currency\ndeposit,2024-01-02,5,USD\n",
    "book": "1",
}
# The token of the logout form differs on each page.
TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')


@pytest.fixture
def row() -> Transaction:
    alice = User.objects.create_user("alice")
    savings = Portfolio.objects.create(owner=alice, name="Savings", base_currency="USD")
    return savings.transactions.create(
        kind="deposit", date=date(2024, 1, 2), amount=Decimal(100), currency="USD", note="hers"
    )


def path(row: Transaction, page: str) -> str:
    return f"/portfolios/{row.portfolio_id}/" + page.format(row=row.pk)


def send(client: Client, method: str, path: str) -> Any:
    return client.post(path, SENT) if method == "post" else client.generic(method.upper(), path)


def is_untouched(row: Transaction) -> bool:
    portfolio = Portfolio.objects.get()
    booked = portfolio.transactions.get()
    return (portfolio.name, booked.amount, booked.note) == ("Savings", Decimal(100), "hers")


def test_checks_every_page() -> None:
    routes = {
        str(pattern.pattern)
        for pattern in get_resolver("portfolio.web.urls").url_patterns
        if "portfolio_id" in str(pattern.pattern)
    }

    assert routes == {
        "<int:portfolio_id>/" + page.replace("{row}", "<int:transaction_id>") for page in PAGES
    }


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("staff", [False, True])
def test_answers_404_to_another_user(
    client: Client, row: Transaction, page: str, method: str, staff: bool
) -> None:
    client.force_login(User.objects.create_user("ben", is_staff=staff, is_superuser=staff))
    if page == "" and method == "post":
        method = "head"  # the page accepts no POST

    answer = send(client, method, path(row, page))
    guessed = send(client, method, f"/portfolios/987654/{page.format(row=row.pk)}")

    assert (answer.status_code, guessed.status_code) == (404, 404)
    assert TOKEN.sub(b"", answer.content) == TOKEN.sub(b"", guessed.content)
    assert b"Savings" not in answer.content
    assert is_untouched(row)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_asks_an_anonymous_user_to_log_in(
    client: Client, row: Transaction, page: str, method: str
) -> None:
    answer = send(client, method, path(row, page))

    assert answer.status_code == 302
    assert answer["Location"] == f"/portfolios/login/?next={path(row, page)}"
    assert is_untouched(row)


def test_finds_no_transaction_through_another_portfolio(client: Client, row: Transaction) -> None:
    ben = User.objects.create_user("ben")
    own = Portfolio.objects.create(owner=ben, name="Own", base_currency="USD")
    client.force_login(ben)

    for page in (f"{row.pk}/", f"{row.pk}/delete/"):
        assert client.get(f"/portfolios/{own.pk}/{page}").status_code == 404
        assert client.post(f"/portfolios/{own.pk}/{page}", SENT).status_code == 404
    assert Transaction.objects.get().note == "hers"


def test_refuses_a_form_from_another_site(row: Transaction) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.get(username="alice"))

    for page in PAGES[1:]:
        assert client.post(path(row, page), SENT).status_code == 403
    assert is_untouched(row)


@pytest.mark.parametrize("page", ["0", "99", "-1", "x", "1" * 30])
def test_any_page_number_shows_transactions(client: Client, row: Transaction, page: str) -> None:
    client.force_login(User.objects.get(username="alice"))

    answer = client.get(f"/portfolios/{row.portfolio_id}/", {"page": page})

    assert answer.status_code == 200
    assert "hers" in answer.content.decode()


def test_a_text_shared_by_several_symbols_names_them_all() -> None:
    since = day("2026-06-05")
    warnings = [
        {"symbol": symbol, "text": build_notice("stale", since, symbol, reason=reason).text}
        for symbol, reason in (("A", "behind"), ("B", "behind"), ("C", "suspended"))
    ]

    assert merge_texts([*warnings, {"symbol": "", "text": "Cash is below zero."}]) == [
        "A, B: the last close is of 2026-06-05 (behind); it is used for the days since.",
        "C: the last close is of 2026-06-05 (suspended); it is used for the days since.",
        "Cash is below zero.",
    ]


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
