"""The numbers to hold, as data: what each measure must not exceed (or reach)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.results import Record

ARCTIC, BEST = "ArcticDB", "the best other"


@dataclass(frozen=True, slots=True)
class Target:
    """A limit of a measure's median, or of its ratio to a peer's."""

    measure: str
    limit: float
    peer: str = ""
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    what: str
    limit: str
    measured: str
    holds: bool


TARGETS = (
    Target("read_1y_cold", 0.5),
    Target("read_1y_cold", 0.6, ARCTIC),
    Target("read_1y_warm", 0.45),
    Target("read_1y_warm", 0.6, ARCTIC),
    Target("read_10y_cold", 0.6),
    Target("read_10y_cold", 0.8, ARCTIC),
    Target("read_10y_warm", 0.5),
    Target("read_10y_warm", 0.8, ARCTIC),
    Target("closes_cold", 1, BEST),
    Target("closes_warm", 4),
    Target("closes_warm", 1, BEST),
    Target("coverage", 15),
    Target("coverage_answer", 15),
    Target("plan", 1_000),
    *(Target(f"admin_{page}", 300) for page in ("dashboard", "scheduler", "list", "detail")),
    *(Target(f"admin_{page}", 300) for page in ("dashboard_live", "list_sorted", "list_filtered")),
    Target("write_1y", 15),
    Target("write_10y", 60),
    Target("growth_factor_2000", 1.1),
    Target("growth_factor_5000", 1.15),
    Target("http_one_1_latency", 4),
    Target("http_own_time", 1.5),
    Target("http_one_1_rate", 3, "stock DRF serializers", at_least=True),
    Target("http_one_16_rate", 3, "stock DRF serializers", at_least=True),
    Target("http_twenty_16_rate", 3, "stock DRF serializers", at_least=True),
    Target("http_304_own", 0.5),
    Target("portfolio_50_1y_warm", 60),
    Target("portfolio_50_1y_cold", 150),
    Target("portfolio_500_10y_warm", 1_000),
    Target("portfolio_500_10y_cold", 1_000),
    Target("portfolio_page_first", 500),
    Target("portfolio_page_again", 500),
    Target("http_304_1_latency", 0.5, "the same answered with 200"),
)


def verdicts(records: Mapping[str, Record]) -> Iterable[Verdict]:
    """Of all targets whose measure was taken."""
    for target in TARGETS:
        record = records.get(target.measure)
        value = _value(record, target.peer) if record else None
        if record is None or value is None:
            continue
        unit = f"x {target.peer}" if target.peer else record.unit
        yield Verdict(
            record.title,
            f"{'≥' if target.at_least else '≤'} {target.limit:g} {unit}",
            f"{value:g} {unit}",
            value >= target.limit if target.at_least else value <= target.limit,
        )


def _value(record: Record, peer: str) -> float | None:
    if not peer:
        return record.p50
    return record.ratio_to_best if peer == BEST else record.ratios.get(peer)
