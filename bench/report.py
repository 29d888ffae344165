"""Writes docs/performance.md: the template's text with tables of the results."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from string import Template

from bench import ROOT
from bench.contenders import OURS, PEERS
from bench.results import Result

PATH = ROOT / "docs" / "performance.md"
TARGETS = tomllib.loads((ROOT / "bench" / "targets.toml").read_text())
# The template's placeholders for tables, and how the names of their results start.
TABLES = {
    "stores": ("write_", "read_", "closes_", "coverage", "disk"),
    "many": ("plan", "admin_"),
    "growth": ("growth_",),
    "http": ("http_",),
    "portfolio": ("portfolio_",),
}


def line(one: Result) -> str:
    """This function formats a result for the terminal."""
    best = f"{one.ratio(one.best):>9g} x {one.best} ({one.peers[one.best]:g})" if one.best else ""
    return f"{one.title:<72.72} {one.p50:>9g} {one.unit:<10} {best}"


def write(results: Sequence[Result]) -> None:
    """This function writes docs/performance.md."""
    lock = (ROOT / "bench" / "requirements.lock").read_text()
    versions = re.findall(r"^([a-z-]+)==(\S+)", lock, re.MULTILINE)
    parts = {name.replace("-", "_"): version for name, version in versions}
    parts["runs"] = "; ".join(dict.fromkeys(one.run for one in results))
    rows = judge({one.name: one for one in results})
    parts["targets"] = _table(["", "limit", "measured", "met"], rows)
    for name, prefixes in TABLES.items():
        parts[name] = _measures([one for one in results if one.name.startswith(prefixes)])
    template = Template((ROOT / "bench" / "performance.template.md").read_text())
    PATH.write_text(template.substitute(parts))


def judge(results: Mapping[str, Result]) -> Iterator[Sequence[str]]:
    """This function yields a row per target: title, limit, measured value, whether it is met.

    Targets without a result are left out.
    """
    for name, target in ((name, limit) for name, limits in TARGETS.items() for limit in limits):
        comparison, number, *words = target.split(" ", maxsplit=3)
        label = words[1] if words else ""
        one = results.get(name)
        label = one.best if one and label == "the best other" else label
        if one is None or (label and label not in one.peers):
            continue
        value, unit = (one.ratio(label), f"x {label}") if label else (one.p50, one.unit)
        met = value >= float(number) if comparison == ">=" else value <= float(number)
        sign = "≥" if comparison == ">=" else "≤"
        yield one.title, f"{sign} {number} {unit}", f"{value:g} {unit}", "yes" if met else "**no**"


def _measures(results: Sequence[Result]) -> str:
    """A row per result; columns that no result has are left out."""
    labels = dict.fromkeys([one.label for one in PEERS] + [x for one in results for x in one.peers])
    columns = {
        "unit": [one.unit for one in results],
        OURS.label: [f"**{_number(one.p50)}**" for one in results],
        "p95": [_number(one.p95) for one in results],
        "p99": [_number(one.p99) for one in results],
        **{label: [_number(one.peers.get(label)) for one in results] for label in labels},
        "÷ best other": [one.best and f"{one.ratio(one.best):g} ({one.best})" for one in results],
    }
    shown = {name: cells for name, cells in columns.items() if any(cells)}
    rows = zip([one.title for one in results], *shown.values(), strict=True)
    return _table(["", *shown], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
