"""The loss of Django's database beside a full store: what names the series, and brings them back."""

from datetime import UTC, datetime

import pytest
from django.core.management.base import CommandError

from prices import services
from prices.jobs import cluster_health
from prices.models import SymbolAlias, SyncRun, TrackedSymbol
from prices.monitoring.status import status
from prices.store.mongo import Db
from prices.symbols.stored import keep_listings, known_names
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.commands import manage
from tests.support.fakes import FakeProvider
from tests.support.heartbeats import heartbeat
from tests.support.unreachable import unreachable_store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store", "fixed_now")]

FACTS = {
    "market": "LSE",
    "mic": "XLON",
    "currency": "GBp",
    "timezone": "Europe/London",
    "name": "Vodafone Group",
    "instrument_type": "EQUITY",
    "active": False,
    "suspended_reason": "not found on two days",
    "on_its_own": False,
    "added_at": datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
}


def lose_the_django_database() -> None:
    TrackedSymbol.objects.all().delete()
    SyncRun.objects.all().delete()


@pytest.fixture
def full(store: Db) -> None:
    """Two stored symbols, one with a former name, and the copies of their rows."""
    tracked()
    published()
    vod = tracked("VOD.L", **FACTS)
    SymbolAlias.objects.create(symbol="VODA.L", target=vod, renamed_at=NOW)
    published("VOD.L", currency="GBp")
    keep_listings(services.listings())


def test_all_facts_of_a_symbol_come_back(full: None) -> None:
    lose_the_django_database()

    said = manage("track", "--stored")

    assert "VOD.L: tracked again, 5 bars, 2026-06-02 to 2026-06-08" in said
    row = TrackedSymbol.objects.get(symbol="VOD.L")
    assert {field: getattr(row, field) for field in FACTS} == FACTS
    assert row.last_update == NOW
    assert not row.is_newcomer
    alias = SymbolAlias.objects.get()
    assert (alias.symbol, alias.target, alias.renamed_at) == ("VODA.L", row, NOW)
    acme = TrackedSymbol.objects.get(symbol="ACME")
    assert (acme.mic, acme.name, acme.active) == ("XNYS", "Acme Corporation", True)
    # The cluster fetches what is missing.
    run = SyncRun.objects.get()
    assert (run.kind, run.symbols) == ("historical_sync", ["ACME", "VOD.L"])


def test_status_names_the_series_until_they_are_tracked_again(full: None) -> None:
    heartbeat()
    cluster_health.record_canary(now=NOW)
    lose_the_django_database()

    found = status(now=NOW)

    assert found.word == "degraded"
    assert found.reasons == (
        "2 stored symbols are not tracked: ACME, VOD.L. manage.py track --stored tracks all of them "
        "again; manage.py untrack ACME gives one up.",
    )
    manage("track", "--stored")
    assert (status(now=NOW).word, status(now=NOW).reasons) == ("healthy", ())
    assert "Nothing to do" in manage("track", "--stored")


def test_without_a_copy_the_manifest_and_the_spelling_tell(store: Db) -> None:
    """As for series that a version before this one stored."""
    published("VOD.L", currency="GBp", fetched_at=NOW)

    manage("track", "--stored", "VOD.L")

    row = TrackedSymbol.objects.get()
    assert (row.market, row.mic, row.currency) == ("LSE", "XLON", "GBp")
    assert (row.last_update, row.active) == (NOW, True)


def test_the_sample_proves_nothing(store: Db) -> None:
    published(source="sample")

    manage("track", "--stored")

    assert TrackedSymbol.objects.get().is_newcomer


def test_only_the_named_symbols_are_tracked_again(full: None) -> None:
    lose_the_django_database()

    manage("track", "--stored", "ACME")

    assert known_names() == {"ACME"}
    with pytest.raises(CommandError, match="Not stored: NOPE"):
        manage("track", "--stored", "NOPE")


class TestUntracking:
    def test_is_no_loss(self, full: None) -> None:
        manage("untrack", "ACME", "--yes")

        assert manage("track", "--stored").startswith("Nothing to do")
        assert known_names() == {"VOD.L", "VODA.L"}

    def test_ends_with_tracking_again(self, full: None) -> None:
        manage("untrack", "ACME", "--yes")
        tracked()
        keep_listings(services.listings(), ["ACME"])
        lose_the_django_database()

        assert "ACME: tracked again" in manage("track", "--stored")

    def test_gives_up_what_is_only_stored(self, full: None) -> None:
        lose_the_django_database()

        manage("untrack", "ACME", "--yes")
        said = manage("untrack", "VOD.L", "--delete", "--yes")

        assert said == "VOD.L: not tracked any more, prices deleted\n"
        assert manage("track", "--stored").startswith("Nothing to do")
        assert services.catalog().all().keys() == {"ACME"}

    def test_in_the_admin_works_without_the_store_and_is_told_later(
        self, full: None, admin_client
    ) -> None:
        row = TrackedSymbol.objects.get(symbol="ACME")
        with unreachable_store():
            answer = admin_client.post(
                f"/admin/prices/trackedsymbol/{row.pk}/delete/", {"post": "yes"}
            )

        assert answer.status_code == 302
        assert "1 stored symbol is not tracked: ACME." in " ".join(status(now=NOW).reasons)


def test_a_sync_copies_what_the_provider_said(provider: FakeProvider) -> None:
    tracked(name="", last_update=None)
    provider.histories = {"ACME": WEEK}

    manage("sync_historical", "--symbols", "ACME")

    kept = services.listings().get(["ACME"])["ACME"]
    assert (kept["name"], kept["timezone"]) == ("ACME Incorporated", "America/New_York")
