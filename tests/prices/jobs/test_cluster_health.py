"""What is said of the cluster: running, beginning, hung behind a fresh heartbeat, gone, elsewhere."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from prices.jobs import cluster_health, schedules
from prices.jobs.cluster_health import Word
from tests.support.builders import NOW
from tests.support.heartbeats import heartbeat

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def test_runs_when_both_heartbeat_and_canary_are_fresh() -> None:
    heartbeat()
    schedules.record_canary(now=NOW - timedelta(seconds=40))

    state = cluster_health.cluster_state(now=NOW)

    assert (state.word, state.workers, state.elsewhere) == (Word.RUNNING, 2, ())
    assert state.sentence == (
        f"Jobs run on {socket.gethostname()} (process 4711): the canary ran 40 s ago."
    )
    assert state.clusters[0].workers == (4713, 4714)


def test_is_hung_when_the_heartbeat_is_fresh_and_the_canary_silent() -> None:
    heartbeat()
    schedules.record_canary(now=NOW - timedelta(minutes=7))

    state = cluster_health.cluster_state(now=NOW)

    assert (state.word, state.workers) == (Word.HUNG, 0)
    assert "says that it works, but does not: the canary ran 7 min ago" in state.sentence
    assert "restarted by itself after three minutes" in state.advice


def test_is_hung_when_no_canary_ever_ran() -> None:
    heartbeat()

    assert cluster_health.cluster_state(now=NOW).word is Word.HUNG


def test_begins_when_it_is_young_and_its_canary_is_yet_to_come() -> None:
    heartbeat(age=timedelta(seconds=20))

    state = cluster_health.cluster_state(now=NOW)

    assert (state.word, state.workers) == (Word.STARTING, 2)


def test_is_gone_when_there_is_neither() -> None:
    schedules.record_canary(now=NOW - timedelta(hours=5))

    state = cluster_health.cluster_state(now=NOW)

    assert (state.word, state.workers) == (Word.STOPPED, 0)
    assert "no cluster gives a heartbeat, and the canary ran 5 h ago" in state.sentence
    assert "manage.py up" in state.advice


def test_has_just_lost_its_heartbeat() -> None:
    schedules.record_canary(now=NOW - timedelta(seconds=50))

    state = cluster_health.cluster_state(now=NOW)

    assert (state.word, state.workers) == (Word.FADING, 0)


def test_runs_on_another_machine() -> None:
    heartbeat(host="far-away")
    heartbeat(pid=9000)
    schedules.record_canary(now=NOW)

    state = cluster_health.cluster_state(now=NOW)

    assert (state.word, state.workers, state.elsewhere) == (Word.RUNNING, 4, ("far-away",))
    assert "far-away (process 4711)" in state.sentence


def test_hung_on_another_machine_says_where_to_restart_it() -> None:
    heartbeat(host="far-away")
    schedules.record_canary(now=NOW - timedelta(minutes=4))

    assert "has to be restarted on far-away" in cluster_health.cluster_state(now=NOW).advice
