"""The embedded MongoDB: finds the mongod, starts it on a data folder, says why it could not."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from pricecache_site.operations.locks import is_locked, pid_in, why_not_bindable
from pricecache_site.operations.logfiles import rotate
from pricecache_site.operations.mongod_log import cause_of_death
from pricecache_site.operations.processes import die_with_parent
from prices.store.replica_set import become_primary

REPLICA_SET = "pricecache"
_LOG_LIMIT = 8_000_000
_LOGS_KEPT = 3
# What a first start takes: two preallocated journal files and the oplog's beginning.
_LEAST_FREE_BYTES = 400_000_000
# With less, a mongod that died cannot have written down why.
_NO_ROOM_TO_WRITE = 2_000_000

HOW_TO_GET_ONE = (
    "Install the package's extra 'embedded' (pip install 'pricecache[embedded]', Linux x86-64), "
    "or put a mongod 6.0 or newer on PATH, or set MONGODB_URI to a replica set that runs elsewhere."
)


class EmbeddedMongodError(Exception):
    """The embedded server cannot run; the message says why and what to do."""


def find_mongod(data_dir: Path) -> Path:
    """The wheel's mongod, else the one on PATH. :raises EmbeddedMongodError: there is none."""
    # The package around it is never imported: it is another product's, and heavy.
    package = find_spec("fiftyone")
    for folder in package.submodule_search_locations or () if package else ():
        binary = Path(folder) / "db" / "bin" / "mongod"
        if binary.is_file():
            return _runnable(binary, data_dir)
    on_path = shutil.which("mongod")
    if on_path is None:
        raise EmbeddedMongodError(f"There is no MongoDB server to start. {HOW_TO_GET_ONE}")
    return Path(on_path)


def _runnable(binary: Path, data_dir: Path) -> Path:
    """The wheel's binary may lack its run bit, in a folder that may be read-only."""
    if os.access(binary, os.X_OK):
        return binary
    try:
        binary.chmod(0o755)
        return binary
    except OSError:
        copy = data_dir / "bin" / "mongod"
    if not copy.exists() or copy.stat().st_size != binary.stat().st_size:
        copy.parent.mkdir(parents=True, exist_ok=True)
        unfinished = copy.with_suffix(f".{os.getpid()}")
        shutil.copyfile(binary, unfinished)
        unfinished.chmod(0o755)
        unfinished.replace(copy)
    return copy


@dataclass(frozen=True, slots=True)
class EmbeddedMongod:
    """A single-node replica set on one data folder and port of this machine."""

    data_dir: Path
    port: int
    cache_gb: float = 0.25

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/?replicaSet={REPLICA_SET}&directConnection=true"

    @property
    def dbpath(self) -> Path:
        return self.data_dir / "mongodb"

    @property
    def log_path(self) -> Path:
        return self.data_dir / "logs" / "mongod.log"

    @property
    def _lock_path(self) -> Path:
        return self.dbpath / "mongod.lock"

    def prepare(self, *, wait: float = 15.0) -> None:
        """Makes the folders and sees that nothing stands in the way of a start.

        A mongod whose supervisor was killed is still writing its last checkpoint: `wait` seconds
        are given to it. :raises EmbeddedMongodError: what stands in the way.
        """
        try:
            for folder in (self.dbpath, self.log_path.parent):
                folder.mkdir(parents=True, exist_ok=True)
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise PermissionError(13, "Permission denied", str(folder))
            self._wait_until_unlocked(wait)
            rotate(self.log_path, limit=_LOG_LIMIT, keep=_LOGS_KEPT)
            free = shutil.disk_usage(self.dbpath).free
        except OSError as error:
            raise EmbeddedMongodError(
                f"MongoDB's folder {self.dbpath} cannot be written ({error.strerror}): make it "
                "writable, or set PRICECACHE_DATA_DIR to another folder."
            ) from error
        is_new = not (self.dbpath / "WiredTiger").exists()
        if free < (_LEAST_FREE_BYTES if is_new else _LEAST_FREE_BYTES // 8):
            raise EmbeddedMongodError(self._disk_is_full(free))
        self._check_port()

    def _wait_until_unlocked(self, wait: float) -> None:
        deadline = time.monotonic() + wait
        while is_locked(self._lock_path):
            if time.monotonic() >= deadline:
                raise EmbeddedMongodError(
                    f"Another mongod (process {pid_in(self._lock_path)}) runs on {self.dbpath}: "
                    "stop it, or set PRICECACHE_DATA_DIR to another folder."
                )
            time.sleep(0.1)

    def _disk_is_full(self, free: int) -> str:
        return (
            f"The disk of {self.dbpath} is full ({free // 1_000_000} MB free): make room and start "
            "again, or set PRICECACHE_DATA_DIR to a folder on another disk."
        )

    def _check_port(self) -> None:
        reason = why_not_bindable("127.0.0.1", self.port, wait=2.0)
        if reason is not None:
            raise EmbeddedMongodError(
                f"MongoDB's port {self.port} {reason}: set PRICECACHE_MONGOD_PORT to a free one."
            )

    def argv(self) -> list[str]:
        """The command line. :raises EmbeddedMongodError: there is no mongod."""
        return [
            *(str(find_mongod(self.data_dir)), "--replSet", REPLICA_SET, "--quiet"),
            *("--bind_ip", "127.0.0.1", "--port", str(self.port), "--nounixsocket"),
            *("--dbpath", str(self.dbpath), "--wiredTigerCacheSizeGB", str(self.cache_gb)),
            # The smallest there is: the log is read by change streams of this machine only.
            *("--oplogSize", "990"),
            *("--logpath", str(self.log_path), "--logappend", "--logRotate", "reopen"),
            # Diagnostic files would grow to 200 MB, and there is no other member to hand over to.
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
        ]

    def ready(self) -> bool:
        """Whether it takes writes; makes it a replica set of one, at its present port."""
        return become_primary(REPLICA_SET, self.port)

    def wait_writable(self, timeout: float) -> bool:
        """Whether it took writes within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not self.ready():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        return True

    def bound_log(self) -> None:
        """Moves a long log of the running server aside; to be called now and then."""
        pid = pid_in(self._lock_path)
        if pid and rotate(self.log_path, limit=_LOG_LIMIT, keep=_LOGS_KEPT):
            os.kill(pid, signal.SIGUSR1)  # mongod opens its log file anew

    def cause_of_death(self, status: int) -> str:
        """What its log says it died of, and what to do about it."""
        free = shutil.disk_usage(self.dbpath).free
        if free < _NO_ROOM_TO_WRITE:
            return self._disk_is_full(free)
        return cause_of_death(self.log_path, status, dbpath=self.dbpath, port=self.port)


@contextmanager
def running_mongod(*, data_dir: Path, port: int, cache_gb: float = 0.25) -> Iterator[str]:
    """Runs a private server for the block, which gets its URI. To be used from the main thread.

    :raises EmbeddedMongodError: it did not start.
    """
    server = EmbeddedMongod(data_dir, port, cache_gb)
    server.prepare()
    process = subprocess.Popen(  # noqa: S603  # our own command line
        server.argv(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=partial(die_with_parent, signal.SIGTERM, parent=os.getpid()),
    )
    try:
        _wait_for(server, process)
        yield server.uri
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(server: EmbeddedMongod, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not server.wait_writable(0.2):
        status = process.poll()
        if status is not None:
            raise EmbeddedMongodError(server.cause_of_death(status))
        if time.monotonic() >= deadline:
            raise EmbeddedMongodError(
                f"MongoDB took no writes within 60 s; {server.log_path} tells more."
            )
