"""The product's web server, started as `manage.py web` does, and wrk as its client."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench.system import WEB_PORT
from bench.workers import ROOT, WorkerError

HOW_TO_GET_WRK = (
    "wrk is not installed; the HTTP part is left out. "
    "On Debian and Ubuntu: apt-get install wrk. Elsewhere build it from github.com/wg/wrk."
)
_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk saw; times in ms."""

    per_second: float
    p50: float
    p99: float


@contextmanager
def serving() -> Iterator[None]:
    """gunicorn with the product's own configuration, on the bench's settings."""
    from pricecache_site.operations.roles import child_environment, web_argv

    server = subprocess.Popen(web_argv(), cwd=ROOT, env=child_environment())
    try:
        _wait(server)
        yield
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise WorkerError(f"The web server ended with status {server.returncode}.")
        try:
            if get("/healthz")[0] == 200:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
    raise WorkerError(f"The web server did not answer within {_START_SECONDS} s.")


def get(
    path: str, headers: Mapping[str, str] | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers (names in lower case) and body of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", WEB_PORT, timeout=30)
    try:
        connection.request("GET", path, headers=dict(headers or {}))
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, told, answer.read()
    finally:
        connection.close()


def get_json(path: str) -> Any:
    status, _, body = get(path)
    if status != 200:
        raise WorkerError(f"GET {path} answered {status}: {body[:200]!r}")
    return json.loads(body)


def has_wrk() -> bool:
    return shutil.which("wrk") is not None


def wrk(paths: Sequence[str], *, connections: int, seconds: float, etag: str = "-") -> Load:
    """Asks for the paths in turn over so many connections. :raises WorkerError: requests failed."""
    script = str(ROOT / "bench" / "wrk.lua")
    threads = min(connections, 2)
    argv = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds:g}s", "-s", script]
    url = f"http://127.0.0.1:{WEB_PORT}"
    done = subprocess.run([*argv, url, "--", etag, *paths], capture_output=True, text=True)
    if done.returncode:
        raise WorkerError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    if found["failed"] or not found["requests"]:
        raise WorkerError(f"{found['failed']} of {found['requests']} requests of {paths[0]} failed")
    return Load(found["requests"] / found["seconds"], found["p50"], found["p99"])
