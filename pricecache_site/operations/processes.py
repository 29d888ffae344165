"""Child processes: one child of the supervisor, and processes that die with their parent."""

import ctypes
import enum
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

# How long one of its processes may be stopped, and how many questions it may leave unanswered in a
# row, before a child is killed.
MAX_FROZEN_SECONDS = 25.0
MAX_MISSED = 6
_PR_SET_PDEATHSIG = 1
# Limits one read, so that a child that writes without end cannot keep the supervisor busy.
_MAX_CHUNKS_PER_READ = 16

# Loaded before any fork: between fork and exec nothing may be imported or opened.
_prctl: Callable[[int, int], int] | None = (
    getattr(ctypes.CDLL(None), "prctl", None) if sys.platform == "linux" else None
)
_forking_pid = 0


def die_with_parent(number: signal.Signals = signal.SIGKILL, *, parent: int | None = None) -> None:
    """Asks the kernel to send `number` to this process when the thread that forked it ends.

    If `parent` is given and is no longer the parent process, this process ends here.
    Does nothing on systems other than Linux, which have no such service.
    """
    if _prctl is None:
        return
    _prctl(_PR_SET_PDEATHSIG, number)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def die_with_parent_after_every_fork() -> None:
    """Makes every later fork of this process, and the forks of those, die with its parent.

    The kernel clears the setting at each fork, so each process has to set it for itself.
    """

    def remember_pid() -> None:
        global _forking_pid
        _forking_pid = os.getpid()

    os.register_at_fork(
        before=remember_pid, after_in_child=lambda: die_with_parent(parent=_forking_pid)
    )


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run, and how to find out whether it works."""

    name: str
    argv: Sequence[str]
    cwd: str | None = None
    env: Mapping[str, str] | None = None
    # Children of the highest stage are stopped first, those of one stage together.
    stage: int = 0
    stop_seconds: float = 5.0
    # Returns whether the child does its work. Without it, a child is ready once it is started.
    ready: Callable[[], bool] | None = None
    ready_seconds: float = 60.0
    # Called every few seconds with the seconds since the child was ready. Returns why the child
    # has to be restarted, or None.
    watch: Callable[[float], str | None] | None = None
    # Asks the child something, every few seconds. A child that often does not answer is killed.
    answers: Callable[[], bool] | None = None
    # Returns why it cannot be started again now, which is no fault of the child, or an empty string.
    wait_while: Callable[[], str] | None = None
    # Explains an exit status, for a child whose output does not.
    explain_exit: Callable[[int], str] | None = None
    # Whether its output is not printed, because it writes a log of its own.
    quiet: bool = False
    # What the kernel sends to the child when the supervisor is killed.
    orphan_signal: signal.Signals = signal.SIGKILL


def _find_stopped(session: int) -> int:
    """Returns a process of the session that a signal has stopped (SIGSTOP), or 0. Linux only."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, its_session, *_ = entry.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError, ValueError):
            continue  # It ended meanwhile.
        if state == "T" and int(its_session) == session:
            return int(entry.parent.name)
    return 0


class ChildState(enum.Enum):
    STARTING = enum.auto()
    RUNNING = enum.auto()
    EXITED = enum.auto()
    WAITING = enum.auto()  # for its restart


@dataclass(slots=True, eq=False)
class Child:
    """One child of the supervisor, over all of its restarts."""

    spec: ChildSpec
    state: ChildState = ChildState.EXITED
    since: float = 0.0
    watched_at: float = 0.0
    frozen_since: float | None = None
    missed: int = 0
    waits_for: str = ""
    exits: deque[float] = field(default_factory=deque)
    kill_reason: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _partial_line: bytes = b""

    @property
    def is_alive(self) -> bool:
        return self.state in (ChildState.STARTING, ChildState.RUNNING)

    @property
    def output(self) -> int | None:
        """The descriptor of its output, or None if that is closed."""
        pipe = self._process.stdout if self._process else None
        return None if pipe is None or pipe.closed else pipe.fileno()

    def spawn(self) -> None:
        """Starts the child in a process group of its own.

        :raises OSError: the program cannot be executed.
        """
        self.kill_reason = ""
        self._process = process = subprocess.Popen(  # noqa: S603  # our own command lines
            self.spec.argv,
            cwd=self.spec.cwd,
            env=self.spec.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(die_with_parent, self.spec.orphan_signal, parent=os.getpid()),
        )
        if process.stdout is not None:
            os.set_blocking(process.stdout.fileno(), False)
        self.enter(ChildState.STARTING)

    def enter(self, state: ChildState) -> None:
        self.state = state
        self.since = self.watched_at = time.monotonic()
        self.frozen_since, self.missed = None, 0

    def check_exit(self) -> bool:
        """Returns whether the child has just ended. Kills what is left of its process group."""
        if not self.is_alive or self._process is None or self._process.poll() is None:
            return False
        self.kill()
        self.enter(ChildState.EXITED)
        return True

    def terminate(self) -> None:
        if self.is_alive and self._process is not None:
            self._process.terminate()

    def kill(self, reason: str = "") -> None:
        """Kills the child and all descendants that stayed in its process group."""
        self.kill_reason = self.kill_reason or reason
        # The id of a process that ended earlier may belong to another one by now.
        if self.is_alive and self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def why_restart(self, now: float) -> str:
        """Returns why the running child has to be restarted, or an empty string.

        Only looks that follow each other count, and the clock is monotonic: a machine or a supervisor
        that slept finds its children awake.
        """
        if self.spec.watch is not None and (reason := self.spec.watch(now - self.since)):
            return reason
        if pid := _find_stopped(self._process.pid if self._process else 0):
            self.frozen_since = self.frozen_since or now
            if now - self.frozen_since >= MAX_FROZEN_SECONDS:
                return f"its process {pid} was stopped for {MAX_FROZEN_SECONDS:g} s"
            return ""
        self.frozen_since = None
        if self.spec.answers is not None:
            self.missed = 0 if self.spec.answers() else self.missed + 1
            if self.missed >= MAX_MISSED:
                return f"it did not answer {MAX_MISSED} times in a row"
        return ""

    def exit_message(self) -> str:
        """Says how the child ended: "web ended with status 1."."""
        status = (self._process.returncode or 0) if self._process else 0
        if self.kill_reason:
            return f"{self.spec.name} was killed ({self.kill_reason})."
        if status < 0:
            how = f"was ended by {signal.Signals(-status).name}"
        else:
            how = f"ended with status {status}"
        explain = self.spec.explain_exit
        return f"{self.spec.name} {how}." + (f" {explain(status)}" if explain else "")

    def read(self) -> list[str]:
        """Returns the lines written since the last call. Closes the pipe at its end."""
        if self._process is None or self._process.stdout is None or self.output is None:
            return []
        chunks = [self._partial_line]
        at_end = not self.is_alive
        with suppress(BlockingIOError):
            for _ in range(_MAX_CHUNKS_PER_READ):
                chunks.append(os.read(self._process.stdout.fileno(), 65536))
                at_end = at_end or not chunks[-1]
        *lines, rest = b"".join(chunks).split(b"\n")
        if at_end:
            self._process.stdout.close()
            lines, rest = [*lines, rest] if rest else lines, b""
        self._partial_line = rest
        return [line.decode(errors="replace").rstrip("\r") for line in lines]
