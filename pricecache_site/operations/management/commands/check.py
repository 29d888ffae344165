"""manage.py check: Django's checks, which MongoDB would run, and what is stored but not tracked."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.commands.check import Command as Check
from django.db import DatabaseError, connection
from django.utils import timezone

from pricecache_site.operations.locks import is_locked
from pricecache_site.operations.mongod import EmbeddedMongod
from pricecache_site.operations.mongod_binary import EmbeddedMongodError, find_mongod
from prices import services
from prices.monitoring.disk import why_unwritable
from prices.store.listings import Listings
from prices.store.manifests import Catalog
from prices.store.mongo import StoreError
from prices.symbols.stored import describe_untracked, find_untracked, known_names


class Command(Check):
    def handle(self, *app_labels: Any, **options: Any) -> None:
        if settings.MONGODB_EMBEDDED:
            self.stdout.write(self._describe_mongod())
        for sentence in filter(None, (why_unwritable(), _describe_untracked())):
            self.stdout.write(sentence)
        super().handle(*app_labels, **options)

    def _describe_mongod(self) -> str:
        try:
            return find_mongod(settings.DATA_DIR).describe(timezone.now().date())
        except EmbeddedMongodError as error:
            return str(error)


def _describe_untracked() -> str:
    """Returns the sentences about stored series that nobody tracks; nothing without MongoDB."""
    server = EmbeddedMongod(settings.DATA_DIR, settings.MONGOD_PORT)
    try:
        if settings.MONGODB_EMBEDDED and not is_locked(server.lock_path):
            return ""
    except OSError:
        return ""  # The folder cannot be written, which is told already.
    path = connection.settings_dict["NAME"]
    lost, db, tracked = "", services.connect(), set[str]()
    try:
        if connection.vendor == "sqlite" and "memory" not in str(path) and not Path(path).exists():
            # SQLite would create the file.
            lost = f"There is no {path}. Restore it from a backup, or run manage.py prepare. "
        else:
            db, tracked = services.database(), known_names()
        return lost + describe_untracked(find_untracked(Catalog(db), Listings(db), tracked))
    except (StoreError, DatabaseError) as error:
        return f"What is stored cannot be compared with what is tracked: {error}"
