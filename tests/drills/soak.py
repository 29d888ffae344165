"""Mixed load for a while, and how memory and open files grew: python -m tests.drills.soak."""

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.drills.report import machine, write_section
from tests.standin import StandIn, default_book
from tests.support.ports import free_ports
from tests.support.whole_system import System, system

SYMBOLS = 100
READS_PER_SECOND = 200
_READERS = 4
TABLE_LINE = "| --- | ---: | ---: | ---: | ---: |"
_NEW_SESSION = """
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
admin = User.objects.get(username="admin")
session = import_module(settings.SESSION_ENGINE).SessionStore()
session.update({SESSION_KEY: str(admin.pk), HASH_SESSION_KEY: admin.get_session_auth_hash(),
                BACKEND_SESSION_KEY: "django.contrib.auth.backends.ModelBackend"})
session.save()
print(session.session_key)
"""
_PAGES = ("/admin/", "/admin/scheduler/", "/admin/prices/trackedsymbol/", "/cache/status")


@dataclass
class Load:
    """What is done to the system at the same time, until `stopped` is set."""

    system: System
    symbols: list[str]
    stopped: threading.Event = field(default_factory=threading.Event)
    done: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    failed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    read_seconds: list[float] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.system.port}"

    def threads(self) -> Iterator[threading.Thread]:
        readers = [self._read] * _READERS
        for work in (*readers, self._sync, self._import, self._visit):
            yield threading.Thread(target=work, daemon=True)

    def _repeat(self, name: str, pause: float, work: Callable[[], None]) -> None:
        due = time.monotonic()
        while not self.stopped.wait(max(0.0, due - time.monotonic())):
            due = max(due + pause, time.monotonic() - 1)
            try:
                work()
                self.done[name] += 1
            except Exception as error:  # counted, and the load goes on
                self.failed[f"{name}: {type(error).__name__} {str(error)[:80]}"] += 1

    def _read(self) -> None:
        session = requests.Session()

        def one() -> None:
            days = random.choice((5, 30, 365, 1000))
            symbol = random.choice(self.symbols).replace("^", "%5E")
            began = time.perf_counter()
            answer = session.get(f"{self.url}/cache/historical/{symbol}?days={days}", timeout=30)
            answer.raise_for_status()
            self.read_seconds.append(time.perf_counter() - began)

        self._repeat("reads", _READERS / READS_PER_SECOND, one)

    def _sync(self) -> None:
        def one() -> None:
            self.system.post("/cache/backfill-all")
            self.system.post("/cache/refresh-live")

        self._repeat("syncs", 30, one)

    def _import(self) -> None:
        session = requests.Session()
        session.headers["Authorization"] = f"Token {self.system.token()}"
        held = [symbol for symbol in self.symbols if symbol.isalnum()][:80]
        rows = "".join(
            f"buy,2025-03-03,{symbol},{shares},10,,USD,,\n"
            for shares in range(1, 26)
            for symbol in held
        )
        text = f"kind,date,symbol,quantity,price,amount,currency,fees,note\n{rows}"

        def one() -> None:
            new = {"name": f"Soak {time.time()}", "base_currency": "USD"}
            made = session.post(f"{self.url}/portfolio", json=new, timeout=60)
            made.raise_for_status()
            at = f"{self.url}/portfolio/{made.json()['id']}"
            booked = session.post(f"{at}/import", files={"file": text}, timeout=120)
            assert booked.status_code == 200, booked.text[:200]
            session.get(at, timeout=60).raise_for_status()
            session.delete(at, timeout=60).raise_for_status()

        self._repeat("imports of 2,000 lines", 20, one)

    def _visit(self) -> None:
        session = requests.Session()
        key = self.system.manage("shell", "-c", _NEW_SESSION).strip().splitlines()[-1]
        session.cookies.set("sessionid", key)

        def one() -> None:
            for page in _PAGES:
                answer = session.get(f"{self.url}{page}", timeout=60)
                answer.raise_for_status()
                assert "Log in" not in answer.text[:4000], page

        self._repeat("rounds of admin pages", 3, one)


@dataclass(frozen=True)
class Sample:
    """Memory (MB, without shared pages of files) and open files by role at one moment."""

    at: float
    memory: dict[str, float]
    files: dict[str, int]


def sample(running: System, at: float) -> Sample:
    memory: dict[str, float] = defaultdict(float)
    files: dict[str, int] = defaultdict(int)
    for pid, command in running.processes().items():
        role = _role(command)
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            pss = next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
            memory[role] += pss / 1024
            files[role] += len(list(Path(f"/proc/{pid}/fd").iterdir()))
        except OSError:
            continue  # It ended meanwhile.
    return Sample(at, memory, files)


def _role(command: str) -> str:
    for word, role in (("--replSet", "mongod"), ("cluster", "jobs"), (" up", "supervisor")):
        if word in command:
            return role
    return "web"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.drills.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--write", action="store_true", help="write the figures into the docs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak-") as folder, _running(Path(folder)) as load:
        threads = list(load.threads())
        for thread in threads:
            thread.start()
        began = time.monotonic()
        samples = []
        while (passed := time.monotonic() - began) < 60 * options.minutes:
            samples.append(sample(load.system, passed))
            time.sleep(5)
        load.stopped.set()
        for thread in threads:
            thread.join()
        text = _report(load, samples, time.monotonic() - began)
    print(text)  # noqa: T201
    if options.write:
        write_section("soak", text)


@contextmanager
def _running(folder: Path) -> Iterator[Load]:
    with (
        StandIn(default_book(SYMBOLS, 5)) as standin,
        system(folder, free_ports(2), {**standin.env(), "MONGODB_URI": ""}) as running,
    ):
        running.start("--no-sample")
        symbols = list(standin.book.instruments)
        running.manage("track", *symbols)
        running.wait_for(lambda: _has_all(running), "all histories", 300)
        yield Load(running, symbols)


def _has_all(running: System) -> bool:
    found: Any = running.get("/cache/status")["historical_data"]["symbols_with_history"]
    return bool(found == SYMBOLS)


def _report(load: Load, samples: list[Sample], seconds: float) -> str:
    """Returns the medians of the second sixth and of the last sixth of the time."""
    size = len(samples) // 6
    early, late = samples[size : 2 * size], samples[-size:]
    rows = ["| processes | memory, early | late | open files, early | late |", TABLE_LINE]
    for role in sorted(samples[-1].memory):
        mb = [statistics.median(s.memory[role] for s in part) for part in (early, late)]
        fds = [statistics.median(s.files[role] for s in part) for part in (early, late)]
        rows.append(f"| {role} | {mb[0]:.0f} MB | {mb[1]:.0f} MB | {fds[0]:.0f} | {fds[1]:.0f} |")
    ranked = sorted(load.read_seconds)
    half, most = (1e3 * ranked[int(share * len(ranked))] for share in (0.5, 0.99))
    others = ", ".join(f"{count} {name}" for name, count in load.done.items() if name != "reads")
    return "\n".join(rows) + (
        f"\n\n{seconds / 60:.0f} minutes on {machine()}, client and stand-in included: "
        f"{load.done['reads'] / seconds:.0f} reads a second (median {half:.1f} ms, p99 "
        f"{most:.0f} ms); {others}. Failed: {dict(load.failed) or 'none'}."
    )


if __name__ == "__main__":
    main()
