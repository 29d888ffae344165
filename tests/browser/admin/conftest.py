"""The admin in a real Chromium, signed in."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from tests.support.chromium import VIEWS, signed_in


@pytest.fixture(params=VIEWS.values(), ids=list(VIEWS))
def page(
    browser: Browser, live_server: LiveServer, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """The admin, signed in. Any error or warning of its pages fails the test."""
    width, scheme = request.param
    admin = User.objects.create_superuser("admin", password="correct horse")  # noqa: S106
    with signed_in(browser, live_server.url, admin, width=width, scheme=scheme) as page:
        yield page
