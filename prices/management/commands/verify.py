"""manage.py verify: is what is stored what the provider says?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError, CommandParser

from prices import services
from prices.management.foreground import ForegroundCommand, tracked
from prices.models import SyncRun
from prices.sync.verify import random_sample


class Command(ForegroundCommand):
    help = (
        "Fetch whole histories and compare them with what is stored: prices to 1e-4, volumes of "
        "final bars exactly. Exit status 1 when something differs and was not fixed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="*", help="Default: all that have a history.")
        parser.add_argument("--sample", type=int, metavar="N", help="Only N of them, by lot.")
        parser.add_argument("--fix", action="store_true", help="Publish what differs.")

    def work(self, *, symbols: list[str], sample: int | None, fix: bool, **_: Any) -> None:
        if sample is not None and sample < 1:
            raise CommandError("A sample has at least one symbol: give --sample 1 or more.")
        if symbols:
            wanted = [row.symbol for row in tracked(symbols)]
        else:
            wanted = services.verify_service().verifiable()
        if not wanted:
            self.stdout.write("No symbol has a history to verify yet.")
            return
        if sample is not None:
            wanted = random_sample(wanted, sample)
        self.perform(SyncRun.Kind.VERIFY, wanted, {"fix": fix})

    def summarise(self, run: SyncRun) -> None:
        left = len(run.differing)
        unchecked = run.failed - left
        self.stdout.write(
            f"{run.unchanged} agree, {run.updated} fixed, {left} differ, {unchecked} not verified; "
            f"{run.requests} requests"
        )
        if left:
            hint = "" if run.options.get("fix") else " Publish what the provider says with --fix."
            raise CommandError(f"{left} of {run.total} symbols differ.{hint}")
        if run.state != SyncRun.State.SUCCEEDED:
            raise CommandError(
                f"{unchecked} of {run.total} symbols could not be verified."
                if unchecked
                else run.message
            )
