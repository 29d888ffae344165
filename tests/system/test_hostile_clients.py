"""Slow and waiting clients, all at once: health and cached reads are answered as ever.

`python -m bench.hostile` measures how fast.
"""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.hostile_clients import slow_bodies, slow_headers, waiting_posts
from tests.support.ports import free_ports
from tests.support.process_trees import until
from tests.support.whole_system import ROOT, System, system

pytestmark = pytest.mark.timeout(600)

SLOW, WAITING = 100, 60
WORKERS, THREADS = 2, 4
READ = "/cache/historical/AAPL?start=2005-01-03&end=2005-12-30"


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system without a cluster, so that no run ends and every POST waits."""
    env = {
        "MONGODB_URI": "",
        "PRICECACHE_WEB_WORKERS": str(WORKERS),
        "PRICECACHE_WEB_THREADS": str(THREADS),
    }
    with system(tmp_path_factory.mktemp("web"), free_ports(2), env) as started:
        with started.output.open("ab") as output:
            started.up = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--only", "mongod", "web"],
                cwd=ROOT,
                env=started.env,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        started.wait_for(lambda: started.get("/readyz")["status"] == "ready", "the web server")
        yield started


def test_health_and_reads_go_on(web: System) -> None:
    port, token = web.port, web.token()
    with (
        slow_headers(port, SLOW) as headers,
        slow_bodies(port, SLOW, token) as bodies,
        waiting_posts(port, WAITING, token, seconds=300) as posts,
    ):
        places = WORKERS * THREADS // 2
        until(lambda: len(posts.answers) >= WAITING - places, "the POSTs that are not waited for")

        for _ in range(50):
            assert web.get("/healthz") == {"status": "alive"}
            assert web.get(READ)["count"] == 252

        assert headers.held() > SLOW / 2
        assert bodies.held() > SLOW / 2
        # Those that have a place still wait; each of the others has its run and the reason.
        assert WAITING - places <= len(posts.answers) < WAITING
        for status, body in posts.answers:
            assert status == 202
            assert body["notice"].startswith("The result was not waited for")
            assert body["url"].startswith("/cache/runs/")

    assert web.post("/cache/refresh-live")["state"] == "queued"
    assert web.stop() == 0
