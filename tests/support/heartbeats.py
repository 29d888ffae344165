"""A cluster's heartbeat as its sentinel writes it each second, without the cluster."""

from __future__ import annotations

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
    """Of a cluster with two workers, on this machine unless another is named."""
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
