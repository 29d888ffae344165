"""docs/performance.md from what was measured: tables, plots, and how it was done."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench import figures, profiling
from bench.contenders import OURS, PEERS
from bench.results import Record
from bench.targets import verdicts
from bench.workers import ROOT

PATH = ROOT / "docs" / "performance.md"
LOCK = ROOT / "bench" / "requirements.lock"

_HEAD = """\
# Performance

<!-- Written by `make bench`; change bench/report.py, not this file. -->

What a read, a write and a request cost, beside the stores that one would pick instead. All run on
the same data in one go: each round asks every contender once, in an order that changes, so that
noise hits all alike. Compare within a row; absolute times are the machine's.

"""
_METHOD = """\
## How it is measured

- Data: random walks on New York's sessions, two decimals, 2,520 bars a symbol (251 are a year).
  Before anything is timed, each contender's answer is compared with what was stored, value by value.
- Each contender is a process of its own and reads the clock itself, around the work alone. Figures
  are medians over all rounds.
- *The first time in a process*: connected, nothing read yet; the operating system's cache is warm
  for all. *Again*: the same read repeated. The price cache then looks at the manifest's version in
  MongoDB each time; *under load* it believes a version that it has just seen for a second
  (`PRICECACHE_VERSION_TTL`). Stores in the process itself (SQLite, DuckDB, Parquet, ArcticDB) need
  no round trip to a server; MongoDB's is in every figure of the price cache but those under load.
- *As the store grows*: all stores of all sizes lie side by side on the machine, and each symbol of
  each was read once before anything is timed.
- *Whole answer*: what the API gives, with coverage, freshness and quote; the others give bars alone.
- A new series is written to a store that is otherwise at rest. What a contender's users wait for
  is what is timed; how safe that is differs:

