"""Where each microsecond of a read and of a request goes: the stack is looked at every 0.2 ms.

Sampling leaves the work as fast as it is; a tracing profiler would charge every call of Python.
"""

from __future__ import annotations

import json
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from types import FrameType
from typing import Any
from wsgiref.util import setup_testing_defaults

from pymongo import monitoring

from bench.contenders import OURS, opened
from bench.contenders.base import Place
from bench.data import YEAR, symbol
from bench.results import provenance
from bench.system import LONG, Bench, track
from bench.workers import ROOT

PATH = ROOT / "bench" / "profile.json"
_SECONDS, _EVERY = 4.0, 0.0002

# The innermost frame that is one of these names the phase; others are their callers'.
_PHASES = (
    ("/pymongo/", "MongoDB: driver and round trip"),
    ("/bson/", "MongoDB: driver and round trip"),
    ("/django/db/", "SQL"),
    ("/prices/store/memory.py", "memory of series"),
    ("/prices/store/", "decoding manifest and block"),
    ("/prices/domain/bars.py", "cutting the range"),
    ("/prices/domain/actions.py", "adjusting"),
    ("/prices/domain/", "coverage, freshness"),
    ("/prices/api/", "API: checks, rendering"),
    ("/prices/", "assembling the answer"),
    ("/rest_framework/", "Django REST framework"),
    ("/django/", "Django: handler, middleware, routing"),
    ("/whitenoise/", "Django: handler, middleware, routing"),
)


@dataclass(frozen=True, slots=True)
class Profile:
    """Of one kind of work: its median, and the phases' share of it, all in µs."""

    title: str
    median: float
    mongo_commands: float
    sql_queries: float
    phases: dict[str, float]
    functions: dict[str, float]
    commit: str


def run(bench: Bench) -> None:
    counted = _Commands()
    # Before there is a client, which would not hear of it.
    monitoring.register(counted)
    track(LONG)
    bench.load([bench.worker(OURS)], LONG)
    profiles = [_profile(title, work, counted) for title, work in _works(bench)]
    for one in profiles:
        _show(one)
    entries = [asdict(one) for one in profiles]
    PATH.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n")


def load() -> list[Profile]:
    if not PATH.exists():
        return []
    return [Profile(**entry) for entry in json.loads(PATH.read_text())]


def _works(bench: Bench) -> Iterator[tuple[str, Callable[[], object]]]:
    name, since = symbol(0), bench.book.since(YEAR)
    place = Place(bench.folder / OURS.key / "main", bench.uri, f"{OURS.key}_main", read_only=True)
    store, answer = opened(OURS.key, place), opened("answer", place)

    def cold() -> object:
        store.forget()
        return store.read(name, since)

    yield "Read 1 year, the first time in a process (block)", cold
    yield "Read 1 year, again (version check and memory)", lambda: store.read(name, since)
    yield "Whole answer of 1 year, again, under load", lambda: answer.read(name, since)
    path = f"/cache/historical/{name}"
    status, headers, body = _get(path)
    if status != 200 or not body:
        raise RuntimeError(f"GET {path} answered {status}")
    yield "GET 365 days, under load (without gunicorn and the socket)", lambda: _get(path)
    if "ETag" in headers:
        etag = headers["ETag"]
        yield "GET 365 days, not modified, under load", lambda: _get(path, HTTP_IF_NONE_MATCH=etag)


def _get(path: str, **extra: str) -> tuple[int, Mapping[str, str], bytes]:
    """One request through the whole of Django, as gunicorn hands it over."""
    from pricecache_site.wsgi import application

    environ: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": "days=365", **extra}
    setup_testing_defaults(environ)
    environ |= {"HTTP_HOST": "127.0.0.1", "wsgi.input": BytesIO()}
    told: dict[str, Any] = {}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        told.update(status=int(status.split()[0]), headers=dict(headers))

    answer = application(environ, start_response)
    body = b"".join(answer)
    answer.close()
    return told["status"], told["headers"], body


def _profile(title: str, work: Callable[[], object], commands: _Commands) -> Profile:
    for _ in range(100):
        work()
    median = statistics.median(_times(work, 500)) * 1e6
    before = commands.count
    with _sql_counted() as queries:
        for _ in range(100):
            work()
    asked = commands.count - before
    phases, functions = _sampled(work)
    total = phases.total() or 1
    return Profile(
        title,
        round(median, 1),
        asked / 100,
        len(queries) / 100,
        {name: round(median * n / total, 1) for name, n in phases.most_common()},
        {name: round(median * n / total, 1) for name, n in functions.most_common(12)},
        provenance()["commit"],
    )


def _times(work: Callable[[], object], rounds: int) -> Iterator[float]:
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        yield time.perf_counter() - begin


def _sampled(work: Callable[[], object]) -> tuple[Counter[str], Counter[str]]:
    """How often each phase and each function was found at work."""
    phases: Counter[str] = Counter()
    functions: Counter[str] = Counter()

    def look(number: int, frame: FrameType | None) -> None:
        if frame is None or frame.f_code.co_filename == __file__:
            return  # between two works
        functions[_function(frame)] += 1
        phases[_phase(frame)] += 1

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _EVERY, _EVERY)
    try:
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            work()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return phases, functions


def _function(frame: FrameType) -> str:
    parts = frame.f_code.co_filename.split("/")
    return f"{'/'.join(parts[-2:])} {frame.f_code.co_qualname}"


def _phase(frame: FrameType | None) -> str:
    while frame is not None:
        for part, phase in _PHASES:
            if part in frame.f_code.co_filename:
                return phase
        frame = frame.f_back
    return "other"


@contextmanager
def _sql_counted() -> Iterator[list[str]]:
    from django.db import connection

    seen: list[str] = []

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(count):
        yield seen


def _show(one: Profile) -> None:
    print(f"\n{one.title}: {one.median:.0f} µs", end="")
    print(f" ({one.mongo_commands:g} MongoDB commands, {one.sql_queries:g} SQL queries)")
    for name, took in one.phases.items():
        print(f"  {took:8.1f} µs {100 * took / one.median:5.1f} %  {name}")
    print("  most of it in:")
    for name, took in one.functions.items():
        print(f"  {took:8.1f} µs          {name}")


class _Commands(monitoring.CommandListener):
    """Counts what the MongoDB driver sends."""

    count = 0

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.count += 1

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass
