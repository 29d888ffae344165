"""Small trees of real processes: a supervisor in a subprocess, with its children."""

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

# What takes a second may take a minute on a busy machine.
MAX_SECONDS = 120


def until(condition: Callable[[], object], what: str = "the condition to hold") -> None:
    deadline = time.monotonic() + MAX_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"gave up waiting for {what}"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


PRELUDE = """
import sys, time
from pathlib import Path
from pricecache_site.operations import processes, supervisor
from pricecache_site.operations.processes import ChildSpec
from pricecache_site.operations.supervisor import Supervisor, SupervisorError
FOLDER = Path(sys.argv[1])
supervisor.FIRST_PAUSE = 0.05
supervisor.WATCH_EVERY = 0.1
processes.MAX_FROZEN_SECONDS = 0.5
def python(code, **more):
    name = more.pop("name", "child")
    head = "import os, signal, subprocess, sys, time\\nfrom pathlib import Path\\n"
    head += f"FOLDER = Path({str(FOLDER)!r})\\n"
    head += f"print(os.getpid(), file=(FOLDER / '{name}.pid').open('a'), flush=True)\\n"
    return ChildSpec(name, [sys.executable, "-u", "-c", head + code], **more)
"""


FOREVER = """
    with Supervisor() as s:
        s.start(python("time.sleep(600)", name="one", stage=1),
                python("time.sleep(600)", name="two", stage=2))
        (FOLDER / "all.pid").write_text("1")
        s.run()
"""


class Tree:
    """A supervisor with its children in a subprocess."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None
        self.output = folder / "output"

    def run(self, code: str) -> None:
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PRELUDE + textwrap.dedent(code), str(self.folder)],
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def finish(self) -> int:
        assert self.process is not None
        return self.process.wait(MAX_SECONDS)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def kill(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def pids(self, name: str) -> list[int]:
        try:
            return [int(line) for line in (self.folder / f"{name}.pid").read_text().split()]
        except OSError:
            return []

    def started(self, name: str, times: int = 1) -> int:
        """Waits for a number of starts of a child, and returns the latest process id."""
        until(lambda: len(self.pids(name)) >= times)
        return self.pids(name)[-1]

    def said(self) -> str:
        return self.output.read_text()
