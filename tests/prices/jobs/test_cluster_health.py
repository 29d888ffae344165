"""Whether jobs run: the rule by a table, its sentences, and that all who report it agree."""

import socket
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from pricecache_site.operations import roles
from prices.jobs import cluster_health
from prices.jobs.cluster_health import Cluster, ClusterState, Word
from prices.models import SyncRun
from prices.monitoring.status import status
from tests.support.builders import NOW
from tests.support.heartbeats import heartbeat

LONG_AGO = timedelta(hours=2)


def state(
    *,
    clusters: tuple[timedelta, ...] = (),
    canary: timedelta | None = None,
    progress: timedelta | None = None,
    host: str = "web1",
    here: bool = True,
) -> ClusterState:
    """The state by the ages of the signs, with two workers in each cluster."""
    return ClusterState(
        now=NOW,
        clusters=tuple(
            Cluster(host, 4711, here, NOW - age, NOW, "idle", (4713, 4714), 0) for age in clusters
        ),
        canary_at=None if canary is None else NOW - canary,
        progress_at=None if progress is None else NOW - progress,
    )


def minutes(value: float) -> timedelta:
    return timedelta(minutes=value)


@pytest.mark.parametrize(
    ("clusters", "canary", "progress", "word", "jobs_run", "workers"),
    [
        ((LONG_AGO,), minutes(1), None, Word.RUNNING, True, 2),
        ((LONG_AGO,), minutes(2.99), None, Word.RUNNING, True, 2),
        ((LONG_AGO,), minutes(3), None, Word.HUNG, False, 0),
        # The canary waits behind a long sync.
        ((LONG_AGO,), minutes(4), minutes(1), Word.RUNNING, True, 2),
        ((LONG_AGO,), None, minutes(1), Word.RUNNING, True, 2),
        ((LONG_AGO,), minutes(4), minutes(3), Word.HUNG, False, 0),
        ((LONG_AGO,), None, None, Word.HUNG, False, 0),
        ((minutes(1.99),), None, None, Word.STARTING, False, 2),
        ((minutes(2),), None, None, Word.HUNG, False, 0),
        ((minutes(1),), minutes(60), None, Word.STARTING, False, 2),
        ((minutes(1),), minutes(1), None, Word.RUNNING, True, 2),
        ((LONG_AGO, minutes(1)), None, None, Word.STARTING, False, 4),
        ((), minutes(1), None, Word.NO_HEARTBEAT, True, 0),
        ((), None, minutes(1), Word.NO_HEARTBEAT, True, 0),
        ((), minutes(3), minutes(3), Word.STOPPED, False, 0),
        ((), None, None, Word.STOPPED, False, 0),
    ],
)
def test_follows_from_the_ages_of_the_signs(
    clusters: tuple[timedelta, ...],
    canary: timedelta | None,
    progress: timedelta | None,
    word: Word,
    jobs_run: bool,
    workers: int,
) -> None:
    found = state(clusters=clusters, canary=canary, progress=progress)

    assert (found.word, found.jobs_run, found.workers) == (word, jobs_run, workers)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            state(clusters=(LONG_AGO,), canary=timedelta(seconds=40)),
            "Jobs run on web1 (process 4711): the canary ran 40 s ago.",
        ),
        (
            state(clusters=(LONG_AGO,), canary=minutes(4), progress=timedelta(seconds=9)),
            "Jobs run on web1 (process 4711): a run made progress 9 s ago.",
        ),
        (
            state(clusters=(timedelta(seconds=20),)),
            "Cluster web1 started 20 s ago and has not run a job yet.",
        ),
        (
            state(clusters=(LONG_AGO,), canary=minutes(4)),
            "Cluster web1 sends heartbeats but has not run a job for 4 min.",
        ),
        (
            state(clusters=(LONG_AGO,)),
            "Cluster web1 sends heartbeats but has not run a job for 2 h.",
        ),
        (
            state(canary=timedelta(seconds=50)),
            "No cluster sends a heartbeat any more, though the canary ran 50 s ago.",
        ),
        (
            state(canary=timedelta(hours=5)),
            "No jobs run: no cluster sends a heartbeat, and the canary ran 5 h ago.",
        ),
        (state(), "No jobs run: no cluster sends a heartbeat, and the canary has never run."),
    ],
)
def test_says_it_in_a_sentence(found: ClusterState, sentence: str) -> None:
    assert found.sentence == sentence


def test_advises_only_if_something_is_to_do() -> None:
    assert state(clusters=(LONG_AGO,), canary=minutes(1)).advice == ""
    assert "manage.py up" in state().advice
    assert "restarts it after three minutes" in state(clusters=(LONG_AGO,)).advice


def test_names_the_other_machine_on_which_a_hung_cluster_has_to_be_restarted() -> None:
    found = state(clusters=(LONG_AGO,), host="far-away", here=False)

    assert found.elsewhere == ("far-away",)
    assert "that you run yourself on far-away." in found.advice


