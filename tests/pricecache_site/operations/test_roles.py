"""The parts of the system: the check of a stuck cluster, locks, ports and addresses."""

import socket
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import CommandError
from django.utils import timezone

from pricecache_site.operations import roles
from pricecache_site.operations.locks import explain_unbindable, hold_lock
from prices.jobs import cluster_health
from prices.models import SyncRun
from tests.support.heartbeats import heartbeat


@pytest.mark.django_db
class TestWhyClusterIsStuck:
    LONG = 10_000.0

    @pytest.fixture(autouse=True)
    def _no_canary_of_another_test(self) -> None:
        cache.clear()

    def test_gives_a_new_cluster_three_minutes(self):
        assert roles.why_cluster_is_stuck(170.0) is None

    def test_names_a_cluster_that_never_ran_a_job(self):
        heartbeat(host="web1", age=timedelta(seconds=200), now=timezone.now())

        reason = "Cluster web1 sends heartbeats but has not run a job for 3 min"
        assert roles.why_cluster_is_stuck(200.0) == reason

    def test_accepts_a_recent_canary(self):
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


class TestLockRoles:
    @pytest.mark.parametrize("lock", ["up-web.lock", "web.lock"])
    def test_names_the_process_that_runs_a_part(self, tmp_path, settings, monkeypatch, lock):
        settings.DATA_DIR = tmp_path
        monkeypatch.setattr(roles, "hold_lock", lambda path, wait=0.0: hold_lock(path))

        with (
            hold_lock(tmp_path / "run" / lock),
            pytest.raises(CommandError, match=r"Process \d+ already runs the web of"),
            roles.lock_roles(["mongod", "web"]),
        ):
            pass

    def test_releases_the_locks_after_the_block(self, tmp_path, settings):
        settings.DATA_DIR = tmp_path
        with roles.lock_roles(["web"]):
            pass

        with roles.lock_roles(["web"]):
            pass


class TestCheckWebPort:
    def test_names_the_settings_if_the_port_is_taken(self, settings, monkeypatch):
        with socket.create_server(("127.0.0.1", 0)) as server:
            settings.WEB_HOST, settings.WEB_PORT = server.getsockname()[:2]
            monkeypatch.setattr(
                roles, "explain_unbindable", lambda host, port, wait: explain_unbindable(host, port)
            )

            with pytest.raises(CommandError, match=r"is taken by another program.*PRICECACHE_PORT"):
                roles.check_web_port()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80/"),
        ("0.0.0.0", "http://127.0.0.1:80/"),  # noqa: S104
        ("::", "http://[::1]:80/"),
    ],
)
def test_web_url_is_one_that_a_browser_can_open(settings, host, url):
    settings.WEB_HOST, settings.WEB_PORT = host, 80

    assert roles.web_url() == url
