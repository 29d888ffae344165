"""What `prepare` makes of an empty system, and what the cluster and its watch do with the queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import DatabaseError
from django.utils import timezone
from django_q.models import Schedule
from rest_framework.authtoken.models import Token

from pricecache_site.operations import bootstrap as prepare_module
from pricecache_site.operations import roles
from pricecache_site.operations.bootstrap import NewAdmin, Prepared, PrepareError, prepare
from pricecache_site.operations.credentials import lines_about
from pricecache_site.operations.locks import hold_lock, why_not_bindable
from pricecache_site.operations.management.commands.up import without_password
from prices.jobs import cluster_health
from prices.models import SyncRun, TrackedSymbol
from prices.store.mongo import StoreUnavailable
from tests.support.heartbeats import heartbeat

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def data_dir(tmp_path: Path, settings, store) -> Path:
    settings.DATA_DIR = tmp_path
    settings.ADMIN_USER, settings.ADMIN_PASSWORD = "ada", ""
    return tmp_path


@pytest.fixture(autouse=True)
def no_canary_of_another_test() -> None:
    cache.clear()


def test_a_name_that_can_be_none_is_no_address() -> None:
    assert why_not_bindable("a" * 80, 22_999) == "is not an address of this machine"


@pytest.mark.django_db
class TestPrepare:
    def test_makes_a_way_in_schedules_and_the_sample(self, data_dir):
        prepared = prepare(now=NOW)

        admin = prepared.admin
        assert admin is not None
        user = get_user_model().objects.get(username="ada")
        assert user.is_superuser
        assert user.check_password(admin.password)
        assert Token.objects.get(user=user).key == admin.token
        assert set(prepared.sample) == {"AAPL", "GOOG", "IBM", "META", "MSFT"}
        assert Schedule.objects.filter(name="historical_sync").exists()
        assert {"run", "logs", "cache"} <= {path.name for path in data_dir.iterdir()}

    def test_makes_nothing_a_second_time(self, data_dir):
        prepare(now=NOW)

        again = prepare(now=NOW)

        assert again == Prepared(migrations=0, admin=None, sample=())

    def test_takes_a_given_password_and_does_not_tell_it(self, data_dir, settings):
        settings.ADMIN_PASSWORD = "from the environment"  # noqa: S105

        prepared = prepare(now=NOW, with_sample=False)

        assert prepared.admin is not None
        assert prepared.admin.password == ""
        assert get_user_model().objects.get().check_password("from the environment")

    def test_loads_no_sample_where_none_is_wanted(self, data_dir):
        assert prepare(now=NOW, with_sample=False).sample == ()
        assert not TrackedSymbol.objects.exists()

    def test_loads_no_sample_where_symbols_are_tracked(self, data_dir):
        TrackedSymbol.objects.create(symbol="VOD.L")

        assert prepare(now=NOW).sample == ()

    def test_goes_on_with_a_sample_that_was_cut_short(self, data_dir):
        TrackedSymbol.objects.create(symbol="AAPL")
        (data_dir / "run").mkdir()
        (data_dir / "run" / "sample.unfinished").touch()

        assert len(prepare(now=NOW).sample) == 5
        assert prepare(now=NOW).sample == ()

    def test_refuses_to_raise_an_ordinary_user(self, data_dir):
        get_user_model().objects.create_user("ada")

        with pytest.raises(PrepareError, match="PRICECACHE_ADMIN_USER to another name"):
            prepare(now=NOW)

    def test_says_who_has_been_preparing_for_long(self, data_dir, monkeypatch):
        holder = hold_lock(data_dir / "run" / "prepare.lock")
        monkeypatch.setattr(
            prepare_module, "hold_lock", lambda path, wait: hold_lock(path, wait=0.1)
        )

        with holder, pytest.raises(PrepareError, match=r"Process \d+ has been preparing"):
            prepare(now=NOW)

    @pytest.mark.parametrize(
        ("fault", "sentence"),
        [
            (DatabaseError("file is not a database"), "not a valid SQLite database"),
            (DatabaseError("database disk image is malformed"), "not a valid SQLite database"),
            (DatabaseError("unable to open database file"), "cannot be written"),
            (DatabaseError("attempt to write a readonly database"), "cannot be written"),
            (DatabaseError("database or disk is full"), "The disk with .* is full"),
            (DatabaseError("something else"), "failed: something else"),
            (PermissionError(13, "Permission denied"), r"cannot be written \(Permission denied\)"),
            (StoreUnavailable("MongoDB does not answer: refused"), "see that MongoDB runs"),
        ],
    )
    def test_names_what_is_at_fault(self, data_dir, monkeypatch, fault, sentence):
        def fail(now: datetime, with_sample: bool) -> None:
            raise fault

        monkeypatch.setattr(prepare_module, "_prepare", fail)

        with pytest.raises(PrepareError, match=sentence):
            prepare(now=NOW)


class TestLinesAbout:
    def test_tell_the_way_in_with_a_line_to_paste(self):
        prepared = Prepared(migrations=1, admin=NewAdmin("ada", "pw", "tok"), sample=("AAPL",))

        lines = lines_about(prepared, url="http://h:1/")

        assert "  user ada, password pw  (shown this once)" in lines
        assert (
            "  curl -X POST -H 'Authorization: Token tok' http://h:1/cache/sync-historical" in lines
        )

    def test_say_nothing_of_what_was_there(self):
        assert lines_about(Prepared(migrations=0, admin=None, sample=()), url="") == []


class TestWithoutPassword:
    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("mongodb://ada:s3cret@h:1/?a=b", "mongodb://ada:…@h:1/?a=b"),
            ("http://h:1", "http://h:1"),
        ],
    )
    def test_hides_it(self, url, shown):
        assert without_password(url) == shown


@pytest.mark.django_db
class TestWhyClusterIsStuck:
    LONG = 10_000.0

    def test_has_patience_with_a_cluster_that_has_just_started(self):
        assert roles.why_cluster_is_stuck(170.0) is None

    def test_names_a_cluster_that_never_ran_a_job(self):
        heartbeat(host="web1", age=timedelta(seconds=200), now=timezone.now())

        reason = "Cluster web1 sends heartbeats but has not run a job for 3 min"
        assert roles.why_cluster_is_stuck(200.0) == reason

    def test_accepts_a_canary_that_ran(self):
        cluster_health.record_canary(now=timezone.now() - timedelta(seconds=100))

        assert roles.why_cluster_is_stuck(self.LONG) is None

    def test_names_a_cluster_without_heartbeat_and_the_last_canary(self):
        cluster_health.record_canary(now=timezone.now() - timedelta(seconds=200))

        reason = roles.why_cluster_is_stuck(self.LONG)

        assert reason is not None
        assert reason.endswith("no cluster sends a heartbeat, and the canary ran 3 min ago")

    def test_accepts_the_progress_of_a_long_run(self):
        cluster_health.record_canary(now=timezone.now() - timedelta(seconds=900))
        SyncRun.objects.create(
            kind=SyncRun.Kind.HISTORICAL_SYNC,
            state=SyncRun.State.RUNNING,
            heartbeat_at=timezone.now() - timedelta(seconds=9),
        )

        assert roles.why_cluster_is_stuck(self.LONG) is None
