"""The system of the drills: on a disk of its own, beside a stand-in for the provider."""

import http.client
import json
import os
import signal
import sqlite3
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.standin import StandIn
from tests.support.whole_system import Parts, System

# Most drills must end so long after their cause at the latest.
MAX_SECONDS = 90
# Counts the bars that are stored twice, and reads each series without its block.
_CHECK_STORE = """
import json
from prices import services
twice = [{"$group": {"_id": {"m": "$m", "ts": "$ts"}, "n": {"$sum": 1}}},
         {"$match": {"n": {"$gt": 1}}}, {"$count": "n"}]
found = list(services.database()["bars"].aggregate(twice))
bars = sum(len(services.bars().read(key).bars) for key in services.bars().manifests())
print(json.dumps({"twice": found[0]["n"] if found else 0, "bars": bars}))
"""


class Disk:
    """A small ext4 file system, which can be filled and can become read-only. Needs root."""

    def __init__(self, folder: Path) -> None:
        self.at = folder / "disk"
        self._image = folder / "disk.img"
        self._filler = self.at / "filler"

    def make(self, gigabytes: int = 3) -> None:
        self.at.mkdir()
        with self._image.open("wb") as image:
            image.truncate(gigabytes << 30)
        _run("mkfs.ext4", "-q", "-m", "0", str(self._image))
        self.mount()

    def mount(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self.at))

    def unmount(self) -> None:
        _run("umount", str(self.at))

    def fill(self) -> None:
        with self._filler.open("wb") as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while True:
                        os.write(file.fileno(), bytes(size))
                except OSError:
                    continue

    def free(self) -> None:
        self._filler.unlink()

    def fail(self) -> None:
        """Makes it read-only, as the kernel does after an error of the disk."""
        _run("mount", "-o", "remount,abort", str(self.at))

    def mend(self) -> None:
        """Repairs and mounts it again. No process may use it."""
        self.unmount()
        _run("fsck.ext4", "-f", "-y", str(self._image), allowed=1)
        self.mount()


def _run(*command: str, allowed: int = 0) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode <= allowed, f"{' '.join(command)}: {done.stdout}{done.stderr}"


class Scene:
    """One system for all drills, its provider, and its disk."""

    def __init__(self, system: System, standin: StandIn, disk: Disk) -> None:
        self.system = system
        self.standin = standin
        self.disk = disk
        self.symbols = list(standin.book.instruments)
        self.run: int | None = None
        self._rewritten = 0

    # --- before a drill -----------------------------------------------------------------------

    def rewrite(self) -> None:
        """Changes every history at the provider, and returns while all are being rewritten."""
        self._rewritten += 1
        for symbol in self.symbols:
            tape = self.standin.book.tape(symbol)
            assert tape
            tape.columns["volume"] += 5_000
            at = -self._rewritten - 10
            self.standin.book.revise(symbol, tape.sessions[at], close=tape.columns["high"][at])
        self.standin.clear_log()
        self.standin.fault("delay", kind="chart", seconds=0.4)
        self.run = self.system.post("/cache/backfill-all")["id"]
        self.system.wait_for(lambda: len(self.standin.log) > 10, "histories to be rewritten")

    @property
    def data(self) -> Path:
        return Path(self.system.env["PRICECACHE_DATA_DIR"])

    def pid(self, name: str) -> int:
        """Returns the id of a process of the complete system, as `Parts` names it."""
        self.system.wait_for(lambda: Parts(self.system).complete, "all processes")
        return Parts(self.system).by_name(name)

    def busy_worker(self) -> int:
        """Returns the id of a process that fetches histories."""
        query = "select worker from prices_syncrun where state = 'running' and parent_id not null"
        name = self.system.wait_for(lambda: self._query(query), "a busy worker")[0][0]
        return int(name.split("/")[-2])

    # --- causes -------------------------------------------------------------------------------

    def kill(self, *pids: int) -> None:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def freeze(self, pids: Sequence[int], seconds: float = 60) -> list[int]:
        """Freezes processes. Returns those that still are after `seconds`, and thaws them."""
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        left = [pid for pid in pids if pid in self.system.processes()]
        for pid in left:
            os.kill(pid, signal.SIGCONT)
        return left

    def restart(self, **env: str) -> None:
        """Stops the system if it runs, and starts it with other variables."""
        self.stop()
        self.system.env.update(env)
        self.system.start("--no-sample")

    def stop(self) -> None:
        up = self.system.up
        if up is not None and up.poll() is None:
            self.system.stop()
        for pid in self.system.processes():
            os.kill(pid, signal.SIGKILL)

    @contextmanager
    def clock(self) -> Iterator[Callable[[int], None]]:
        """Restarts the system with a clock that can be set so many seconds wrong, and back again.

        A process that gets SIGRTMIN has a clock of its own, 20 days ahead.
        """
        library, offset = self.system.folder / "clock.so", self.system.folder / "offset"
        source = Path(__file__).with_name("clock.c")
        _run("cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl")

        def set_wrong(seconds: int) -> None:
            with offset.open("r+b") as file:  # The processes have it mapped.
                file.write(struct.pack("q", seconds))

        offset.write_bytes(bytes(8))
        env = {"LD_PRELOAD": str(library), "DRILL_CLOCK": str(offset)}
        try:
            self.restart(**env)
            yield set_wrong
        finally:
            set_wrong(0)
            self.stop()
            for name in env:
                self.system.env.pop(name)
            self.restart()

    def first_reason(self, word: str, seconds: float) -> str:
        """Returns the first reason in the status with this word, "" if there is none in time."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                reasons = self.system.get("/cache/status")["reasons"]
            except (OSError, http.client.HTTPException):
                reasons = []  # The web server is away too.
            if told := next((reason for reason in reasons if word in reason), ""):
                return str(told)
            time.sleep(0.5)
        return ""

    def refused(self, *args: str) -> str:
        """Returns the last line of a command that must fail without a traceback."""
        done = self.system.run(*args)
        said = done.stdout + done.stderr
        assert done.returncode != 0, said
        assert "Traceback" not in said, said
        return said.strip().splitlines()[-1]

    # --- afterwards ---------------------------------------------------------------------------

    def settle(self, since: float) -> dict[str, Any]:
        """Waits until all is well again, and returns what was compared and how long it took."""
        self.standin.faults.clear()
        self.system.wait_for(self._is_well, "the system to be well", 400)
        seconds = time.monotonic() - since
        found = json.loads(self.system.manage("shell", "-c", _CHECK_STORE).splitlines()[-1])
        served = sum(self.compare(symbol) for symbol in self.symbols)
        assert found == {"twice": 0, "bars": served}, (found, served)
        return {"seconds": seconds, "bars": served}

    def _is_well(self) -> bool:
        status = self.system.get("/cache/status")
        return status["status"] == "healthy" and not self.open_runs()

    def open_runs(self) -> list[Any]:
        return self._query("select id, kind, state from prices_syncrun where finished_at is null")

    def _query(self, query: str) -> list[Any]:
        path = self.data / "pricecache.sqlite3"
        with closing(sqlite3.connect(path, timeout=20)) as connection:
            return connection.execute(query).fetchall()

    def compare(self, symbol: str) -> int:
        """Compares a served history with the provider's, and returns the number of its bars."""
        served = self.system.get(f"/cache/historical/{symbol.replace('^', '%5E')}")["data"]
        expected = [{**bar, "date": str(bar["date"])} for bar in self.standin.expected_bars(symbol)]
        differing = [bar for bar in served if bar not in expected] if served != expected else []
        assert served == expected, f"{symbol}: {len(served)} bars, {differing[:3]}"
        return len(served)
