"""Owners find their portfolios and transactions; for others they do not exist."""

import pytest
from django.contrib.auth.models import User
from django.http import Http404

from portfolio.models import Portfolio, find_portfolio, find_transaction
from tests.support.portfolio_builders import day


def test_only_the_owner_finds_a_portfolio_and_its_transactions(savings: Portfolio) -> None:
    row = savings.transactions.create(kind="fee", date=day("2026-06-01"), amount=1, currency="USD")
    other = User.objects.create_user("mallory")

    assert find_portfolio(savings.owner_id, savings.pk) == savings
    assert find_transaction(savings.owner_id, savings.pk, row.pk) == row
    for owner_id in (other.pk, None):
        with pytest.raises(Http404, match="You have no portfolio"):
            find_portfolio(owner_id, savings.pk)
        with pytest.raises(Http404, match="You have no portfolio"):
            find_transaction(owner_id, savings.pk, row.pk)
