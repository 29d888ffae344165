"""Explains failures of Django's database to a person."""

from __future__ import annotations

from django.db import DatabaseError, connection


def explain_database_error(error: DatabaseError) -> str:
    """Returns a sentence that says what is wrong and what to do next."""
    path = connection.settings_dict["NAME"]
    text = str(error)
    if "no such table" in text or "no such column" in text:
        return f"{path} is not made ready ({text}): run manage.py prepare, or manage.py up."
    if "locked" in text:
        return (
            f"Something else holds the lock of {path}: close it (a database browser, a backup in "
            "the middle of a transaction) and try again."
        )
    if "not a database" in text or "malformed" in text:
        return (
            f"{path} is not a sound SQLite database ({text}): restore it from a backup, "
            "or move it away and start anew."
        )
    if "unable to open" in text or "readonly" in text:
        return (
            f"{path} cannot be written ({text}): make it and its folder writable, or set "
            "PRICECACHE_DATA_DIR to another folder."
        )
    if "full" in text:
        return f"The disk of {path} is full: make room and start again."
    return f"Django's database {path} failed: {text}."
