"""Tries the API with thousands of cases: python -m tests.fuzz [--examples 160] [--seed 1]."""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fuzz import IDENTITIES, fuzz, prepare
from tests.standin import StandIn, default_book
from tests.support.ports import free_ports
from tests.support.whole_system import system

MIN_CASES = 5_000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=160, help="of each endpoint")
    parser.add_argument("--seed", type=int, help="repeats a run")
    options = parser.parse_args()
    given = [f"--max-examples={options.examples}"]
    given += [f"--seed={options.seed}"] if options.seed is not None else []
    failed = []
    with (
        tempfile.TemporaryDirectory(prefix="fuzz-") as folder,
        StandIn(default_book(12, years=3)) as standin,
        system(Path(folder), free_ports(2), standin.env()) as running,
    ):
        running.start("--no-sample")
        prepare(running, list(standin.book.instruments))
        for identity in IDENTITIES:
            found = fuzz(running, identity, *given)
            print(found.report)  # noqa: T201
            print(f"As {identity}: {found.cases:,} cases, {found.passed=}.", flush=True)  # noqa: T201
            if not found.passed or found.cases < MIN_CASES:
                failed.append(identity)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
