"""What a long-running process needs from its system: death with its parent, locks, ports, logs."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1


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


# --- one of a kind in a data folder ------------------------------------------------------------


class LockHeldError(Exception):
    """Another process has the lock; `pid` is its id, or 0 where that is not known."""

    def __init__(self, path: Path, pid: int) -> None:
        super().__init__(f"{path} is locked by process {pid or 'unknown'}")
        self.pid = pid


def hold_lock(path: Path, *, wait: float = 0.0) -> IO[str]:
    """Locks the file, for as long as the answer or a copy of it in a forked child is open.

    :raises LockHeldError: somebody else still has it after `wait` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    deadline = time.monotonic() + wait
    while not _try_lock(file):
        if time.monotonic() >= deadline:
            file.close()
            raise LockHeldError(path, pid_in(path))
        time.sleep(0.1)
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def is_locked(path: Path) -> bool:
    """Whether somebody has the lock at this moment."""
    try:
        with path.open("r+") as file:
            return not _try_lock(file)
    except FileNotFoundError:
        return False


def pid_in(path: Path) -> int:
    """The process id that a lock file names; 0 if it names none."""
    try:
        return int(path.read_text().strip() or 0)
    except (OSError, ValueError):
        return 0


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# --- ports -------------------------------------------------------------------------------------


def why_not_bindable(host: str, port: int, *, wait: float = 0.0) -> str | None:
    """Why no server can listen there, as the end of a sentence; None if one can.

    `wait`: how long to give a process that is just going to release the port.
    """
    deadline = time.monotonic() + wait
    while True:
        error = _try_bind(host, port)
        if error is None:
            return None
        if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
            return _bind_failure(error)
        time.sleep(0.1)


def _try_bind(host: str, port: int) -> OSError | None:
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        return error
    return None


def _bind_failure(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is taken by another program"
    if error.errno == errno.EACCES:
        return "is reserved for the system administrator"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "is not an address of this machine"
    return f"cannot be used ({error.strerror})"


# --- log files ---------------------------------------------------------------------------------


def rotate(path: Path, *, limit: int, keep: int) -> bool:
    """Moves a file that outgrew `limit` bytes aside, keeping `keep` old ones; whether it did."""
    try:
        if path.stat().st_size <= limit:
            return False
    except FileNotFoundError:
        return False
    for number in range(keep - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    path.replace(path.with_name(f"{path.name}.1"))
    return True


class BoundedLog:
    """A log file that never outgrows (keep + 1) × limit bytes, and never stops its writer."""

    def __init__(self, path: Path, *, limit: int = 4_000_000, keep: int = 2) -> None:
        self._path, self._limit, self._keep = path, limit, keep

    def write(self, text: str) -> None:
        try:
            rotate(self._path, limit=self._limit, keep=self._keep)
            with self._path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(text)
        except OSError:
            # A full disk must not take the system down: the same lines are on the terminal.
            return
