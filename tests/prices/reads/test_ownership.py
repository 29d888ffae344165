"""The identity of a system, over the loss of its parts, and the check before MongoDB is used."""

import pytest

from prices import services
from prices.jobs import runs
from prices.jobs.execution import work_on
from prices.models import Installation, SyncRun
from prices.reads import ownership
from prices.store.owner import ForeignStoreError
from tests.support.builders import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(tmp_path, settings, monkeypatch):
    """A data folder of its own, in a process that has not checked yet."""
    settings.DATA_DIR = tmp_path
    monkeypatch.setattr(ownership, "_next_check", 0.0)
    return tmp_path


class TestIdentity:
    def test_is_made_once_and_kept_in_the_database_and_in_the_data_folder(self, folder):
        first = ownership.this_system()

        assert ownership.this_system() == first
        assert first.id == Installation.objects.get().identity
        assert first.id == (folder / "system_id").read_text()

    def test_survives_the_loss_of_the_django_database(self):
        first = ownership.this_system()
        Installation.objects.all().delete()

        assert ownership.this_system() == first

    def test_survives_the_loss_of_the_file(self, folder):
        first = ownership.this_system()
        (folder / "system_id").unlink()

        assert ownership.this_system() == first
        assert (folder / "system_id").read_text() == first.id

    def test_is_that_of_the_shared_database_on_a_machine_with_another_file(self, folder):
        Installation.objects.create(pk=1, identity="shared")
        (folder / "system_id").write_text("of this machine")

        assert ownership.this_system().id == "shared"
        assert (folder / "system_id").read_text() == "shared"

    def test_differs_without_both(self, folder):
        first = ownership.this_system()
        Installation.objects.all().delete()
        (folder / "system_id").unlink()

        assert ownership.this_system().id != first.id


@pytest.fixture
def foreign(store):
    store["owner"].insert_one(
        {"_id": "owner", "id": "other", "host": "web9", "folder": "/f", "taken_at": NOW}
    )


class TestCheck:
    def test_takes_a_store_of_an_older_version_that_has_no_owner(self, store):
        services.database()

        assert store["owner"].find_one()["id"] == Installation.objects.get().identity

    def test_refuses_every_use_of_a_foreign_store(self, foreign):
        for use in (services.bars, services.quotes, services.leases, services.reader):
            with pytest.raises(ForeignStoreError, match="host web9"):
                use()

    def test_a_run_fails_with_the_sentence_and_sweeps_nothing(self, store, foreign):
        store["series"].insert_one({"_id": "AAPL|1d", "retired": []})
        run = runs.begin(SyncRun.Kind.STORE_SWEEP, trigger="schedule", now=NOW)

        work_on(run)

        run.refresh_from_db()
        assert run.state == SyncRun.State.FAILED
        assert "belongs to another system (host web9" in run.message
        assert run.traceback == ""

    def test_the_api_and_status_say_so(self, client, foreign):
        status = client.get("/cache/status")
        ready = client.get("/readyz")

        assert status.json()["status"] == "unhealthy"
        assert "belongs to another system (host web9" in status.json()["reasons"][0]
        assert ready.status_code == 503
        assert "belongs to another system" in ready.json()["mongodb"]

    def test_notices_a_take_over_by_another_system_while_it_runs(self, store, monkeypatch):
        services.bars()
        store["owner"].update_one({"_id": "owner"}, {"$set": {"id": "other"}})
        services.database()  # It has just been checked.

        monkeypatch.setattr(ownership, "_next_check", 0.0)
        with pytest.raises(ForeignStoreError):
            services.database()
        with pytest.raises(ForeignStoreError):
            services.bars()
