"""manage.py prepare: all that has to exist before the parts are started one by one."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from pricecache_site.operations.bootstrap import PrepareError, prepare
from pricecache_site.operations.credentials import lines_about


class Command(BaseCommand):
    help = "Make what is missing: tables, MongoDB schema, schedules, first administrator, sample."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--no-sample", action="store_true", help="Track no sample symbols.")

    def handle(self, *, no_sample: bool, **options: Any) -> None:
        try:
            prepared = prepare(now=timezone.now(), with_sample=not no_sample)
        except PrepareError as error:
            raise CommandError(str(error)) from error
        url = f"http://{settings.WEB_HOST}:{settings.WEB_PORT}/"
        self.stdout.write("\n".join([*lines_about(prepared, url=url), "Ready to start."]))
