"""The identity of this system, and the check that the store is its own.

Every process checks before its first use of MongoDB and from time to time. Otherwise a second
system with another Django database could delete the series of the first.
"""

import os
import socket
import time
import uuid
from contextlib import suppress
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from prices.models import Installation
from prices.store import owner
from prices.store.mongo import Db, forget
from prices.store.owner import ForeignStoreError, Owner

_CHECK_EVERY = 10.0
_next_check = 0.0


def check(db: Db) -> None:
    """Takes a store without an owner. Looks at most every few seconds.

    :raises ForeignStoreError: it belongs to another system.
    """
    global _next_check
    if time.monotonic() < _next_check:
        return
    try:
        owner.claim(db, this_system(), now=timezone.now())
    except ForeignStoreError:
        forget()  # What was built for the store checks it again before its next use.
        raise
    _next_check = time.monotonic() + _CHECK_EVERY


def take_over(db: Db) -> None:
    """Makes the store this system's own, whoever had it."""
    owner.take_over(db, this_system(), now=timezone.now())


def this_system() -> Owner:
    """Returns the owner that this process works for.

    Its id is in the Django database, which all machines of a system share. A copy in the data folder
    outlives the loss of that database.
    """
    return Owner(_identity(), socket.gethostname(), str(settings.DATA_DIR))


def _identity() -> str:
    path = Path(settings.DATA_DIR) / "system_id"
    copy = path.read_text().strip() if path.exists() else ""
    row = Installation.objects.filter(pk=1).first()
    if row is None:
        first = {"identity": copy or uuid.uuid4().hex}
        row, _ = Installation.objects.get_or_create(pk=1, defaults=first)
    if copy != row.identity:
        with suppress(OSError):  # Only a lost database would miss the copy.
            draft = path.with_name(f"{path.name}.{os.getpid()}")
            draft.write_text(row.identity)
            draft.replace(path)
    return row.identity
