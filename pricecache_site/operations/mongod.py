"""The embedded MongoDB: checks and starts the mongod, and explains why it ended."""

import json
import os
import re
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from pricecache_site import data_folder
from pricecache_site.operations import locks
from pricecache_site.operations.logfiles import rotate
from pricecache_site.operations.mongod_binary import (
    EmbeddedMongodError,
    explain_machine,
    find_mongod,
    record_release,
)
from prices.store.replica_set import admit_user, become_primary, is_answering

REPLICA_SET = "pricecache"
MAX_LOG_BYTES = 8_000_000
_OLD_LOGS = 3
# A first start needs room for two preallocated journal files and the beginning of the oplog.
_MIN_FREE_BYTES = 400_000_000
# With less free space, a mongod that ended cannot have written the reason to its log.
_MIN_FREE_BYTES_FOR_LOG = 2_000_000
# The stack trace of a server that aborted takes 60 KB.
_LOG_TAIL_BYTES = 200_000
# What a server says that cannot use its files.
_DAMAGED = re.compile(
    "--repair|WiredTiger error message|WiredTiger cursor|storage engine metadata file|Fatal assertion"
)
_REFUSED = re.compile("Permission denied|Read-only file system|Operation not permitted")


@dataclass(frozen=True, slots=True)
class EmbeddedMongod:
    """A replica set of one member, on one data folder and port of this machine."""

    data_dir: Path
    port: int
    cache_gb: float = 0.25

    @property
    def uri(self) -> str:
        """The address with the password. :raises OSError: the folder cannot be used."""
        return data_folder.mongodb_uri(self.data_dir, self.port)

    @property
    def dbpath(self) -> Path:
        return self.data_dir / "mongodb"

    @property
    def log_path(self) -> Path:
        return self.data_dir / "logs" / "mongod.log"

    @property
    def lock_path(self) -> Path:
        return self.dbpath / "mongod.lock"

    def prepare(self, *, wait: float = 15.0) -> None:
        """Creates the folders and checks that the server can start.

        Waits up to `wait` seconds for a mongod on the same folder to end: one whose supervisor was
        killed is still writing its last checkpoint.

        :raises EmbeddedMongodError: the server cannot start.
        """
        try:
            for folder in (self.dbpath, self.log_path.parent):
                folder.mkdir(parents=True, exist_ok=True)
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise PermissionError(13, "Permission denied", str(folder))
            data_folder.mongodb_key(self.data_dir)
            self._wait_until_unlocked(wait)
            rotate(self.log_path, max_bytes=MAX_LOG_BYTES, keep=_OLD_LOGS)
            free = shutil.disk_usage(self.dbpath).free
        except OSError as error:
            raise EmbeddedMongodError(locks.explain_folder_error(self.dbpath, error)) from error
        is_new = not (self.dbpath / "WiredTiger").exists()
        if free < (_MIN_FREE_BYTES if is_new else _MIN_FREE_BYTES // 8):
            raise EmbeddedMongodError(self._disk_full_message(free))
        if reason := locks.explain_unbindable("127.0.0.1", self.port, wait=2.0):
            raise EmbeddedMongodError(
                f"MongoDB's port {self.port} {reason}: set PRICECACHE_MONGOD_PORT to a free one."
            )

    def _wait_until_unlocked(self, wait: float) -> None:
        deadline = time.monotonic() + wait
        while locks.is_locked(self.lock_path):
            if time.monotonic() >= deadline:
                raise EmbeddedMongodError(
                    f"Another mongod (process {locks.read_pid(self.lock_path)}) runs on {self.dbpath}: "
                    "stop it, or set PRICECACHE_DATA_DIR to another folder."
                )
            time.sleep(0.1)

    def _disk_full_message(self, free: int) -> str:
        return (
            f"The disk of {self.dbpath} is full ({free // 1_000_000} MB free): make room and start "
            "again, or set PRICECACHE_DATA_DIR to a folder on another disk."
        )

    def argv(self) -> list[str]:
        """Returns the command line. :raises EmbeddedMongodError: there is no mongod."""
        return [
            *(str(find_mongod(self.data_dir).path), "--replSet", REPLICA_SET, "--quiet"),
            *("--bind_ip", "127.0.0.1", "--port", str(self.port), "--nounixsocket"),
            *("--dbpath", str(self.dbpath), "--wiredTigerCacheSizeGB", str(self.cache_gb)),
            # Only who knows the password may do anything. Without the bypass, no other user of this
            # machine can create the first user before this system does.
            *("--keyFile", str(self.data_dir / "mongodb_key")),
            *("--setParameter", "enableLocalhostAuthBypass=false"),
            # No zlib: before 6.0.27 it gives memory away to clients without a login (CVE-2025-14847).
            *("--networkMessageCompressors", "snappy,zstd"),
            # The smallest size there is: only change streams of this machine read the oplog.
            *("--oplogSize", "990"),
            *("--logpath", str(self.log_path), "--logappend", "--logRotate", "reopen"),
            # Diagnostic files would grow to 200 MB, and there is no other member to hand over to.
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
            # The transaction of a killed process holds its series until then, 60 s by default.
            *("--setParameter", "transactionLifetimeLimitSeconds=15"),
        ]

    def ready(self) -> bool:
        """Returns whether the server accepts writes of this system's user.

        Initiates the replica set and creates the user where needed.
        """
        key = data_folder.mongodb_key(self.data_dir)
        login = (data_folder.MONGODB_USER, data_folder.mongodb_password(self.data_dir))
        if not become_primary(REPLICA_SET, self.port, key=key):
            return False
        release = admit_user(self.port, *login, key=key)
        if release:
            record_release(self.data_dir, release)
        return bool(release)

    def answers(self) -> bool:
        """Returns whether the server answers at all."""
        return is_answering(self.port)

    def rotate_log(self, _: float = 0) -> None:
        """Renames the running server's log if it is too large, and has it open a new one."""
        pid = locks.read_pid(self.lock_path)
        if pid and rotate(self.log_path, max_bytes=MAX_LOG_BYTES, keep=_OLD_LOGS):
            os.kill(pid, signal.SIGUSR1)

    def explain_exit(self, status: int) -> str:
        """Says why the server ended and what to do, where `prepare` could not see it beforehand."""
        errors, free = self._last_errors(), shutil.disk_usage(self.dbpath).free
        if free < _MIN_FREE_BYTES_FOR_LOG or "No space left on device" in errors:
            return self._disk_full_message(free)
        if status == -signal.SIGILL and (problem := explain_machine()):
            return problem
        if status == 62 and _is_too_new_for_data(errors):
            return (
                f"This mongod is two or more releases newer than the data in {self.dbpath}: put the "
                "release after theirs on PATH and raise their feature compatibility version with "
                "it, or move the folder away and have the prices fetched again."
            )
        if status == 62:
            return (
                f"The data in {self.dbpath} was written by a newer MongoDB than this one: run that "
                "newer server on it and set MONGODB_URI, or set PRICECACHE_DATA_DIR to another "
                "folder."
            )
        if status == 127:
            return (
                "The mongod found does not run on this system (a shared library is missing): put "
                "another one on PATH, or set MONGODB_URI."
            )
        if refused := _REFUSED.search(errors):
            return locks.explain_folder_error(self.dbpath, OSError(0, refused.group()))
        if _DAMAGED.search(errors):
            return (
                f"The files in {self.dbpath} are damaged, or were written by a MongoDB that this "
                "one cannot read: restore them from a backup, or move this folder away and start "
                "again. The tracked symbols stay, and their histories are fetched anew."
            )
        first = errors.partition("\n")[0]
        return f"{self.log_path} says more{f': {first}' if first else ''}."

    def _last_errors(self) -> str:
        """The errors of the server's last start, one a line, oldest first; empty if none."""
        try:
            with self.log_path.open("rb") as file:
                file.seek(max(0, self.log_path.stat().st_size - _LOG_TAIL_BYTES))
                last_start = file.read().rpartition(b"SERVER RESTARTED")[2]
        except OSError:
            return ""
        lines = []
        for line in last_start.splitlines():
            try:
                entry = json.loads(line.strip(b"\0"))
            except ValueError:
                continue
            if entry.get("s") in ("F", "E"):
                more = entry.get("attr", {})
                error = more.get("message") or more.get("error") or ""
                error = error.get("msg", error) if isinstance(error, dict) else error
                lines.append(entry["msg"].strip() + (f" ({error})" if error else ""))
        return "\n".join(lines)


def _is_too_new_for_data(errors: str) -> bool:
    told = re.search(r'version: "(\d+)\..*?Version is below (\d+)\.', errors, re.DOTALL)
    return told is not None and int(told.group(1)) < int(told.group(2))
