"""python -m bench [GROUP…]: measures, and writes the report. `report` writes it without measuring."""

from __future__ import annotations

import argparse
from importlib import import_module

from bench import report, results
from bench.measure import say
from bench.system import BenchError, running_bench
from pricecache_site.operations.mongod_binary import EmbeddedMongodError

GROUPS = ("writes", "reads", "many", "admin", "growth", "http", "portfolio")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    names = f"{', '.join(GROUPS)}, report. Default: all groups but growth."
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=names)
    parser.add_argument("--full", action="store_true", help="growth: up to 5,000 symbols")
    options = parser.parse_args()
    # By default without growth: its small sizes would replace the results of `--full`.
    groups = options.groups or [group for group in GROUPS if group != "growth"]
    if unknown := set(groups) - {*GROUPS, "report"}:
        parser.error(f"unknown group: {', '.join(sorted(unknown))}. Choose from {names}")
    if groups != ["report"]:
        try:
            _measure([group for group in GROUPS if group in groups], full=options.full)
        except (BenchError, EmbeddedMongodError) as error:
            raise SystemExit(str(error)) from None
    report.write(results.load())


def _measure(groups: list[str], *, full: bool) -> None:
    if "growth" in groups:
        results.drop("growth_")  # earlier runs may have used other sizes
    with running_bench(full=full) as bench:
        for group in groups:
            say(f"{group} …")
            # Imported here: the groups import the product, which is only now configured.
            for one in import_module(f"bench.groups.{group}").run(bench):
                results.save(one)
                print(report.line(one), flush=True)


if __name__ == "__main__":
    main()
