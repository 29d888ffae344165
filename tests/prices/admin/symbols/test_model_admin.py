"""Tracking a symbol by its form, and no longer tracking symbols."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from prices import services
from prices.domain.bars import SeriesKey
from prices.models import SyncRun, TrackedSymbol
from tests.support.builders import NOW, published, tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

SYMBOLS = reverse("admin:prices_trackedsymbol_changelist")
ADD = reverse("admin:prices_trackedsymbol_add")


def opened(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def act(client: Client, action: str, *rows: TrackedSymbol, **more: str) -> str:
    """Selects rows and an action, and returns the resulting page."""
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(SYMBOLS, data, follow=True).content.decode()


class TestTracking:
    def test_tracks_the_symbol_and_queues_a_backfill(self, admin_client: Client) -> None:
        answer = admin_client.post(ADD, {"symbol": " teva ", "market": "TASE"}, follow=True)

        row, run = TrackedSymbol.objects.get(), SyncRun.objects.get()
        assert (row.symbol, row.market, row.mic, row.currency) == ("TEVA.TA", "TASE", "XTAE", "ILA")
        assert (row.added_at, row.active) == (NOW, True)
        assert (run.kind, run.symbols, run.options) == (
            *(SyncRun.Kind.BACKFILL, ["TEVA.TA"]),
            {"whole": True},
        )
        assert "is queued: the whole history of TEVA.TA." in answer.content.decode()

    @pytest.mark.parametrize(
        ("symbol", "market", "expected"),
        [
            ("not a symbol!", "", "is not a symbol. Use up to 32 letters"),
            ("BRK.B", "", "a dash: try BRK-B."),
            ("VOD.L", "TASE", "is a symbol of LSE, not of TASE"),
            ("AAPL", "MOON", "Select a valid choice"),
            ("", "", "This field is required"),
            ("acme", "US", "ACME is already tracked."),
        ],
    )
    def test_explains_why_a_symbol_is_refused(
        self, admin_client: Client, symbol: str, market: str, expected: str
    ) -> None:
        tracked()

        answer = admin_client.post(ADD, {"symbol": symbol, "market": market})

        assert answer.status_code == 200
        assert expected in answer.content.decode()
        assert TrackedSymbol.objects.count() == 1
        assert not SyncRun.objects.exists()

    def test_explains_that_a_user_tracks_enough(
        self, client: Client, staff: User, settings: Settings
    ) -> None:
        settings.SYMBOLS_PER_USER = 1
        staff.user_permissions.add(Permission.objects.get(codename="add_trackedsymbol"))
        tracked(added_by=staff)

        answer = client.post(ADD, {"symbol": "AAPL", "market": "US"})

        assert "You track 1 symbol and may track 1, so another one does" in answer.content.decode()
        assert TrackedSymbol.objects.count() == 1

    def test_refuses_users_who_may_only_view(self, client: Client, staff: User) -> None:
        assert client.get(ADD).status_code == 403
        assert client.post(ADD, {"symbol": "AAPL", "market": "US"}).status_code == 403
        assert not TrackedSymbol.objects.exists()


class TestUntracking:
    def test_keeps_the_prices_and_says_so(self, admin_client: Client) -> None:
        row = tracked()
        published()
        url = reverse("admin:prices_trackedsymbol_delete", args=[row.pk])

        page = opened(admin_client, url)
        admin_client.post(url, {"post": "yes"})

        assert "Its prices stay in the store" in page
        assert not TrackedSymbol.objects.exists()
        stored = services.bars().read(SeriesKey("ACME"))
        assert stored is not None
        assert len(stored.bars) == 5

    def test_keeps_the_prices_of_many_symbols(self, admin_client: Client) -> None:
        rows = [tracked(), tracked("OTHER")]

        page = act(admin_client, "delete_selected", *rows)
        act(admin_client, "delete_selected", *rows, post="yes")

        assert "Their prices stay in the store" in page
        assert not TrackedSymbol.objects.exists()
