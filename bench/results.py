"""bench/results.json: one record a measure, with the commit and the machine it was taken on."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from bench.contenders import BY_KEY, OURS, VARIANTS
from bench.measure import Timing
from bench.workers import ROOT

PATH = ROOT / "bench" / "results.json"


@dataclass(frozen=True, slots=True)
class Record:
    """One measure. A ratio is ours ÷ the other's, of the medians of the same run.

    `better` says whether a smaller or a larger number is good.
    """

    name: str
    title: str
    unit: str
    p50: float
    p95: float | None = None
    p99: float | None = None
    peers: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)
    best: str | None = None
    ratio_to_best: float | None = None
    repetitions: dict[str, int] = field(default_factory=dict)
    better: str = "less"
    commit: str = ""
    date: str = ""
    machine: dict[str, Any] = field(default_factory=dict)


def record(
    name: str,
    title: str,
    unit: str,
    timings: Mapping[str, Timing],
    *,
    ours: str = OURS.key,
    better: str = "less",
    p99: float | None = None,
    floor: str = "",
) -> Record:
    """A measure from what each contender (by its key, or a label of its own) took.

    `floor` is who does nothing of the work, and so cannot be the best at it.
    """
    mine = timings[ours]
    skipped = {ours, OURS.key, *(one.key for one in VARIANTS)}
    peers = {_label(key): one.p50 for key, one in timings.items() if key not in skipped}
    rivals = [label for label in peers if label != floor]
    best = (min if better == "less" else max)(rivals, key=peers.__getitem__) if rivals else None
    ratios = {label: _ratio(mine.p50, p50) for label, p50 in peers.items()}
    return Record(
        name=name,
        title=title,
        unit=unit,
        p50=mine.p50,
        p95=mine.p95,
        p99=p99,
        peers=peers,
        ratios=ratios,
        best=best,
        ratio_to_best=ratios[best] if best else None,
        repetitions={
            _label(key): one.repetitions
            for key, one in timings.items()
            if key == ours or key not in skipped
        },
        better=better,
        **provenance(),
    )


def alone(name: str, title: str, unit: str, mine: Timing) -> Record:
    """A measure of the product alone."""
    return record(name, title, unit, {OURS.key: mine})


def single(name: str, title: str, unit: str, value: float, *, better: str = "less") -> Record:
    """A figure of the product alone."""
    return Record(name, title, unit, value, better=better, **provenance())


def _label(key: str) -> str:
    return BY_KEY[key].label if key in BY_KEY else key


def _ratio(mine: float, other: float) -> float:
    return float(f"{mine / other:.3g}")


# --- where and when ----------------------------------------------------------------------------


@cache
def provenance() -> dict[str, Any]:
    return {
        "commit": _commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
    }


def machine() -> dict[str, Any]:
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {"cores": os.cpu_count(), "cpu": _cpu(), "memory_gb": round(pages * size / 2**30)}


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"


def _commit() -> str:
    """The short hash, and a mark if what was measured differs from it."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = _git(
        "status", "--porcelain", "--", "prices", "portfolio", "pricecache_site", "requirements.lock"
    )
    return f"{commit} with changes" if commit and changed else commit or "unknown"


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)  # noqa: S607
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


# --- the file ------------------------------------------------------------------------------------


def load() -> list[Record]:
    if not PATH.exists():
        return []
    return [Record(**entry) for entry in json.loads(PATH.read_text())]


def save(records: Iterable[Record]) -> None:
    """Replaces the records of the same names, and keeps the others."""
    held = {one.name: one for one in load()} | {one.name: one for one in records}
    _write(held.values())


def drop(*prefixes: str) -> None:
    """Forgets the records whose names begin so."""
    _write(one for one in load() if not one.name.startswith(prefixes))


def _write(records: Iterable[Record]) -> None:
    entries = [asdict(one) for one in records]
    PATH.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n")
