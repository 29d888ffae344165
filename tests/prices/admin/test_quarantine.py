"""The list of quarantined answers: what it hides, and what one entry shows."""

import pytest
from django.test import Client
from django.urls import reverse

from prices.models import Quarantine
from tests.support.builders import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

LIST = reverse("admin:prices_quarantine_changelist")


@pytest.fixture
def entries() -> tuple[Quarantine, Quarantine]:
    """An entry in quarantine, and a resolved one."""
    held = Quarantine.objects.create(symbol="ACME", kind="step", reason="all prices are doubled")
    resolved = Quarantine.objects.create(
        symbol="OTHER",
        kind="basis",
        reason="prices are 4 times",
        resolved_at=NOW,
        resolution=Quarantine.Resolution.RELEASED,
    )
    return held, resolved


def test_hides_resolved_entries_by_default(
    admin_client: Client, entries: tuple[Quarantine, Quarantine]
) -> None:
    held, resolved = entries

    assert list(admin_client.get(LIST).context["cl"].result_list) == [held]
    shown = admin_client.get(f"{LIST}?over=all").context["cl"].result_list
    assert set(shown) == {held, resolved}


def test_shows_the_state_and_reason_of_an_entry(
    admin_client: Client, entries: tuple[Quarantine, Quarantine]
) -> None:
    for entry, state in zip(entries, ("in quarantine", "released"), strict=True):
        url = reverse("admin:prices_quarantine_change", args=[entry.pk])
        page = admin_client.get(url).content.decode()
        assert entry.reason in page
        assert state in page
