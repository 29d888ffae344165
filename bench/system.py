"""The bench's own system: a mongod, SQLite with rows, the book, and the contenders' processes."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bench.contenders import OURS, PEERS, VARIANTS, Contender
from bench.data import SPARE, TEN_YEARS, YEAR, Book, make_book
from bench.measure import say
from bench.workers import PEERS_PYTHON, ROOT, Worker, WorkerError

PORT = 21917
WEB_PORT = 21918
# The first so many symbols have ten years, the others one.
LONG = 100


def length(number: int) -> int:
    return TEN_YEARS if number < LONG else YEAR


@dataclass
class Bench:
    """What the groups of measures share."""

    folder: Path
    book: Book
    uri: str
    full: bool = False
    _workers: dict[tuple[str, str], Worker] = field(default_factory=dict)
    _loaded: dict[tuple[str, str], int] = field(default_factory=dict)
    _extra: ExitStack = field(default_factory=ExitStack)

    def contenders(self, task: str, *, variants: bool = False) -> list[Contender]:
        """Those that offer a task; the product first."""
        ours = (OURS, *VARIANTS) if variants else (OURS,)
        return [one for one in (*ours, *PEERS) if task in one.offers]

    def workers(self, task: str, *, scale: str = "main", variants: bool = False) -> list[Worker]:
        return [self.worker(one, scale) for one in self.contenders(task, variants=variants)]

    def worker(self, contender: Contender, scale: str = "main") -> Worker:
        """The contender's process; one each for all groups."""
        name = (contender.key, scale)
        if name not in self._workers:
            self._workers[name] = self.another(contender, scale, read_only=contender in VARIANTS)
        return self._workers[name]

    def another(self, contender: Contender, scale: str, *, read_only: bool) -> Worker:
        """One more process on the same data."""
        data = OURS if contender in VARIANTS else contender
        place = {
            "folder": str(self.folder / data.key / scale),
            "uri": self.uri,
            "database": f"{data.key}_{scale}",
            "read_only": read_only,
        }
        worker = Worker(contender, self.folder / "book", place)
        self._extra.callback(worker.close)
        return worker

    def load(self, workers: Sequence[Worker], count: int, *, scale: str = "main") -> None:
        """Sees that all have the first `count` symbols; in a scale of its own all are long.

        They store at the same time: this is not timed.
        """
        for first, end, bars in (
            (0, min(_long(scale), count), TEN_YEARS),
            (_long(scale), count, YEAR),
        ):
            busy = []
            for worker in workers:
                name = (worker.contender.key, scale)
                begin = max(first, self._loaded.get(name, 0))
                if worker.contender in VARIANTS or begin >= end:
                    continue
                worker.begin("load", first=begin, count=end - begin, bars=bars)
                self._loaded[name] = end
                busy.append(worker)
            if busy:
                say(f"  storing {end - first:,} symbols of {bars:,} bars in {len(busy)} stores")
            for worker in busy:
                worker.end()

    def retire(self, worker: Worker) -> None:
        """Ends a process; the next use of the contender starts another."""
        self._workers = {name: one for name, one in self._workers.items() if one is not worker}
        worker.close()

    def close(self) -> None:
        self._extra.close()


def _long(scale: str) -> int:
    """How many of the first symbols have ten years."""
    return LONG if scale == "main" else sys.maxsize


@contextmanager
def running_bench(*, full: bool = False) -> Iterator[Bench]:
    """Everything in a folder of its own below var/, on a real disk, gone afterwards."""
    if not PEERS_PYTHON.exists():
        raise WorkerError("The peers are not installed: run `make bench`, which installs them.")
    (ROOT / "var").mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "var"))
    _own_settings(folder)
    try:
        from django.conf import settings

        from tests.support.mongod import running_mongod

        with running_mongod(data_dir=folder, port=PORT, cache_gb=settings.MONGOD_CACHE_GB) as uri:
            os.environ["MONGODB_URI"] = uri
            bench = Bench(folder, _book(folder / "book"), uri, full)
            try:
                yield bench
            finally:
                bench.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own_settings(folder: Path) -> None:
    """This process and its children work on the bench's data, whatever `.env` says."""
    os.environ["PRICECACHE_DATA_DIR"] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.site"
    os.environ["MONGODB_URI"] = (
        f"mongodb://127.0.0.1:{PORT}/?replicaSet=pricecache&directConnection=true"
    )
    os.environ["MONGODB_DATABASE"] = f"{OURS.key}_main"
    os.environ["PRICECACHE_HOST"], os.environ["PRICECACHE_PORT"] = "127.0.0.1", str(WEB_PORT)
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)


def _book(folder: Path) -> Book:
    """Ten years of real sessions that end with the last one that is closed now."""
    from prices.domain.sessions import sessions_of

    now = datetime.now(UTC)
    calendar = sessions_of("XNYS")
    last = calendar.last_closed(now) if calendar else None
    assert calendar
    assert last
    end = int(np.searchsorted(calendar.dates, np.datetime64(last, "D"))) + 1
    return make_book(folder, calendar.dates[end - TEN_YEARS : end + SPARE])


def track(count: int) -> None:
    """The product's rows of the first `count` symbols."""
    from bench.data import symbol
    from prices.models import TrackedSymbol

    now = datetime.now(UTC)
    rows = [
        TrackedSymbol(
            symbol=symbol(n),
            market="US",
            mic="XNYS",
            currency="USD",
            name=f"Symbol {n}",
            timezone="America/New_York",
            added_at=now,
            last_update=now,
        )
        for n in range(count)
    ]
    TrackedSymbol.objects.bulk_create(rows, ignore_conflicts=True)
