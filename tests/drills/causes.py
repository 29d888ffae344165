"""The drills: what is done to a system that rewrites all its histories."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.drills.scene import Scene
from tests.support.process_trees import until

PROCESSES = (
    "mongod",
    "web",
    "web worker",
    "cluster",
    "sentinel",
    "busy worker",
    "monitor",
    "pusher",
)
PAIRS = (("mongod", "busy worker"), ("cluster", "web"), ("mongod", "cluster"))
# How long a lasting cause lasts.
LASTING = 60


@dataclass(frozen=True)
class Drill:
    """`cause` yields a remark once the cause has ended. `name` says what was done."""

    name: str
    cause: Callable[[Scene], Iterator[str]]


def drills() -> Iterator[Drill]:
    for name in PROCESSES:
        yield Drill(f"kill -9: {name}", partial(_kill, names=(name,)))
    yield Drill("kill -9: manage.py up", _kill_everything)
    for pair in PAIRS:
        yield Drill(f"kill -9: {' and '.join(pair)}", partial(_kill, names=pair))
    for name in PROCESSES:
        yield Drill(f"SIGSTOP for {LASTING} s: {name}", partial(_freeze, names=(name,)))
    yield Drill(f"SIGSTOP for {LASTING} s: manage.py up", _freeze_the_supervisor)
    for pair in PAIRS:
        yield Drill(f"SIGSTOP for {LASTING} s: {' and '.join(pair)}", partial(_freeze, names=pair))
    yield Drill(f"disk full for {LASTING} s", _full_disk)
    yield Drill("data folder becomes read-only", _read_only)
    for name, damage in DAMAGES.items():
        yield Drill(f"MongoDB's files damaged: {name}", partial(_damage, damage=damage))
    yield Drill("SQLite deleted", _delete_sqlite)
    for days in (20, -20):
        yield Drill(f"clock {days:+} days", partial(_wrong_clock, days=days))
    yield Drill("clock of one job process +20 days", _wrong_clock_of_a_child)


def _pids(scene: Scene, names: tuple[str, ...]) -> list[int]:
    return [scene.busy_worker() if n == "busy worker" else scene.pid(n) for n in names]


def _kill(scene: Scene, names: tuple[str, ...]) -> Iterator[str]:
    scene.kill(*_pids(scene, names))
    yield ""


def _kill_everything(scene: Scene) -> Iterator[str]:
    scene.system.kill()
    until(lambda: scene.system.processes() == {}, "the end of all processes")
    scene.system.start("--no-sample")
    yield "started again by hand; no process was left"


def _freeze(scene: Scene, names: tuple[str, ...]) -> Iterator[str]:
    left = scene.freeze(_pids(scene, names), LASTING)
    yield f"{len(names) - len(left)} of {len(names)} noticed and restarted"


def _freeze_the_supervisor(scene: Scene) -> Iterator[str]:
    assert scene.system.up
    scene.freeze([scene.system.up.pid], LASTING)
    yield "the other processes went on"


def _full_disk(scene: Scene) -> Iterator[str]:
    scene.disk.fill()
    began = time.monotonic()
    told = scene.first_reason("disk", LASTING)
    took = time.monotonic() - began
    time.sleep(max(0, LASTING - took))
    scene.disk.free()
    yield f"status after {took:.0f} s: “{told}”" if told else "status did not tell"


def _read_only(scene: Scene) -> Iterator[str]:
    scene.disk.fail()
    told = scene.first_reason("ead-only", LASTING)
    scene.stop()
    refused = scene.refused("up", "--no-sample")
    scene.disk.mend()
    scene.restart()
    yield f"status: “{told}”; a start is refused: “{refused}”"


def _damage(scene: Scene, damage: Callable[[Path], None]) -> Iterator[str]:
    scene.stop()
    folder = scene.data / "mongodb"
    damage(folder)
    refused = scene.refused("up", "--no-sample")
    shutil.move(folder, scene.data / f"mongodb-damaged-{time.time():.0f}")
    scene.restart()
    yield f"“{refused}” Moved as told; all histories were fetched anew."


def _overwrite(pattern: str, folder: Path) -> None:
    for path in folder.rglob(pattern):
        size = path.stat().st_size
        with path.open("r+b") as file:
            for at in range(0, size, 4096):
                file.seek(at)
                file.write(os.urandom(min(4096, size - at)))


DAMAGES = {
    "catalog (WiredTiger.wt)": partial(_overwrite, "WiredTiger.wt"),
    "collections": partial(_overwrite, "collection-*.wt"),
    "journal": partial(_overwrite, "WiredTigerLog.*"),
}


def _delete_sqlite(scene: Scene) -> Iterator[str]:
    scene.stop()
    for path in scene.data.glob("pricecache.sqlite3*"):
        path.unlink()
    scene.restart()
    told = scene.first_reason("not tracked", LASTING)
    scene.system.manage("track", "--stored")
    scene.system.post("/cache/backfill-all")
    yield f"status: “{told}”; taken up again by manage.py track --stored"


def _wrong_clock(scene: Scene, days: int) -> Iterator[str]:
    with scene.clock() as set_wrong:
        scene.rewrite()
        set_wrong(days * 86_400)
        told = scene.first_reason("clock", LASTING)
        time.sleep(LASTING / 2)
        set_wrong(0)
        yield f"status: “{told}”"


def _wrong_clock_of_a_child(scene: Scene) -> Iterator[str]:
    with scene.clock():
        scene.rewrite()
        worker = scene.busy_worker()
        os.kill(worker, signal.SIGRTMIN)
        time.sleep(LASTING)
        yield "restarted" if worker not in scene.system.processes() else "it stored nothing"
        if worker in scene.system.processes():
            os.kill(worker, signal.SIGKILL)
