"""python -m bench [GROUP…]: measures side by side; also `profile`, and `report` without measuring."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from importlib import import_module

from bench import report, results
from bench.measure import say
from bench.results import Record
from bench.system import Bench, running_bench
from bench.workers import WorkerError
from pricecache_site.operations.mongod import EmbeddedMongodError

GROUPS = (
    *("writes", "reads", "many", "crowd", "admin", "growth", "http"),
    *("portfolio", "portfolio_page"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help=f"{', '.join(GROUPS)}; default: all but growth"
    )
    parser.add_argument(
        "--full", action="store_true", help="growth: up to 5,000 symbols, many minutes"
    )
    options = parser.parse_args()
    # The growing stores take long, and would displace what `--full` found.
    wanted = options.groups or [*(g for g in GROUPS if g != "growth"), "profile"]
    unknown = set(wanted) - {*GROUPS, "profile", "report"}
    if unknown:
        parser.error(f"no such group: {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    if wanted != ["report"]:
        try:
            _measure(wanted, full=options.full)
        except (WorkerError, EmbeddedMongodError) as error:
            raise SystemExit(str(error)) from None
    report.write(results.load())


def _measure(wanted: list[str], *, full: bool) -> None:
    if "growth" in wanted:
        results.drop("growth_", "memory_scan_")  # of other sizes
    with running_bench(full=full) as bench:
        for group in (*GROUPS, "profile"):
            if group not in wanted:
                continue
            say(f"{group} …")
            if group == "profile":
                _profile(bench)
            else:
                _run(import_module(f"bench.groups.{group}").run, bench)


def _run(group: Callable[[Bench], Iterator[Record]], bench: Bench) -> None:
    for one in group(bench):
        results.save([one])
        print(report.line(one), flush=True)


def _profile(bench: Bench) -> None:
    from bench import profiling

    profiling.run(bench)


if __name__ == "__main__":
    main()
