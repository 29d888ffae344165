"""A child process as the supervisor holds it, and death with the parent, for any process."""

from __future__ import annotations

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

from pricecache_site.operations.logfiles import BoundedLog

_PR_SET_PDEATHSIG = 1
# A child that never stops talking must not have all of the supervisor's time.
_CHUNKS_AT_ONCE = 16


def _load_prctl() -> Callable[[int, int], int] | None:
    if sys.platform != "linux":
        return None
    try:
        prctl: Callable[[int, int], int] = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None
    return prctl


# Loaded before any fork: between fork and exec nothing may be imported or opened.
_prctl = _load_prctl()
_forking_pid = 0


def die_with_parent(deadly: signal.Signals = signal.SIGKILL, *, parent: int | None = None) -> None:
    """Has the kernel send `deadly` to this process when the thread that forked it ends.

    `parent` is who the parent should be: if it is gone already, this process ends here.
    Does nothing where the system has no such service (elsewhere than on Linux).
    """
    if _prctl is None:
        return
    _prctl(_PR_SET_PDEATHSIG, deadly)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def die_with_parent_after_every_fork() -> None:
    """Makes every later fork of this process, and the forks of those, die with its parent.

    The kernel forgets the wish at each fork, so each process has to utter it for itself.
    """
    os.register_at_fork(before=_note_pid, after_in_child=_die_with_forking_process)


def _note_pid() -> None:
    global _forking_pid
    _forking_pid = os.getpid()


def _die_with_forking_process() -> None:
    die_with_parent(parent=_forking_pid)


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run, and how to see that it runs."""

    name: str
    argv: Sequence[str]
    cwd: str | None = None
    env: Mapping[str, str] | None = None
    # The highest stage is stopped first, equals together.
    stage: int = 0
    stop_seconds: float = 5.0
    # Whether it does its work yet; without a probe it is ready at once.
    ready: Callable[[], bool] | None = None
    ready_seconds: float = 60.0
    # Called every few seconds with the seconds since it was ready; a reason has it restarted.
    watch: Callable[[float], str | None] | None = None
    # What its exit status says, where the child cannot tell by its output.
    cause_of_death: Callable[[int], str] | None = None
    # Not to be passed on: it has a log of its own.
    quiet: bool = False
    # What the kernel sends it when the supervisor is killed.
    orphaned: signal.Signals = signal.SIGKILL


class ChildState(enum.Enum):
    STARTING = enum.auto()
    RUNNING = enum.auto()
    DEAD = enum.auto()
    WAITING = enum.auto()  # to be started again


@dataclass(slots=True, eq=False)
class Child:
    """One child, through all of its restarts."""

    spec: ChildSpec
    log: BoundedLog | None = None
    state: ChildState = ChildState.DEAD
    since: float = 0.0
    watched_at: float = 0.0
    deaths: deque[float] = field(default_factory=deque)
    killed_for: str = ""
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=15))
    _process: subprocess.Popen[bytes] | None = None
    _unread: bytes = b""

    @property
    def is_alive(self) -> bool:
        return self.state in (ChildState.STARTING, ChildState.RUNNING)

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def status(self) -> int:
        """The exit status; the negative number of the signal that ended it."""
        return (self._process.returncode or 0) if self._process else 0

    @property
    def output(self) -> int | None:
        """The descriptor of its output, while that is open."""
        pipe = self._process.stdout if self._process else None
        return None if pipe is None or pipe.closed else pipe.fileno()

    def spawn(self) -> None:
        """Starts it in a process group of its own. :raises OSError: it cannot be executed."""
        self.killed_for = ""
        self._process = process = subprocess.Popen(  # noqa: S603  # our own command lines
            self.spec.argv,
            cwd=self.spec.cwd,
            env=self.spec.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=partial(die_with_parent, self.spec.orphaned, parent=os.getpid()),
        )
        if process.stdout is not None:
            os.set_blocking(process.stdout.fileno(), False)
        self.enter(ChildState.STARTING)

    def enter(self, state: ChildState) -> None:
        self.state = state
        self.since = self.watched_at = time.monotonic()

    def ended(self) -> bool:
        """Whether it has died just now; what it left of its process group is killed."""
        if not self.is_alive or self._process is None or self._process.poll() is None:
            return False
        self.kill()
        self.enter(ChildState.DEAD)
        return True

    def terminate(self) -> None:
        if self.is_alive and self._process is not None:
            self._process.terminate()

    def kill(self, reason: str = "") -> None:
        """Kills it and all of its descendants that stayed in its process group."""
        self.killed_for = self.killed_for or reason
        # Later its id may be another's.
        if self.is_alive and self.pid:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)

    def read(self) -> list[str]:
        """The lines it has written since; the pipe is closed at its end."""
        if self._process is None or self._process.stdout is None or self.output is None:
            return []
        chunks = [self._unread]
        at_end = not self.is_alive
        with suppress(BlockingIOError):
            for _ in range(_CHUNKS_AT_ONCE):
                chunks.append(os.read(self._process.stdout.fileno(), 65536))
                at_end = at_end or not chunks[-1]
        *whole, rest = b"".join(chunks).split(b"\n")
        if at_end:
            self._process.stdout.close()
            whole, rest = [*whole, rest] if rest else whole, b""
        self._unread = rest
        lines = [line.decode(errors="replace").rstrip("\r") for line in whole]
        self.last_lines.extend(lines)
        if self.log is not None and lines:
            self.log.write(lines)
        return lines
