"""Logins are throttled by name and address together, and names are hidden."""

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse

from prices.web.access import client_address, show_name, show_trigger

HERE, ELSEWHERE = "198.51.100.1", "203.0.113.7"
LOGINS = ["/admin/login/", reverse("portfolios:login")]


def log_in(page: str, password: str, *, name: str = "ada", address: str = HERE) -> int:
    """Returns the status of an attempt: 302 for a login, 200 for a wrong password."""
    form = {"username": name, "password": password, "next": "/"}
    answer = Client(REMOTE_ADDR=address).post(page, form)
    return answer.status_code


@pytest.mark.django_db
@pytest.mark.usefixtures("store")
@pytest.mark.parametrize("page", LOGINS)
class TestLogin:
    @pytest.fixture(autouse=True)
    def _ada(self) -> None:
        User.objects.create_superuser("ada", password="right")  # noqa: S106
        User.objects.create_superuser("bob", password="right")  # noqa: S106

    def lock(self, page: str) -> None:
        tried = [log_in(page, "wrong") for _ in range(settings.AXES_FAILURE_LIMIT)]
        assert tried[:-1] == [200] * (settings.AXES_FAILURE_LIMIT - 1)

    def test_waits_after_many_wrong_passwords(self, page: str) -> None:
        self.lock(page)

        answer = Client(REMOTE_ADDR=HERE).post(page, {"username": "ada", "password": "right"})
        assert (answer.status_code, answer["Retry-After"]) == (429, "900")
        assert "Too many wrong passwords" in answer.content.decode()

    def test_stays_possible_from_another_address_and_by_another_name(self, page: str) -> None:
        self.lock(page)

        assert log_in(page, "right", address=ELSEWHERE) == 302
        assert log_in(page, "right", name="bob") == 302

    def test_counts_from_the_last_success(self, page: str) -> None:
        for _ in range(settings.AXES_FAILURE_LIMIT - 1):
            log_in(page, "wrong")
        assert log_in(page, "right") == 302

        assert log_in(page, "wrong") == 200


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "203.0.113.7", HERE),
        (1, "203.0.113.7", "203.0.113.7"),
        # The client wrote the first, the proxy the last.
        (1, "10.0.0.1, 203.0.113.7", "203.0.113.7"),
        (2, "10.0.0.1, 203.0.113.7, 192.0.2.1", "203.0.113.7"),
        (2, "203.0.113.7", HERE),
        (1, "", HERE),
        (1, "unknown", HERE),
        (1, "2001:db8:0::1", "2001:db8::1"),
    ],
)
def test_the_address_is_what_our_outermost_proxy_saw(
    proxies: int, forwarded: str, expected: str
) -> None:
    headers: dict[str, Any] = {"X-Forwarded-For": forwarded}
    request = RequestFactory(REMOTE_ADDR=HERE).get("/", headers=headers)

    with override_settings(PROXIES=proxies):
        assert client_address(request) == expected


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("API (alice)", "API (a user)"),
        ("admin (a(b)c)", "admin (a user)"),
        (
            "cancelled by admin (alice) after 3 symbols",
            "cancelled by admin (a user) after 3 symbols",
        ),
        ("manage.py", "manage.py"),
        ("schedule", "schedule"),
        ("", ""),
    ],
)
def test_hides_names_in_triggers(text: str, hidden: str) -> None:
    assert show_trigger(text, names=False) == hidden
    assert show_trigger(text, names=True) == text


def test_hides_names() -> None:
    assert [show_name(name, names=False) for name in ("alice", "")] == ["a user", ""]
    assert show_name("alice", names=True) == "alice"
