"""Whether jobs run: the one answer for status, admin, API, /readyz and the supervisor."""

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.core.cache import cache
from django_q.status import Stat

from prices.domain.clock import past
from prices.jobs.own_queue import cluster_name
from prices.models import SyncRun

# Jobs run while the last sign of life is younger than this.
MAX_SILENCE = timedelta(minutes=3)
# A cluster that is younger than this may not have run its first job yet.
STARTUP_TIME = timedelta(minutes=2)
_CANARY_KEY = "prices:canary"


class Word(StrEnum):
    RUNNING = "running"
    STARTING = "starting"
    NO_HEARTBEAT = "no heartbeat"
    HUNG = "hung"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster by its own heartbeat, at most 3 s old. `here`: it is on this machine.

    `canary_at` is when one of its workers last ran its own canary, `progress_at` when a run that one
    of them works on made progress.
    """

    host: str
    pid: int
    here: bool
    since: datetime
    heard_at: datetime
    says: str
    workers: tuple[int, ...]
    restarted_workers: int
    canary_at: datetime | None = None
    progress_at: datetime | None = None


# A sentence on the state, and what to do about it.
_TEXTS = {
    Word.RUNNING: ("Jobs run on {clusters}: {last_job}.", ""),
    Word.STARTING: (
        "Cluster {hosts} started {uptime} ago and has not run a job yet.",
        "Its first job is due soon.",
    ),
    Word.NO_HEARTBEAT: (
        "No cluster sends a heartbeat any more, though {last_job}.",
        "manage.py up restarts a cluster that stopped. Otherwise start manage.py cluster.",
    ),
    Word.HUNG: (
        "Cluster {hosts} sends heartbeats but has not run a job for {silence}.",
        "manage.py up restarts it after three minutes. Restart a cluster that you run "
        "yourself{elsewhere}.",
    ),
    Word.STOPPED: (
        "No jobs run: no cluster sends a heartbeat, and {last_job}.",
        "Start one with manage.py up, or with manage.py cluster beside a running system.",
    ),
}


@dataclass(frozen=True, slots=True)
class ClusterState:
    """The signs of life at `now`, and what follows from them for all clusters together.

    A heartbeat alone proves nothing: a hung cluster goes on sending it. `canary_at` is when the
    canary job last ran. `progress_at` is the latest heartbeat of a run in work, which counts as
    much, because the canary may have to wait behind a long sync.
    """

    now: datetime
    clusters: tuple[Cluster, ...]
    canary_at: datetime | None
    progress_at: datetime | None = None

    @property
    def word(self) -> Word:
        last = self._last_sign
        if last is not None and self.now - last < MAX_SILENCE:
            return Word.RUNNING if self.clusters else Word.NO_HEARTBEAT
        if not self.clusters:
            return Word.STOPPED
        began = (past(cluster.since, self.now) for cluster in self.clusters)
        young = any(since and self.now - since < STARTUP_TIME for since in began)
        return Word.STARTING if young else Word.HUNG

    def of(self, cluster: Cluster) -> "ClusterState":
        """Returns the state of one cluster, by its own signs of life."""
        if len(self.clusters) == 1:
            return self  # All signs are its own.
        return ClusterState(self.now, (cluster,), cluster.canary_at, cluster.progress_at)

    @property
    def hung(self) -> "tuple[ClusterState, ...]":
        """The states of the clusters that hang while jobs run on others."""
        if self.word is not Word.RUNNING:
            return ()
        each = (self.of(cluster) for cluster in self.clusters)
        return tuple(state for state in each if state.word is Word.HUNG)

    @property
    def jobs_run(self) -> bool:
        return self.word in (Word.RUNNING, Word.NO_HEARTBEAT)

    @property
    def workers(self) -> int:
        """How many workers can do jobs; a hung cluster has none."""
        if self.word is Word.HUNG:
            return 0
        hung = {state.clusters[0] for state in self.hung}
        return sum(len(cluster.workers) for cluster in self.clusters if cluster not in hung)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The names of the other machines on which clusters are."""
        return tuple(sorted({c.host for c in self.clusters if not c.here}))

    @property
    def sentence(self) -> str:
        return self._fill(_TEXTS[self.word][0])

    @property
    def advice(self) -> str:
        """What to do; empty if jobs run as they should."""
        return self._fill(_TEXTS[self.word][1])

    @property
    def _last_sign(self) -> datetime | None:
        signs = (past(at, self.now) for at in (self.canary_at, self.progress_at))
        return max(filter(None, signs), default=None)

    def _fill(self, text: str) -> str:
        last = self._last_sign
        since = max((cluster.since for cluster in self.clusters), default=self.now)
        job = "the canary ran" if last == self.canary_at else "a run made progress"
        return text.format(
            clusters=", ".join(f"{c.host} (process {c.pid})" for c in self.clusters),
            hosts=", ".join(sorted({c.host for c in self.clusters})),
            elsewhere=f" on {', '.join(self.elsewhere)}" if self.elsewhere else "",
            uptime=self._age(since),
            silence=self._age(last or since),
            last_job=f"{job} {self._age(last)} ago" if last else "the canary has never run",
        )

    def _age(self, then: datetime) -> str:
        seconds = int((self.now - then).total_seconds())
        if seconds < 120:
            return f"{seconds} s"
        return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def cluster_state(*, now: datetime) -> ClusterState:
    """Returns what all processes and machines agree on."""
    stats = sorted(Stat.get_all(), key=lambda stat: stat.tob)
    keys = {stat: _canary_key(cluster_name(stat.host, stat.pid)) for stat in stats}
    canaries: dict[str, datetime] = cache.get_many([_CANARY_KEY, *keys.values()])
    running = SyncRun.objects.filter(state=SyncRun.State.RUNNING)
    told = running.values_list("worker", "heartbeat_at")
    heartbeats = [(worker, at) for worker, at in told if at and past(at, now)]
    canary_at = max((at for at in canaries.values() if past(at, now)), default=None)
    progress_at = max((at for _, at in heartbeats), default=None)
    clusters = tuple(
        Cluster(
            host=stat.host,
            pid=stat.pid,
            here=stat.host == socket.gethostname(),
            since=stat.tob,
            heard_at=stat.timestamp,
            says=str(stat.status).lower(),
            workers=tuple(stat.workers),
            restarted_workers=stat.reincarnations,
            canary_at=canaries.get(keys[stat]),
            progress_at=_progress(stat, heartbeats),
        )
        for stat in stats
    )
    return ClusterState(now, clusters, canary_at, progress_at)


def _progress(stat: Stat, heartbeats: list[tuple[str, datetime]]) -> datetime | None:
    """Returns the latest heartbeat of the runs that workers of a cluster work on."""
    workers = {cluster_name(stat.host, pid) for pid in stat.workers}
    return max((at for who, at in heartbeats if who.rpartition("/")[0] in workers), default=None)


def record_canary(*, now: datetime, cluster: str = "") -> None:
    """Records that the canary ran: scheduler, queue and a worker did their parts.

    `cluster` is the one whose own canary it was.
    """
    # The name of a cluster that has ended is never asked for again.
    timeout = 3_600 if cluster else None
    cache.set(_canary_key(cluster) if cluster else _CANARY_KEY, now, timeout=timeout)


def _canary_key(cluster: str) -> str:
    return f"{_CANARY_KEY}:{cluster}"