"""
_RUN = """
`make bench` runs everything but the large stores in some minutes, `make bench ONLY=reads` a part
(`writes`, `reads`, `many`, `crowd`, `growth`, `http`, `portfolio`, `portfolio_page`, `profile`), `make bench-growth` the
stores of up to 5,000 symbols. The peers are installed into `bench/.peers`, apart from the product.
HTTP needs `wrk`, which shares the cores with the server here. The figures: `bench/results.json`.
"""
_CROWD = ("plan", "status_crowd")
_OTHER_STORES = ("write_", "read_", "closes_", "latest", "coverage", "append", "readers", "disk")


def line(one: Record) -> str:
    """A record for the terminal."""
    best = f"best other: {one.best} {one.peers[one.best]:g}" if one.best else ""
    ratio = f"{one.ratio_to_best:g} x" if one.ratio_to_best is not None else ""
    return f"{one.title:<72.72} {one.p50:>9g} {one.unit:<10} {ratio:>9} {best}"


def write(records: Sequence[Record]) -> None:
    if not records:
        return
    figures.write(records)
    PATH.write_text("".join(_document({one.name: one for one in records})))


def _document(records: Mapping[str, Record]) -> Iterator[str]:
    yield _HEAD
    yield from _where(records.values())
    yield from _held(records)
    stores = [one for one in records.values() if one.name.startswith(_OTHER_STORES)]
    if stores:
        yield "## Beside other stores\n\n"
        yield figures.markdown("stores", "How many times as long as the price cache others take")
        yield from _stores(stores)
    yield from _crowd([one for one in records.values() if one.name in _CROWD])
    yield from _growth(records)
    yield from _http([one for one in records.values() if one.name.startswith("http_")])
    yield from _portfolio([one for one in records.values() if one.name.startswith("portfolio_")])
    yield from _profiles()
    yield _METHOD
    yield from _contenders()
    yield _RUN


def _where(records: Iterable[Record]) -> Iterator[str]:
    runs: dict[str, str] = {}
    for one in records:
        held = one.machine
        machine = f"{held['cores']} cores of {held['cpu']}, {held['memory_gb']} GB"
        words = f"commit {one.commit} on {machine}"
        runs[words] = max(runs.get(words, ""), one.date[:10])
    yield "Measured: " + "; ".join(f"{day}, {words}" for words, day in runs.items()) + ".\n\n"


def _held(records: Mapping[str, Record]) -> Iterator[str]:
    found = list(verdicts(records))
    if found:
        yield "## What is to hold\n\n"
        rows = ([v.what, v.limit, v.measured, "yes" if v.holds else "**no**"] for v in found)
        yield from _table(["", "limit", "measured", "holds"], rows)


def _stores(records: Sequence[Record]) -> Iterator[str]:
    labels = [peer.label for peer in PEERS if any(peer.label in one.peers for one in records)]
    head = ["", "unit", OURS.label, "p95", *labels, "÷ best other"]
    rows = (
        [
            one.title,
            one.unit,
            f"**{_figure(one.p50)}**",
            _figure(one.p95),
            *(_figure(one.peers.get(label)) for label in labels),
            f"{one.ratio_to_best:g} ({one.best})" if one.best else "",
        ]
        for one in records
    )
    yield from _table(head, rows)


def _crowd(records: Sequence[Record]) -> Iterator[str]:
    if records:
        yield "## All symbols at once\n\n"
        rows = ([one.title, _figure(one.p50), _figure(one.p95), one.unit] for one in records)
        yield from _table(["", "median", "p95", "unit"], rows)


def _growth(records: Mapping[str, Record]) -> Iterator[str]:
    sizes = [one for name, one in records.items() if name.startswith(("growth_", "memory_scan"))]
    if sizes:
        yield "## As the store grows\n\n"
        yield figures.markdown("growth", "A read of one year as the store grows")
        yield from _stores(sizes)


def _http(records: Sequence[Record]) -> Iterator[str]:
    if not records:
        return
    yield "## Over HTTP\n\n"
    yield "gunicorn as `manage.py web` starts it, kept-alive connections; all views in one server.\n\n"
    yield figures.markdown("http", "Requests a second")
    labels = list(dict.fromkeys(label for one in records for label in one.peers))
    rows = (
        [
            one.title,
            one.unit,
            f"**{_figure(one.p50)}**",
            _figure(one.p99),
            *(_beside(one, label) for label in labels),
        ]
        for one in records
    )
    yield from _table(["", "unit", OURS.label, "p99", *labels], rows)


def _portfolio(records: Sequence[Record]) -> Iterator[str]:
    if not records:
        return
    yield "## Portfolios\n\n"
    yield "`GET /portfolio/{id}/complete`, all that a page shows, as one request inside a web process: "
    yield "booked transactions from SQLite, prices from MongoDB, every day valued anew. "
    yield "In Chromium: the page itself, from the web server, with nothing in the browser's cache at "
    yield "the first visit.\n\n"
    rows = ([one.title, one.unit, f"**{_figure(one.p50)}**", _figure(one.p95)] for one in records)
    yield from _table(["", "unit", OURS.label, "p95"], rows)


def _beside(one: Record, label: str) -> str:
    """A peer's figure, and ours ÷ it."""
    return f"{_figure(one.peers[label])} ({one.ratios[label]:g} x)" if label in one.peers else ""


def _profiles() -> Iterator[str]:
    found = profiling.load()
    if not found:
        return
    yield "## Where the time goes\n\n"
    yield "Medians in µs, split by what the process was found at every 0.2 ms.\n\n"
    for one in found:
        yield f"**{one.title}**: {one.median:.0f} µs, {one.mongo_commands:g} MongoDB commands, "
        yield f"{one.sql_queries:g} SQL queries.\n\n"
        rows = (
            [name, f"{took:.0f}", f"{took / one.median:.0%}"] for name, took in one.phases.items()
        )
        yield from _table(["", "µs", "share"], [row for row in rows if row[1] != "0"])


def _contenders() -> Iterator[str]:
    pinned = dict(re.findall(r"^([a-z-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))
    rows = (
        [f"{one.label} {pinned.get(one.package, '')}".strip(), one.used, one.durable or "not timed"]
        for one in (OURS, *PEERS)
    )
    yield from _table(["", "how it is used", "an acknowledged write is"], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |\n"
    yield f"| {' | '.join('---' if not at else '---:' for at in range(len(head)))} |\n"
    for row in rows:
        yield f"| {' | '.join(row)} |\n"
    yield "\n"


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
