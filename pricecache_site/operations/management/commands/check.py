"""manage.py check: Django's checks, and which MongoDB would run and how old it is."""

from typing import Any

from django.conf import settings
from django.core.management.commands.check import Command as Check
from django.utils import timezone

from pricecache_site.operations.mongod_binary import EmbeddedMongodError, find_mongod


class Command(Check):
    def handle(self, *app_labels: Any, **options: Any) -> None:
        if settings.MONGODB_EMBEDDED:
            self.stdout.write(self._describe_mongod())
        super().handle(*app_labels, **options)

    def _describe_mongod(self) -> str:
        try:
            return find_mongod(settings.DATA_DIR).describe(timezone.now().date())
        except EmbeddedMongodError as error:
            return str(error)
