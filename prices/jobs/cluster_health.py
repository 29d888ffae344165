"""The clusters that say they are there, beside the canary that shows whether jobs really run."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django_q.status import Stat

from prices.jobs import schedules

# A cluster that began this lately may not have come to its first canary yet.
_STARTS_WITHIN = timedelta(minutes=2)


class Word(StrEnum):
    RUNNING = "running"
    STARTING = "starting"
    FADING = "no heartbeat"
    HUNG = "hung"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster by its own heartbeat, at most 3 s old. `here`: on the machine that asks."""

    host: str
    pid: int
    here: bool
    since: datetime
    heard_at: datetime
    says: str
    workers: tuple[int, ...]
    restarted_workers: int


@dataclass(frozen=True, slots=True)
class ClusterState:
    """What is true of the clusters together, in one word, in a sentence, and what to do."""

    word: Word
    sentence: str
    advice: str
    canary_at: datetime | None
    clusters: tuple[Cluster, ...]

    @property
    def workers(self) -> int:
        """That can be counted on: a hung cluster has none."""
        if self.word in (Word.HUNG, Word.STOPPED):
            return 0
        return sum(len(cluster.workers) for cluster in self.clusters)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The other machines on which clusters are."""
        return tuple(sorted({c.host for c in self.clusters if not c.here}))


def cluster_state(*, now: datetime) -> ClusterState:
    """The heartbeat alone lies: a wedged cluster goes on saying that it works."""
    clusters = tuple(_cluster(stat) for stat in sorted(Stat.get_all(), key=lambda s: s.tob))
    canary = schedules.canary_at()
    word = _word(clusters, canary, now)
    sentence, advice = _told(word, clusters, canary, now)
    return ClusterState(word, sentence, advice, canary, clusters)


def _cluster(stat: Stat) -> Cluster:
    return Cluster(
        host=stat.host,
        pid=stat.pid,
        here=stat.host == socket.gethostname(),
        since=stat.tob,
        heard_at=stat.timestamp,
        says=str(stat.status).lower(),
        workers=tuple(stat.workers),
        restarted_workers=stat.reincarnations,
    )


def _word(clusters: tuple[Cluster, ...], canary: datetime | None, now: datetime) -> Word:
    sings = canary is not None and now - canary < schedules.CANARY_FRESH
    if not clusters:
        return Word.FADING if sings else Word.STOPPED
    if sings:
        return Word.RUNNING
    young = any(now - cluster.since < _STARTS_WITHIN for cluster in clusters)
    return Word.STARTING if young else Word.HUNG


def _told(
    word: Word, clusters: tuple[Cluster, ...], canary: datetime | None, now: datetime
) -> tuple[str, str]:
    last_canary = f"the canary ran {_ago(canary, now)}" if canary else "the canary has never run"
    where = ", ".join(f"{c.host} (process {c.pid})" for c in clusters)
    if word is Word.RUNNING:
        return f"Jobs run on {where}: {last_canary}.", ""
    if word is Word.STARTING:
        return (
            f"The cluster on {where} has just begun: {last_canary}.",
            "Its first job is due soon.",
        )
    if word is Word.FADING:
        return (
            f"No cluster gives a heartbeat any more, though {last_canary}: it has just stopped, or "
            "cannot write to the database.",
            "Under manage.py up it is started again within seconds; else start manage.py cluster.",
        )
    if word is Word.HUNG:
        return (
            f"The cluster on {where} says that it works, but does not: {last_canary}.",
            "Under manage.py up it is restarted by itself after three minutes; a cluster that "
            f"you run yourself has to be restarted{_on_others(clusters)}.",
        )
    return (
        f"No jobs run: no cluster gives a heartbeat, and {last_canary}.",
        "Start it with manage.py up, or manage.py cluster beside a running system.",
    )


def _on_others(clusters: tuple[Cluster, ...]) -> str:
    hosts = sorted({cluster.host for cluster in clusters if not cluster.here})
    return f" on {', '.join(hosts)}" if hosts else ""


def _ago(then: datetime, now: datetime) -> str:
    seconds = int((now - then).total_seconds())
    if seconds < 120:
        return f"{seconds} s ago"
    minutes = seconds // 60
    return f"{minutes} min ago" if minutes < 120 else f"{minutes // 60} h ago"
