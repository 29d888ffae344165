"""What a mongod's structured log says it died of, in words for users."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

_TAIL_BYTES = 200_000
_RESTARTED = 20698
_FATAL_OR_ERROR = {"F", "E"}

ELSEWHERE = "set PRICECACHE_DATA_DIR to another folder"


def cause_of_death(log_path: Path, status: int, *, dbpath: Path, port: int) -> str:
    """One sentence or two: why a mongod ended with this exit status, and what to do."""
    entries = _entries_of_last_start(log_path)
    text = "\n".join(json.dumps(entry) for entry in entries)
    for applies, sentence in _CAUSES:
        if applies(status, text):
            return sentence.format(dbpath=dbpath, port=port)
    if status == -signal.SIGKILL:
        return "MongoDB was killed from outside, by a user or by a system short of memory."
    return f"MongoDB ended with status {status}{_last_words(entries)}; {log_path} tells more."


def _entries_of_last_start(log_path: Path) -> list[dict[str, Any]]:
    try:
        with log_path.open("rb") as file:
            file.seek(max(0, log_path.stat().st_size - _TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return []
    entries: list[dict[str, Any]] = []
    for line in lines:
        try:
            entry = json.loads(line.strip(b"\0"))
        except ValueError:
            continue
        if entry.get("id") == _RESTARTED:
            entries.clear()
        entries.append(entry)
    return entries


def _last_words(entries: list[dict[str, Any]]) -> str:
    for entry in reversed(entries):
        if entry.get("s") in _FATAL_OR_ERROR and str(entry.get("msg", "")).strip("\n* "):
            error = entry.get("attr", {}).get("error", "")
            return f": {entry['msg'].strip()}" + (f" ({error})" if error else "")
    return ""


def _says(*phrases: str) -> Callable[[int, str], bool]:
    return lambda status, text: any(phrase in text for phrase in phrases)


def _exits(wanted: int, *phrases: str) -> Callable[[int, str], bool]:
    return lambda status, text: status == wanted or any(phrase in text for phrase in phrases)


# The first that applies; the exit statuses are mongod's own.
_CAUSES: tuple[tuple[Callable[[int, str], bool], str], ...] = (
    (
        _says("No space left on device"),
        "MongoDB's disk is full: make room on the disk of {dbpath}, then start again; "
        "nothing that was acknowledged is lost.",
    ),
    (
        _exits(62, "Wrong mongod version", "unsupported WiredTiger file version"),
        "The data in {dbpath} was written by a newer MongoDB than this one: run that newer server "
        "on it and set MONGODB_URI, or " + ELSEWHERE + ".",
    ),
    (
        _exits(48, "Address already in use"),
        "MongoDB's port {port} is taken by another program: set PRICECACHE_MONGOD_PORT to a free "
        "one.",
    ),
    (
        _says("Unable to lock the lock file"),
        "Another mongod runs on {dbpath}: stop it, or " + ELSEWHERE + ".",
    ),
    (
        _says("Unable to create/open the lock file", "Permission denied", "Read-only file system"),
        "MongoDB's folder {dbpath} cannot be written: make it writable, or " + ELSEWHERE + ".",
    ),
    (
        _says("WiredTiger metadata corruption detected", "Failed to start up WiredTiger"),
        "The files in {dbpath} are damaged, or of a MongoDB that this one cannot read: restore "
        "them from a backup, or move the folder away and have the prices fetched again.",
    ),
    (
        lambda status, text: status == 127,
        "The mongod found does not run on this system (a shared library is missing): put another "
        "one on PATH, or set MONGODB_URI.",
    ),
)
