"""Fixtures: an owner who is logged in, a portfolio, and a stored symbol."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portfolio.models import Portfolio
from tests.support.builders import published, tracked


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def as_alice(client: Client, alice: User) -> Client:
    client.force_login(alice)
    return client


@pytest.fixture
def savings(alice: User) -> Portfolio:
    return Portfolio.objects.create(owner=alice, name="Savings", base_currency="USD")


@pytest.fixture
def acme(db: None, store: object) -> str:
    """Stores ACME with five sessions of June 2026, a 2:1 split on the 4th and a dividend of 0.50 on the 8th."""
    tracked("ACME", last_update=datetime.now(UTC) - timedelta(hours=1))
    published("ACME")
    return "ACME"
