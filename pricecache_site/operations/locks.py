"""Keeps a folder or a port to one user, with lock files and a check of the port."""

import errno
import fcntl
import os
import socket
import time
from pathlib import Path
from typing import IO

from pricecache_site.data_folder import explain_folder_error as explain_folder_error


class LockHeldError(Exception):
    """Another process holds the lock. `pid` is its id, or 0 if that is not known."""

    def __init__(self, path: Path, pid: int) -> None:
        super().__init__(f"{path} is locked by process {pid or 'unknown'}")
        self.pid = pid


def hold_lock(path: Path, *, wait: float = 0.0) -> IO[str]:
    """Locks the file until the returned file, and its copies in forked children, are closed.

    :raises LockHeldError: another process still holds the lock after `wait` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+")
    deadline = time.monotonic() + wait
    while not _try_lock(file):
        if time.monotonic() >= deadline:
            file.close()
            raise LockHeldError(path, read_pid(path))
        time.sleep(0.1)
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def is_locked(path: Path) -> bool:
    try:
        with path.open("r+") as file:
            return not _try_lock(file)
    except FileNotFoundError:
        return False


def read_pid(path: Path) -> int:
    """Returns the process id in a lock file, or 0 if there is none."""
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


def explain_unbindable(host: str, port: int, *, wait: float = 0.0) -> str | None:
    """Returns why no server can listen there, as the end of a sentence, or None if one can.

    Waits up to `wait` seconds for a process that is about to release the port.
    """
    deadline = time.monotonic() + wait
    while error := _try_bind(host, port):
        if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
            return _explain_bind_error(error)
        time.sleep(0.1)
    return None


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
    except UnicodeError:  # raised for a name that cannot be one, such as eighty letters
        return socket.gaierror()
    return None


def _explain_bind_error(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is taken by another program"
    if error.errno == errno.EACCES:
        return "is reserved for the system administrator"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "is not an address of this machine"
    return f"cannot be used ({error.strerror})"
