"""The demo portfolio over the real sample: splits, stored dividends and cash."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from portfolio.models import Portfolio
from portfolio.web.pages import merge_texts
from prices import services
from prices.models import SyncRun
from prices.sync.sample import load_sample
from tests.support.portfolio_builders import day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("admin")


@pytest.fixture
def body(admin: User, client: Client) -> dict[str, Any]:
    load_sample(services.bars(), now=datetime.now(UTC))
    call_command("demo_portfolio")
    call_command("demo_portfolio")  # the second run changes nothing
    client.force_login(admin)
    (made,) = Portfolio.objects.all()
    answer: dict[str, Any] = client.get(f"/portfolio/{made.pk}/complete?range=max").json()
    return answer


def test_holds_the_shares_after_splits(body: dict[str, Any]) -> None:
    """Apple: 500 x 2 - 300 + 100 - 50; Google 60 - 20; Microsoft 400 + 200 - 250."""
    held = {one["symbol"]: one["quantity"] for one in body["holdings"]}

    assert held == {"AAPL": 750, "GOOG": 40, "IBM": 120, "META": 300, "MSFT": 350}
    assert body["summary"]["as_of"] == "2013-03-01"
    # The sample's last closes, from the package's own table: 430.47, 806.19, 202.91, 27.78, 27.95.
    worth = 750 * 430.47 + 40 * 806.19 + 120 * 202.91 + 300 * 27.78 + 350 * 27.95
    assert body["summary"]["holdings_value"] == pytest.approx(worth, abs=0.01)


def test_value_does_not_jump_on_the_day_of_the_split(body: dict[str, Any]) -> None:
    """Apple went from 88.99 to 44.86 that day, which is + 0.8 % of twice as many."""
    values = {point["date"]: point["value"] for point in body["history"]["data"]}

    assert values["2005-02-28"] / values["2005-02-25"] == pytest.approx(1, abs=0.02)


def test_buys_at_the_price_as_traded(body: dict[str, Any]) -> None:
    """14.90 for a share of 2003, which is two shares today."""
    first = Portfolio.objects.get().transactions.get(date=day("2003-01-06"), kind="buy")

    assert (first.quantity, first.price) == (Decimal(500), Decimal("14.90"))


def test_only_warns_that_the_sample_is_old(body: dict[str, Any]) -> None:
    assert {warning["code"] for warning in body["warnings"]} == {"stale"}
    assert body["summary"]["dividends"] > 0
    assert body["summary"]["cash"] > 0


def test_merges_the_warnings_of_all_symbols(body: dict[str, Any]) -> None:
    (sentence,) = merge_texts(body["warnings"])

    assert sentence.startswith("AAPL, MSFT, IBM, GOOG, META: the last close is of 2013-03-01 (")


def test_fetches_nothing(body: dict[str, Any]) -> None:
    assert not SyncRun.objects.exists()


def test_says_what_to_do_without_the_sample(admin: User) -> None:
    with pytest.raises(CommandError, match="load_sample"):
        call_command("demo_portfolio")
    with pytest.raises(CommandError, match="There is no user “nobody”"):
        call_command("demo_portfolio", "--owner", "nobody")
