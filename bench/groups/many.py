"""Many symbols at once: closes, latest closes, coverage, a day's bars; and many readers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from bench.contenders import ANSWER, BUSY
from bench.data import YEAR
from bench.measure import Timing, say, side_by_side, timing
from bench.results import Record, record
from bench.system import LONG, Bench, length, track
from bench.workers import Worker, ask_all

SYMBOLS, LATEST, APPENDED, CLOSES = 2_000, 1_000, 1_000, 50
READERS, READ_SECONDS = 8, 1.5


def run(bench: Bench) -> Iterator[Record]:
    track(SYMBOLS)
    stores = bench.workers("closes", variants=True)
    bench.load(stores, LONG)
    bench.load(bench.workers("latest"), SYMBOLS)
    yield from _closes(stores)
    yield from _one("latest", "Latest close of 1,000 symbols", bench, 8, count=LATEST)
    lengths = [length(n) for n in range(SYMBOLS)]
    title = "Coverage of 2,000 symbols: count, first, last"
    yield from _one("coverage", title, bench, 8, lengths=lengths)
    yield _append(bench)
    yield from _readers(bench)


def _closes(stores: Sequence[Worker]) -> Iterator[Record]:
    title = "Closes of 50 symbols x 1 year as one matrix"
    ask_all(stores, "closes", numbers=list(range(CLOSES)), bars=YEAR, fresh=True, check=True)
    cold = side_by_side({w.contender.key: _closer(w, fresh=True) for w in stores}, 15)
    yield record("closes_cold", f"{title}, the first time in a process", "ms", cold)
    warm = side_by_side({w.contender.key: _closer(w) for w in stores}, 15)
    yield record("closes_warm", f"{title}, again", "ms", warm)
    yield record("closes_busy", f"{title}, again, under load", "ms", warm, ours=BUSY.key)


def _closer(worker: Worker, *, fresh: bool = False) -> Callable[[int], Sequence[float]]:
    def closes(round_: int) -> Sequence[float]:
        numbers = sorted(random.Random(round_).sample(range(LONG), CLOSES))
        return _numbers(worker.ask("closes", numbers=numbers, bars=YEAR, fresh=fresh))

    return closes


def _one(name: str, title: str, bench: Bench, rounds: int, **asked: object) -> Iterator[Record]:
    """A measure that asks all for the same each round."""
    timings = _asked(bench.workers(name, variants=True), name, rounds, lambda _: asked)
    yield record(name, title, "ms", timings)
    if ANSWER.key in timings:
        about = f"{title}: whole answer, with gaps, percentage, freshness and totals"
        yield record(f"{name}_answer", about, "ms", timings, ours=ANSWER.key)


def _asked(
    stores: Sequence[Worker], do: str, rounds: int, what: Callable[[int], dict[str, object]]
) -> dict[str, Timing]:
    """Times `do` with what each round asks; the round that is not counted is compared."""

    def asking(worker: Worker, round_: int) -> Sequence[float]:
        return _numbers(worker.ask(do, check=round_ == 0, **what(round_)))

    return side_by_side({w.contender.key: partial(asking, w) for w in stores}, rounds)


def _append(bench: Bench) -> Record:
    """To symbols that nothing else reads: they are not what the book says any more."""
    first = {"first": SYMBOLS - APPENDED, "count": APPENDED}
    stores = bench.workers("append")
    timings = _asked(stores, "append", 2, lambda round_: {**first, "day": round_})
    return record("append", "Append one bar to each of 1,000 series", "ms", timings)


def _readers(bench: Bench) -> Iterator[Record]:
    """Eight processes a contender, all contenders' processes alive, one contender at a time."""
    crews: dict[str, list[Worker]] = {}
    for contender in bench.contenders("readers", variants=True):
        say(f"  {contender.label}: starting {READERS} readers")
        if not contender.is_ours:
            # DuckDB's file opens to no other process while one may write to it.
            bench.worker(contender).ask("release")
            bench.retire(bench.worker(contender))
        crew = [bench.another(contender, "main", read_only=True) for _ in range(READERS)]
        ask_all(crew, "read", numbers=[0, LONG - 1], bars=YEAR, check=True)
        crews[contender.key] = crew
    found: dict[str, list[float]] = {key: [] for key in crews}
    for round_ in range(3):
        for key, crew in crews.items():
            for seed, worker in enumerate(crew):
                asked = {"seconds": READ_SECONDS, "count": LONG, "bars": YEAR}
                worker.begin("loop", seed=seed + round_ * READERS, **asked)
            done = sum(worker.end() for worker in crew)
            found[key] += [done / READ_SECONDS] if round_ else []
    timings: dict[str, Timing] = {key: timing(values) for key, values in found.items()}
    for crew in crews.values():
        for worker in crew:
            worker.close()
    title = "Reads of 1 year by 8 processes together"
    yield record("readers", title, "reads/s", timings, better="more")
    busy = f"{title}, under load"
    yield record("readers_busy", busy, "reads/s", timings, ours=BUSY.key, better="more")


def _numbers(answer: object) -> Sequence[float]:
    assert isinstance(answer, list)
    return answer
