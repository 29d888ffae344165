"""manage.py verify: compare stored histories with the provider's."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from prices import services
from prices.jobs import requests
from prices.management.foreground import COMMAND, ForegroundCommand, tracked_names
from prices.models import SyncRun
from prices.sync.verify import random_sample


class Command(ForegroundCommand):
    help = (
        "Fetch whole histories and compare them with what is stored: prices to 1e-4, volumes of "
        "final bars exactly. Exit status 1 when something differs and was not fixed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("symbols", nargs="*", help="Default: all that have a history.")
        parser.add_argument("--sample", type=int, metavar="N", help="A random sample of N symbols.")
        parser.add_argument("--fix", action="store_true", help="Publish what differs.")

    def work(self, *, symbols: list[str], sample: int | None, fix: bool, **_: Any) -> None:
        if sample is not None and sample < 1:
            raise CommandError("A sample has at least one symbol. Give --sample 1 or more.")
        names = tracked_names(symbols) if symbols else services.verify_service().verifiable()
        if not names:
            self.stdout.write("No symbol has a history to verify yet.")
            return
        if sample is not None:
            names = random_sample(names, sample)
        self.perform(requests.verify(names, trigger=COMMAND, fix=fix))

    def summarise(self, run: SyncRun) -> None:
        left = len(run.differing)
        unchecked = run.failed - left
        self.stdout.write(
            f"{run.unchanged} agree, {run.updated} fixed, {left} differ, {unchecked} not verified; "
            f"{run.requests} requests"
        )
        if left:
            hint = "" if run.options.get("fix") else " Publish what the provider has with --fix."
            raise CommandError(f"{left} of {run.total} symbols differ.{hint}")
        if unchecked:
            raise CommandError(f"{unchecked} of {run.total} symbols could not be verified.")
        if run.state != SyncRun.State.SUCCEEDED:
            raise CommandError(run.message)
