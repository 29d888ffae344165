"""Which plots there are, where their files lie, and how a page shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.contenders import OURS, PEERS
from bench.plots import THEMES, Bar, Theme, bars, lines, ratios
from bench.results import Record
from bench.workers import ROOT

FOLDER = ROOT / "docs" / "images"
_SHOWN = {
    "read_1y_cold": "read 1 year, first time",
    "read_1y_warm": "read 1 year, again",
    "read_1y_busy": "read 1 year, again, under load",
    "read_10y_cold": "read 10 years, first time",
    "read_10y_warm": "read 10 years, again",
    "read_10y_busy": "read 10 years, again, under load",
    "closes_cold": "closes of 50 x 1 year, first time",
    "closes_warm": "closes of 50 x 1 year, again",
    "latest": "latest close of 1,000",
    "coverage": "coverage of 2,000",
    "write_1y": "write 251 bars",
    "write_10y": "write 2,520 bars",
    "append": "append a bar to 1,000",
}
_VIEWS = (("one", "one symbol"), ("twenty", "20 symbols in turn"), ("304", "304, not modified"))


def markdown(name: str, words: str) -> str:
    """The plot that suits the reader's page; nothing if there is none."""
    if not _path(name, "light").exists():
        return ""
    dark, light = (f"images/performance-{name}-{theme}.svg" for theme in ("dark", "light"))
    return (
        "<picture>\n"
        f'  <source media="(prefers-color-scheme: dark)" srcset="{dark}">\n'
        f'  <img alt="{words}" src="{light}">\n'
        "</picture>\n\n"
    )


def write(records: Sequence[Record]) -> None:
    by_name = {one.name: one for one in records}
    for name, draw in (("stores", _stores), ("growth", _growth), ("http", _http)):
        for theme in THEMES:
            picture = draw(by_name, theme)
            if picture:
                FOLDER.mkdir(parents=True, exist_ok=True)
                _path(name, theme.name).write_text(picture)


def _stores(records: Mapping[str, Record], theme: Theme) -> str:
    rows = {
        words: {label: 1 / ratio for label, ratio in records[name].ratios.items()}
        for name, words in _SHOWN.items()
        if name in records
    }
    return ratios(rows, [peer.label for peer in PEERS], theme) if rows else ""


def _growth(records: Mapping[str, Record], theme: Theme) -> str:
    sizes = {
        float(found[1]): one
        for name, one in records.items()
        if (found := re.fullmatch(r"growth_(\d+)", name))
    }
    if len(sizes) < 2:
        return ""
    labels = dict.fromkeys(label for one in sizes.values() for label in one.peers)
    series: dict[str, dict[float, float]] = {
        OURS.label: {size: one.p50 for size, one in sizes.items()}
    }
    for label in labels:
        held = {size: one.peers[label] for size, one in sizes.items() if label in one.peers}
        if len(held) == len(sizes):
            series[label] = held
    title = "Read 1 year, the first time in a process, as the store grows"
    return lines(title, "ms", series, OURS.label, theme)


def _http(records: Mapping[str, Record], theme: Theme) -> str:
    groups: dict[str, list[Bar]] = {}
    for connections, words in ((1, "1 connection"), (16, "16 connections")):
        found = [
            Bar(f"price cache: {view}", records[name].p50, is_ours=True)
            for case, view in _VIEWS
            if (name := f"http_{case}_{connections}_rate") in records
        ]
        beside = records.get(f"http_one_{connections}_rate")
        if beside:
            found += [Bar(label, rate, is_ours=False) for label, rate in beside.peers.items()]
            groups[words] = found
    return bars("Requests a second, ?days=365", "/s", groups, theme) if groups else ""


def _path(name: str, theme: str) -> Path:
    return FOLDER / f"performance-{name}-{theme}.svg"
