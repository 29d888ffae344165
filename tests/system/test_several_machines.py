"""Two machines as one system: a cluster that hangs is found beside one that works."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings

from prices.store import mongo
from tests.support.process_trees import until
from tests.support.whole_system import ROOT, System

pytestmark = pytest.mark.timeout(400)


class Machine(System):
    """A data folder with a cluster under its own supervisor."""

    def start_cluster(self) -> None:
        with self.output.open("ab") as output:
            self.up = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--only", "cluster", "--no-sample"],
                cwd=ROOT,
                env=self.env,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )

    def cluster(self) -> int:
        """Returns the process id of its cluster."""
        return int((self.folder / "var" / "run" / "cluster.lock").read_text() or 0)

    def workers(self) -> list[int]:
        """Returns the ids of the two workers, which the sentinel forks first."""
        for sentinel in self.children_of(self.cluster()):
            return self.children_of(sentinel)[:2]
        return []

    def children_of(self, pid: int) -> list[int]:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sorted(map(int, listed))

    def says(self, text: str) -> bool:
        return text in self.output.read_text()

    def reasons(self) -> str:
        code = (
            "from django.utils import timezone as t; from prices.monitoring.status import status; "
            "print(status(now=t.now()).reasons)"
        )
        return self.manage("shell", "-c", code)


@pytest.fixture
def machines(mongod_uri: str, tmp_path: Path) -> Iterator[list[Machine]]:
    db = mongo.database(settings.MONGODB_URI, "several_machines")
    env = {
        "DJANGO_SETTINGS_MODULE": "tests.support.hasty.settings",
        "SHARED_DATABASE": str(tmp_path / "shared.sqlite3"),
        "MONGODB_URI": settings.MONGODB_URI,
        "MONGODB_DATABASE": db.name,
        "PRICECACHE_SECRET_KEY": "shared by all machines",
        "PRICECACHE_YAHOO_PROXY": "http://127.0.0.1:9",
    }
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        found.append(Machine(tmp_path / name, 9, env))
    try:
        yield found
    finally:
        for machine in found:
            if machine.up is not None:
                machine.stop()
            for pid in machine.processes():
                os.kill(pid, signal.SIGKILL)
        db.client.drop_database(db.name)


def test_a_cluster_that_hangs_is_reported_and_restarted_by_its_own_supervisor(
    machines: list[Machine],
) -> None:
    one, two = machines
    one.manage("prepare", "--no-sample")
    for machine in machines:
        machine.start_cluster()
    for machine in machines:
        until(partial(machine.says, "is up after"), "a cluster")
    until(lambda: one.cluster() and two.cluster() and len(two.workers()) == 2, "the workers")
    until(lambda: "heartbeats" not in one.reasons(), "proof of both clusters")
    works, hangs = one.cluster(), two.cluster()

    for worker in two.workers():
        os.kill(worker, signal.SIGSTOP)

    until(lambda: "sends heartbeats but has not run a job for" in one.reasons(), "the report")
    until(lambda: two.says("cluster was killed (Cluster"), "the restart")
    until(lambda: two.cluster() not in (0, hangs), "another cluster")
    until(lambda: "heartbeats" not in one.reasons(), "a healthy end")
    assert one.cluster() == works
    assert not one.says("was killed")
