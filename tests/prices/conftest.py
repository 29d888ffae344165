"""What tests share: one stand-in and one filled store a module; who signs in; a store that is away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from prices import services
from prices.store import mongo
from prices.store.mongo import Db
from tests.browser import signed_in
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


@pytest.fixture(params=[(1440, "light"), (375, "dark")], ids=["wide-light", "narrow-dark"])
def page(
    browser: Browser, live_server: LiveServer, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """The admin, signed in; whatever its pages complain about fails the test."""
    width, scheme = request.param
    admin = User.objects.create_superuser("admin", password="correct horse")  # noqa: S106
    with signed_in(browser, live_server.url, admin, width=width, scheme=scheme) as page:
        yield page


@pytest.fixture
def no_store(settings: Any) -> Iterator[None]:
    """MongoDB where nobody listens."""
    settings.MONGODB_URI = (
        "mongodb://127.0.0.1:9/?directConnection=true&serverSelectionTimeoutMS=100"
    )
    services.forget()
    yield
    mongo.disconnect(settings.MONGODB_URI)
