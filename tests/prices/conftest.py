"""What tests share: one stand-in and one filled store a module; who signs in; a store that is away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from prices import wiring
from prices.store import mongo
from prices.store.mongo import Db
from tests.conftest import empty
from tests.prices.hundred import Hundred, running_hundred


@pytest.fixture(scope="module")
def _hundred(_schema: Db) -> Iterator[Hundred]:
    with running_hundred() as running:
        yield running
    empty(_schema)


@pytest.fixture
def hundred(_hundred: Hundred, db: None) -> Iterator[Hundred]:
    """A hundred healthy symbols that are tracked and complete, and the jobs that sync them."""
    with _hundred.at_work():
        yield _hundred


@pytest.fixture
def staff(client: Client) -> User:
    """Signed in, and may only look."""
    user = User.objects.create_user("carol", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return user


@pytest.fixture
def no_store(settings: Any) -> Iterator[None]:
    """MongoDB where nobody listens."""
    settings.MONGODB_URI = (
        "mongodb://127.0.0.1:9/?directConnection=true&serverSelectionTimeoutMS=100"
    )
    wiring.forget()
    yield
    mongo.disconnect(settings.MONGODB_URI)
