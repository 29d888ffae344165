"""Which system a database belongs to: one document, which the first system inserts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.errors import DuplicateKeyError

from prices.store.mongo import Db, StoreError, failures_named

_ID = "owner"


class ForeignStoreError(StoreError):
    """The database belongs to another system. The message is for users."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A system, all machines of which share one Django database. The rest is for people to read."""

    id: str
    host: str
    folder: str


def claim(db: Db, owner: Owner, *, now: datetime) -> None:
    """Makes a database that has no owner belong to this one.

    :raises ForeignStoreError: it belongs to another system.
    """
    owners = db["owner"]
    with failures_named():
        held = owners.find_one({"_id": _ID})
        if held is None:
            try:
                owners.insert_one(_document(owner, now))
                return
            except DuplicateKeyError:  # another process was first
                held = owners.find_one({"_id": _ID})
    if held is not None and held["id"] != owner.id:
        raise ForeignStoreError(
            f"The MongoDB database “{db.name}” belongs to another system (host {held['host']}, data "
            f"folder {held['folder']}, since {held['taken_at']:%Y-%m-%d}). Set MONGODB_DATABASE to "
            "another name. Only if that system is gone, take its prices over with: "
            "manage.py prepare --take-over"
        )


def take_over(db: Db, owner: Owner, *, now: datetime) -> None:
    """Makes the database belong to this owner, whoever had it."""
    with failures_named():
        db["owner"].replace_one({"_id": _ID}, _document(owner, now), upsert=True)


def _document(owner: Owner, now: datetime) -> dict[str, Any]:
    return {"_id": _ID, "id": owner.id, "host": owner.host, "folder": owner.folder, "taken_at": now}
