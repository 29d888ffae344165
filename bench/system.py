"""Runs what is measured: a mongod, the contenders' processes, and the web server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import django
import numpy as np
from django.conf import settings
from django.core.management import call_command

from bench import PEERS_PYTHON, ROOT
from bench.contenders import OURS, PEERS, VARIANTS, Contender
from bench.contenders.base import Place
from bench.data import TEN_YEARS, Book
from bench.measure import Timing, say, side_by_side
from pricecache_site.data_folder import mongodb_uri
from prices.domain.sessions import sessions_of
from tests.support.mongod import running_mongod

PORT = 21917
WEB_PORT = 21918
URL = f"http://127.0.0.1:{WEB_PORT}"
# In the main stores the first symbols have ten years of bars, the others one.
LONG = 100


class BenchError(Exception):
    """A measurement failed; the message says which and why."""


class Worker:
    """The process of one contender. `loaded` counts the symbols that its store has."""

    def __init__(self, contender: Contender, sessions: Path, place: Place) -> None:
        self.contender = contender
        self.loaded = 0
        python = sys.executable if contender.in_product_environment else PEERS_PYTHON
        self._process = subprocess.Popen(
            [python, "-m", "bench.tasks", contender.key, sessions, *place],
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def begin(self, task: str, **arguments: Any) -> None:
        """Sends a task. Several workers can so work at the same time."""
        assert self._process.stdin
        print(json.dumps({"task": task, **arguments}), file=self._process.stdin, flush=True)

    def end(self) -> Any:
        """Waits for the answer. :raises BenchError: the task failed."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": "its process ended"}
        if "error" in answer:
            raise BenchError(f"{self.contender.label}: {answer['error']}")
        return answer["answer"]

    def ask(self, task: str, **arguments: Any) -> Any:
        self.begin(task, **arguments)
        return self.end()

    def close(self) -> None:
        with self._process:
            self._process.terminate()


class Bench:
    """What all groups of measures share. A scale names a set of stores with their own data."""

    def __init__(self, folder: Path, uri: str, processes: ExitStack, *, full: bool) -> None:
        self.full = full
        self._folder, self._uri, self._processes = folder, uri, processes
        self._workers: dict[str, Worker] = {}
        calendar = sessions_of("XNYS")
        assert calendar
        sessions = calendar.dates[calendar.dates < np.datetime64("today")][-TEN_YEARS:]
        np.save(folder / "sessions.npy", sessions)
        self.book = Book(sessions)

    def workers(self, task: str, scale: str = "main", *, variants: bool = False) -> list[Worker]:
        """Returns those that support a task; the product is first."""
        ours = (OURS, *VARIANTS) if variants else (OURS,)
        return [self.worker(one, scale) for one in (*ours, *PEERS) if task in one.tasks.split()]

    def worker(self, contender: Contender, scale: str = "main") -> Worker:
        """Returns the contender's process, which all groups use."""
        name = f"{contender.key}_{scale}"
        if name not in self._workers:
            data = f"{(OURS if contender in VARIANTS else contender).key}_{scale}"
            place = Place(self._folder / data, self._uri, data)
            self._workers[name] = Worker(contender, self._folder / "sessions.npy", place)
            self._processes.callback(self._workers[name].close)
        return self._workers[name]

    def load(self, workers: Sequence[Worker], count: int, scale: str = "main") -> None:
        """Stores the first `count` symbols in all stores at the same time."""
        owners = [w for w in workers if w.contender not in VARIANTS and w.loaded < count]
        for worker in owners:
            say(f"  {worker.contender.label}: storing up to {count:,} symbols …")
            long = LONG if scale == "main" else count
            worker.begin("load", first=worker.loaded, end=count, long=long)
            worker.loaded = count
        for worker in owners:
            worker.end()


def compare(
    workers: Iterable[Worker], rounds: int, task: str, arguments: Callable[[int], dict[str, Any]]
) -> dict[str, Timing]:
    """This function times one task of several workers; `arguments` gives those of each round."""
    asked = {w.contender.key: lambda n, w=w: w.ask(task, **arguments(n)) for w in workers}
    return side_by_side(asked, rounds)


@contextmanager
def running_bench(*, full: bool = False) -> Iterator[Bench]:
    """This context manager runs what the groups need. :raises BenchError: it cannot run."""
    if not PEERS_PYTHON.exists():
        raise BenchError("The other stores are not installed. Run `make bench` to install them.")
    with running_system() as (folder, uri), ExitStack() as processes:
        yield Bench(folder, uri, processes, full=full)


@contextmanager
def running_system() -> Iterator[tuple[Path, str]]:
    """This context manager configures Django and runs a mongod, both in a new folder below var/.

    Yields the folder and MongoDB's URI; the folder is removed at the end.
    """
    (ROOT / "var").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "var"))
    # This process and its children use the folder, whatever `.env` says.
    os.environ |= {
        "PRICECACHE_DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "bench.site",
        "MONGODB_URI": mongodb_uri(folder, PORT),
        "MONGODB_DATABASE": f"{OURS.key}_main",
        "PRICECACHE_HOST": "127.0.0.1",
        "PRICECACHE_PORT": str(WEB_PORT),
    }
    try:
        django.setup()
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        with running_mongod(data_dir=folder, port=PORT, cache_gb=settings.MONGOD_CACHE_GB) as uri:
            yield folder, uri
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving() -> Iterator[None]:
    """This context manager runs the web server with the product's own configuration."""
    from pricecache_site.operations.roles import child_environment, web_answers, web_argv

    environment = {**child_environment(), "MONGODB_DATABASE": settings.MONGODB_DATABASE}
    with subprocess.Popen(web_argv(), cwd=ROOT, env=environment) as server:
        try:
            while not web_answers():
                if server.poll() is not None:
                    raise BenchError(f"The web server ended with status {server.returncode}.")
                time.sleep(0.1)
            yield
        finally:
            server.terminate()
