"""The whole system as users run it: `manage.py up` in its own folder, called over HTTP."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# A stop may take this long on a busy machine. `up` kills what needs more than its own limits.
STOP_SECONDS = 100
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class System:
    """One data folder and its ports, on which `up` can be started several times."""

    def __init__(self, folder: Path, port: int, env: dict[str, str]) -> None:
        self.folder = folder
        self.port = port
        self.output = folder / "up.txt"
        self.up: subprocess.Popen[bytes] | None = None
        inherited = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("PRICECACHE_", "MONGODB_", "DJANGO_"))
        }
        self.env = {
            **inherited,
            "PRICECACHE_DATA_DIR": str(folder / "var"),
            "PRICECACHE_PORT": str(port),
            "PRICECACHE_MONGOD_PORT": str(port + 1),
            "PRICECACHE_ADMIN_PASSWORD": "correct horse",
            "PRICECACHE_YAHOO_REQUESTS_PER_MINUTE": "1000000",
            "PRICECACHE_YAHOO_BURST": "1000000",
            **env,
        }

    def start(self, *args: str) -> None:
        with self.output.open("ab") as output:
            self.up = subprocess.Popen(
                [sys.executable, "manage.py", "up", *args],
                cwd=ROOT,
                env=self.env,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
        self.wait_for(lambda: self.get("/readyz")["jobs_running"], "the system to be up", 200)

    def stop(self) -> int:
        """Stops it as Ctrl-C does, and returns its exit status."""
        assert self.up is not None
        self.up.send_signal(signal.SIGINT)
        return self.up.wait(STOP_SECONDS)

    def kill(self) -> None:
        assert self.up is not None
        self.up.kill()
        self.up.wait()

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of manage.py to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def manage(self, *args: str) -> str:
        """Returns the output of a command of manage.py that must succeed."""
        done = self.run(*args)
        assert done.returncode == 0, f"manage.py {' '.join(args)}: {done.stdout}{done.stderr}"
        return done.stdout

    def get(self, path: str) -> Any:
        return self.call(urllib.request.Request(f"http://127.0.0.1:{self.port}{path}"))

    def post(self, path: str, body: object = None) -> Any:
        """Sends a POST of JSON with the token that the start printed."""
        return self.send(path, json.dumps(body or {}).encode(), "application/json")

    def send(self, path: str, body: bytes, kind: str) -> Any:
        headers = {"Authorization": f"Token {self.token()}", "Content-Type": kind}
        return self.call(
            urllib.request.Request(
                f"http://127.0.0.1:{self.port}{path}", data=body, headers=headers, method="POST"
            )
        )

    @staticmethod
    def call(request: urllib.request.Request) -> Any:
        with _DIRECT.open(request, timeout=200) as answer:
            return json.load(answer)

    def token(self) -> str:
        tokens = re.findall(r"Authorization: Token (\S+)$", self.output.read_text(), re.MULTILINE)
        assert tokens, f"no token in the start-up's output:\n{self.output.read_text()}"
        return str(tokens[-1])

    def wait_for(self, done: Callable[[], Any], what: str, seconds: float = 120) -> Any:
        """Waits for `done` to return something true, and returns it. Ignores network errors."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                if value := done():
                    return value
            except (OSError, http.client.HTTPException):
                pass  # Also of an answer that was cut off, as by a process that was killed.
            if self.up is not None and self.up.poll() is not None:
                break
            time.sleep(0.2)
        raise AssertionError(f"gave up waiting for {what}:\n{self.output.read_text()[-6000:]}")

    def processes(self) -> dict[int, str]:
        """Returns the running processes of this data folder: id → command line."""
        mark = f"PRICECACHE_DATA_DIR={self.env['PRICECACHE_DATA_DIR']}".encode()
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if command:  # A zombie has none.
                        found[int(entry.name)] = command
            except OSError:
                continue  # It ended in the meantime.
        return found

    def pids(self, pattern: str) -> list[int]:
        return sorted(
            pid for pid, command in self.processes().items() if re.search(pattern, command)
        )


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def children_of(system: System, pid: int) -> list[int]:
    return sorted(child for child in system.processes() if parent_of(child) == pid)


class Parts:
    """The process ids of a running system by role."""

    def __init__(self, system: System) -> None:
        assert system.up is not None
        top = children_of(system, system.up.pid)
        commands = system.processes()
        self.mongod, self.cluster, self.web = (
            next((pid for pid in top if word in commands.get(pid, "")), 0)
            for word in ("--replSet", "manage.py cluster", "gunicorn")
        )
        self.web_workers = children_of(system, self.web)
        self.sentinel = next(iter(children_of(system, self.cluster)), 0)
        # In the order of the forks: the workers, the monitor, the pusher.
        self.job_processes = children_of(system, self.sentinel)

    def by_name(self, name: str) -> int:
        return {
            "mongod": self.mongod,
            "web": self.web,
            "web worker": self.web_workers[0],
            "cluster": self.cluster,
            "sentinel": self.sentinel,
            "idle worker": self.job_processes[0],
            "monitor": self.job_processes[2],
            "pusher": self.job_processes[3],
        }[name]

    @property
    def complete(self) -> bool:
        return bool(
            self.mongod
            and self.cluster
            and len(self.web_workers) == 2
            and len(self.job_processes) == 4
        )


@contextmanager
def system(folder: Path, port: int, env: dict[str, str]) -> Iterator[System]:
    """Yields a system, and kills every process that the test leaves."""
    running = System(folder, port, env)
    try:
        yield running
    finally:
        if running.up is not None and running.up.poll() is None:
            running.stop()
        for pid in running.processes():
            os.kill(pid, signal.SIGKILL)
