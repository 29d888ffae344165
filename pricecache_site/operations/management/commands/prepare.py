"""manage.py prepare: creates what must exist before the parts are started one by one."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from pricecache_site.operations.bootstrap import prepare, remember_shown
from pricecache_site.operations.roles import web_url


class Command(BaseCommand):
    help = "Create what is missing: tables, MongoDB schema, schedules, first admin, sample."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-sample", action="store_true", help="Track no sample symbols.")
        parser.add_argument(
            "--take-over",
            action="store_true",
            help="Make a MongoDB database of another system, which is gone, belong to this one.",
        )

        parser.add_argument(
            "--new-credentials",
            action="store_true",
            help="Give the administrator a new password and a new API token, and print them.",
        )

    def handle(
        self, *, no_sample: bool, take_over: bool, new_credentials: bool, **options: Any
    ) -> None:
        prepared = prepare(
            now=timezone.now(),
            with_sample=not no_sample,
            take_over=take_over,
            new_credentials=new_credentials,
        )
        self.stdout.write(f"{prepared.describe(web_url())}\nReady to start.".lstrip())
        self.stdout.flush()
        remember_shown()
