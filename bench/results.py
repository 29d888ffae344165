"""bench/results.json: one result per measure, with the commit and machine of its run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from bench import ROOT
from bench.contenders import OURS, PEERS, VARIANTS
from bench.measure import Timing, rounded

PATH = ROOT / "bench" / "results.json"
# A view that does none of the work is no rival.
EMPTY_VIEW = "an empty Django view"
_OURS = {one.key for one in (OURS, *VARIANTS)}
_MEASURED = ("--", "prices", "portfolio", "pricecache_site", "requirements.lock")


class Result(NamedTuple):
    """One measure: our median, and those of the others in the same run by their labels."""

    name: str
    title: str
    unit: str
    p50: float
    p95: float | None
    p99: float | None
    peers: dict[str, float]
    run: str

    def ratio(self, label: str) -> float:
        """Returns ours ÷ the other's."""
        return rounded(self.p50 / self.peers[label], 3)

    @property
    def best(self) -> str:
        """The label of the best other; empty if we were measured alone."""
        rivals = {label: p50 for label, p50 in self.peers.items() if label != EMPTY_VIEW}
        choose = max if self.unit.endswith("/s") else min
        return choose(rivals, key=rivals.__getitem__, default="")


def result(
    name: str,
    title: str,
    unit: str,
    timings: Mapping[str, Timing] | Timing,
    ours: str = OURS.key,
    p99: float | None = None,
) -> Result:
    """This function makes a result from timings by contender's key or by label, or from ours."""
    found = {ours: timings} if isinstance(timings, Timing) else timings
    labels = {one.key: one.label for one in PEERS}
    others = {key: one.p50 for key, one in found.items() if key not in _OURS}
    peers = {labels.get(key, key): p50 for key, p50 in others.items()}
    return Result(name, title, unit, found[ours].p50, found[ours].p95, p99, peers, _run())


def load() -> list[Result]:
    return [Result(**entry) for entry in json.loads(PATH.read_text())] if PATH.exists() else []


def save(one: Result) -> None:
    """This function replaces the result of the same name and keeps the others."""
    _write(({held.name: held for held in load()} | {one.name: one}).values())


def drop(prefix: str) -> None:
    """This function removes the results whose names start with a prefix."""
    _write(one for one in load() if not one.name.startswith(prefix))


def _write(results: Iterable[Result]) -> None:
    lines = (json.dumps(one._asdict(), ensure_ascii=False) for one in results)
    PATH.write_text("[\n" + ",\n".join(lines) + "\n]\n")


@cache
def _run() -> str:
    """The day, the commit, a mark if the product has uncommitted changes, and the machine."""
    commit, changed = _git("rev-parse", "--short", "HEAD"), _git("status", "--short", *_MEASURED)
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    machine = f"{os.cpu_count()} cores of {cpu[1] if cpu else 'unknown'}, {gigabytes:.0f} GB"
    marked = f"{commit} with changes" if changed else commit
    return f"{datetime.now(UTC):%Y-%m-%d}, commit {marked} on {machine}"


def _git(*arguments: str) -> str:
    argv = ["git", *arguments]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True).stdout.strip()
