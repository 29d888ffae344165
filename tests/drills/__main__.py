"""Runs the drills and writes their table: python -m tests.drills [--write] [word of a name ...]."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.drills.causes import Drill, drills
from tests.drills.report import machine, write_section
from tests.drills.scene import MAX_SECONDS, Disk, Scene
from tests.standin import StandIn, default_book
from tests.support.ports import free_ports
from tests.support.whole_system import system

SYMBOLS = 40
YEARS = 2


@dataclass(frozen=True)
class Result:
    """`seconds` passed from the end of the cause until all was well. `error` is "" if it was."""

    name: str
    seconds: float
    bars: int
    remark: str
    error: str = ""

    @property
    def passed(self) -> bool:
        return not self.error and self.seconds <= MAX_SECONDS

    def row(self) -> str:
        result = f"{self.seconds:.0f} s" if not self.error else f"**failed:** {self.error}"
        bars = f"{self.bars:,}" if self.bars else "-"
        return f"| {self.name} | {result} | {bars} | {self.remark} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drills", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into the docs")
    parser.add_argument("words", nargs="*", help="run the drills whose names contain one of them")
    options = parser.parse_args()
    chosen = [d for d in drills() if not options.words or any(w in d.name for w in options.words)]
    if os.geteuid() != 0:
        parser.error("run the drills as root: they mount a disk of their own")
    with tempfile.TemporaryDirectory(prefix="drills-") as folder:
        results = list(_run(chosen, Path(folder)))
    if options.write:
        write_section("drills", _table(results))
    failed = [result.name for result in results if not result.passed]
    print(f"{len(results) - len(failed)} of {len(results)} drills passed. {failed or ''}")  # noqa: T201
    return 1 if failed else 0


def _run(chosen: Sequence[Drill], folder: Path) -> Iterator[Result]:
    with _scene(folder) as scene:
        for drill in chosen:
            result = _try(scene, drill)
            print(result.row(), flush=True)  # noqa: T201
            yield result


@contextmanager
def _scene(folder: Path) -> Iterator[Scene]:
    disk = Disk(folder)
    disk.make()
    env = {"PRICECACHE_DATA_DIR": str(disk.at / "var"), "MONGODB_URI": ""}
    try:
        with (
            StandIn(default_book(SYMBOLS, YEARS)) as standin,
            system(folder, free_ports(2), {**standin.env(), **env}) as running,
        ):
            running.start("--no-sample")
            running.manage("track", *standin.book.instruments)
            scene = Scene(running, standin, disk)
            scene.settle(time.monotonic())
            yield scene
    finally:
        disk.unmount()


def _try(scene: Scene, drill: Drill) -> Result:
    began = time.monotonic()
    try:
        scene.rewrite()
        with contextmanager(drill.cause)(scene) as remark:
            found = scene.settle(time.monotonic())
    except Exception as error:  # the next drill must be tried
        print(f"{drill.name}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        text = " ".join(str(error).split())[:200]
        return Result(drill.name, time.monotonic() - began, 0, "", text or type(error).__name__)
    return Result(drill.name, found["seconds"], found["bars"], remark)


def _table(results: Sequence[Result]) -> str:
    head = "| cause | well again after | bars compared | remarks |\n| --- | --- | --- | --- |\n"
    rows = "".join(f"{result.row()}\n" for result in results)
    return f"{head}{rows}\nRun on {machine()}: {SYMBOLS} symbols of {YEARS} years."


if __name__ == "__main__":
    sys.exit(main())