@pytest.mark.django_db
@pytest.mark.usefixtures("store")
class TestClusterState:
    def test_reads_heartbeats_of_all_machines(self) -> None:
        heartbeat(host="far-away")
        heartbeat(pid=9000)

        found = cluster_health.cluster_state(now=NOW)

        assert found.elsewhere == ("far-away",)
        assert {(c.host, c.pid, c.here) for c in found.clusters} == {
            ("far-away", 4711, False),
            (socket.gethostname(), 9000, True),
        }
        assert found.clusters[0].workers == (4713, 4714)

    def test_reads_the_canary_and_the_progress_of_runs_in_work_only(self) -> None:
        cluster_health.record_canary(now=NOW - minutes(7))
        for run_state, ago in (("running", 5), ("running", 4), ("succeeded", 1)):
            SyncRun.objects.create(
                kind="backfill", state=run_state, trigger="x", heartbeat_at=NOW - minutes(ago)
            )

        found = cluster_health.cluster_state(now=NOW)

        assert (found.canary_at, found.progress_at) == (NOW - minutes(7), NOW - minutes(4))


@pytest.mark.django_db
@pytest.mark.usefixtures("store")
class TestSeveralClusters:
    """One works, with its own canary; the other sends heartbeats only."""

    @pytest.fixture(autouse=True)
    def _two(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
        heartbeat(host="good")
        heartbeat(pid=9000)
        cluster_health.record_canary(now=NOW)
        cluster_health.record_canary(now=NOW, cluster="good/4711")

    def _hung(self) -> list[str]:
        return [state.sentence for state in cluster_health.cluster_state(now=NOW).hung]

    def test_the_canary_of_one_does_not_hide_that_another_hangs(self, tmp_path, settings) -> None:
        me = socket.gethostname()
        cluster_health.record_canary(now=NOW - minutes(4), cluster=f"{me}/9000")
        settings.DATA_DIR = tmp_path
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "cluster.lock").write_text("9000")
        sentence = f"Cluster {me} sends heartbeats but has not run a job for 4 min."

        assert self._hung() == [sentence]
        assert cluster_health.cluster_state(now=NOW).workers == 2
        assert status(now=NOW).word == "degraded"
        assert status(now=NOW).reasons[0].startswith(sentence)
        assert roles.why_cluster_is_stuck(10_000.0) == sentence.rstrip(".")

    def test_a_supervisor_whose_cluster_works_leaves_it(self, tmp_path, settings) -> None:
        cluster_health.record_canary(now=NOW, cluster=f"{socket.gethostname()}/9000")
        settings.DATA_DIR = tmp_path
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "cluster.lock").write_text("9000")

        assert self._hung() == []
        assert roles.why_cluster_is_stuck(10_000.0) is None

    def test_a_supervisor_misses_the_heartbeat_of_its_own_cluster(self, tmp_path, settings) -> None:
        settings.DATA_DIR = tmp_path
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "cluster.lock").write_text("9001")

        assert roles.why_cluster_is_stuck(10_000.0) == (
            "it sends no heartbeat, though other clusters do"
        )

    def test_progress_counts_for_the_cluster_whose_worker_made_it(self) -> None:
        worker = f"{socket.gethostname()}/9002/1"
        fields = {"kind": "backfill", "state": "running", "trigger": "x", "heartbeat_at": NOW}
        run = SyncRun.objects.create(**fields, worker="good/4713/1")
        assert len(self._hung()) == 1

        SyncRun.objects.filter(pk=run.pk).update(worker=worker)

        assert self._hung() == []


@pytest.mark.django_db
@pytest.mark.usefixtures("store")
class TestAllWhoReportIt:
    @pytest.fixture(autouse=True)
    def _silent_canary(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
        heartbeat(host="web1")
        cluster_health.record_canary(now=NOW - minutes(4))

    def test_agree_that_jobs_run_while_a_long_run_makes_progress(
        self, admin_client: Client
    ) -> None:
        SyncRun.objects.create(
            kind="backfill", state="running", trigger="x", heartbeat_at=NOW - timedelta(seconds=9)
        )

        sentence = "Jobs run on web1 (process 4711): a run made progress 9 s ago."
        assert cluster_health.cluster_state(now=NOW).sentence == sentence
        assert status(now=NOW).word == "healthy"
        dashboard = admin_client.get(reverse("admin:index"))
        assert dashboard.context["board"].status.scheduler.cluster.sentence == sentence
        assert sentence in admin_client.get(reverse("desk:scheduler")).content.decode()
        assert admin_client.get("/cache/scheduler/status").json()["scheduler_running"] is True
        assert admin_client.get("/readyz").json()["jobs_running"] is True
        assert roles.why_cluster_is_stuck(10_000.0) is None

    def test_agree_that_the_cluster_hangs_without_any_progress(self, admin_client: Client) -> None:
        sentence = "Cluster web1 sends heartbeats but has not run a job for 4 min."
        assert status(now=NOW).word == "unhealthy"
        assert status(now=NOW).reasons[0].startswith(sentence)
        dashboard = admin_client.get(reverse("admin:index"))
        assert escape(sentence) in dashboard.content.decode()
        assert dashboard.context["board"].status.scheduler.cluster.sentence == sentence
        assert sentence in admin_client.get(reverse("desk:scheduler")).content.decode()
        assert admin_client.get("/cache/scheduler/status").json()["scheduler_running"] is False
        assert admin_client.get("/readyz").json()["jobs_running"] is False
        assert roles.why_cluster_is_stuck(10_000.0) == sentence.rstrip(".")
