"""Heartbeats of clusters that do not exist, as a sentinel writes them each second."""

from datetime import datetime, timedelta
from types import SimpleNamespace

from django_q.brokers import get_broker
from django_q.status import Stat

from tests.support.builders import NOW


def heartbeat(
    *,
    host: str = "",
    age: timedelta = timedelta(hours=2),
    pid: int = 4711,
    now: datetime = NOW,
) -> None:
    """Writes the heartbeat of a cluster of this age with two workers, by default on this machine."""
    worker = SimpleNamespace(pid=pid + 2)
    sentinel = SimpleNamespace(
        parent_pid=pid,
        pid=pid + 1,
        cluster_id=f"cluster-{pid}-{host}",
        broker=get_broker(),
        tob=now - age,
        reincarnations=1,
        status=lambda: "Idle",
        monitor=None,
        pusher=None,
        pool=[worker, SimpleNamespace(pid=pid + 3)],
        result_queue=SimpleNamespace(qsize=lambda: 0),
        task_queue=SimpleNamespace(qsize=lambda: 0),
    )
    stat = Stat(sentinel)
    if host:
        stat.host = host
    stat.save()
