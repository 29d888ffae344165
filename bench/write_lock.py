"""python -m bench.write_lock [lines]: how long large imports keep others from writing to SQLite."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from bench import ROOT
from bench.system import running_system

HEADER = "kind,date,symbol,quantity,price,currency"
# Another program that begins a transaction all the time, and prints its longest wait in seconds.
_WRITER = """
import sqlite3, sys, threading, time
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set())).start()
other = sqlite3.connect(sys.argv[1], timeout=600, isolation_level=None)
other.execute("PRAGMA busy_timeout = 0")
longest, began = 0.0, time.monotonic()
print("ready", flush=True)
while not ended.is_set():
    try:
        other.execute("BEGIN IMMEDIATE")
        other.execute("COMMIT")
    except sqlite3.OperationalError:
        time.sleep(0.001)
        continue
    longest, began = max(longest, time.monotonic() - began), time.monotonic()
print(max(longest, time.monotonic() - began))
"""


def longest_wait(work: Callable[[], Any]) -> tuple[float, float]:
    """This function returns for how long a call kept another writer waiting, and took, in seconds."""
    from django.db import connection

    path = str(connection.settings_dict["NAME"])
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as writer:
        assert writer.stdout
        writer.stdout.readline()
        began = time.monotonic()
        work()
        took = time.monotonic() - began
        return float(writer.communicate("")[0]), took


def _content(lines: int, symbols: int) -> bytes:
    rows = (f"buy,2026-03-02,S{n % symbols:05},1,{10 + n},USD" for n in range(lines))
    return "\n".join([HEADER, *rows]).encode()


def journeys(lines: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """This function yields the name of each piece of work and what to call."""
    from django.contrib.auth.models import User

    from portfolio import booking
    from portfolio.importing import import_file
    from portfolio.models import Portfolio
    from prices import services
    from prices.jobs import execution, runs
    from prices.models import SyncRun, TrackedSymbol
    from prices.store.schema import ensure_schema

    ensure_schema(services.database())
    owner = User.objects.create_superuser("importer")

    def portfolio(name: str) -> Portfolio:
        return Portfolio.objects.create(owner=owner, name=name, base_currency="USD")

    def import_lines(target: Portfolio, symbols: int) -> None:
        content, now = _content(lines, symbols), datetime.now(UTC)
        result = import_file(target, content, preview=False, trigger="bench", now=now)
        assert result.booked == lines, result.file.errors[:3]

    few, many = portfolio("few"), portfolio("many")
    yield f"import of {lines:,} lines of 20 symbols", lambda: import_lines(few, 20)
    yield f"import of {lines:,} lines of as many new symbols", lambda: import_lines(many, lines)
    run = SyncRun.objects.filter(kind=SyncRun.Kind.BACKFILL).latest("id")
    yield "its backfill is split into parts", lambda: runs.share_out(run, run.symbols)
    yield "the backfill is cancelled", lambda: runs.cancel(run, by="bench", now=datetime.now(UTC))
    sweep = runs.begin(SyncRun.Kind.STORE_SWEEP, trigger="bench", now=datetime.now(UTC))
    yield "nightly sweep, everything held", lambda: execution.work_on(sweep)
    yield "deletion of the portfolio", lambda: booking.delete_portfolio(many)
    assert TrackedSymbol.objects.count() <= 20, "The symbols that nobody holds are still tracked."


def main() -> None:
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with running_system():
        print(f"{'work':<55} {'others wait':>12} {'takes':>9}")
        for name, work in journeys(lines):
            waited, took = longest_wait(work)
            print(f"{name:<55} {waited:>10.2f} s {took:>7.1f} s", flush=True)


if __name__ == "__main__":
    main()
