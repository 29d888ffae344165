"""The list of quarantined answers: what it hides, and its bulk actions."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from prices.models import Quarantine, SyncRun
from tests.prices.admin.quarantine.conftest import entry
from tests.support.admin_pages import open_page
from tests.support.builders import NOW, tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

LIST = reverse("admin:prices_quarantine_changelist")


@pytest.fixture
def entries() -> tuple[Quarantine, Quarantine]:
    """An entry in quarantine, and a resolved one."""
    tracked()
    tracked("OTHER")
    resolved = {"resolved_at": NOW, "resolution": Quarantine.Resolution.RELEASED}
    return entry("step"), entry("basis", symbol="OTHER", **resolved)


def test_hides_resolved_entries_by_default(
    admin_client: Client, entries: tuple[Quarantine, Quarantine]
) -> None:
    held, resolved = entries

    assert list(admin_client.get(LIST).context["cl"].result_list) == [held]
    shown = admin_client.get(f"{LIST}?over=all").context["cl"].result_list
    assert set(shown) == {held, resolved}


def test_shows_state_and_reason(
    admin_client: Client, entries: tuple[Quarantine, Quarantine]
) -> None:
    page = open_page(admin_client, f"{LIST}?over=all")

    for one, state in zip(entries, ("in quarantine", "released by hand"), strict=True):
        assert one.reason in page
        assert state in page


@pytest.mark.parametrize("action", ["release", "keep"])
def test_asks_before_a_bulk_decision(
    admin_client: Client, entries: tuple[Quarantine, Quarantine], action: str
) -> None:
    pressed = {"action": action, "_selected_action": [entries[0].pk]}

    answer = admin_client.post(LIST, pressed)

    assert answer.templates[0].name == "admin/prices/quarantine/confirm.html"
    assert not SyncRun.objects.exists()
    entries[0].refresh_from_db()
    assert entries[0].resolved_at is None
    done = admin_client.post(LIST, {**pressed, "confirmed": "yes"}, follow=True)
    assert done.redirect_chain[-1][0] == LIST


@pytest.mark.parametrize("query", ["", "?over=all"])
@pytest.mark.parametrize("action", ["release", "keep"])
def test_decides_nothing_about_resolved_entries(
    admin_client: Client, entries: tuple[Quarantine, Quarantine], action: str, query: str
) -> None:
    """A run without symbols would release all of them."""
    pressed = {"action": action, "_selected_action": [entries[1].pk], "confirmed": "yes"}

    page = admin_client.post(LIST + query, pressed, follow=True).content.decode()

    assert "the chosen entries no longer exist or are already resolved." in page
    assert not SyncRun.objects.exists()


@pytest.mark.parametrize("action", ["release", "keep"])
def test_decides_nothing_for_viewers(
    client: Client, staff: User, entries: tuple[Quarantine, Quarantine], action: str
) -> None:
    pressed = {"action": action, "_selected_action": [entries[0].pk], "confirmed": "yes"}

    client.post(LIST, pressed)

    entries[0].refresh_from_db()
    assert entries[0].resolved_at is None
    assert not SyncRun.objects.exists()
