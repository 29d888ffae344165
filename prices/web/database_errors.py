"""Explains failures of Django's database to a person."""

from django.db import DatabaseError, connection


def explain_database_error(error: DatabaseError) -> str:
    """Returns a sentence that says what is wrong and what to do next."""
    path = connection.settings_dict["NAME"]
    text = str(error)
    if "no such table" in text or "no such column" in text:
        return f"{path} is not prepared ({text}). Run manage.py prepare, or manage.py up."
    if "locked" in text:
        return (
            f"Another program has locked {path}. Close it (a database browser, or a backup inside "
            "a transaction) and try again."
        )
    if "not a database" in text or "malformed" in text:
        return (
            f"{path} is not a valid SQLite database ({text}). Restore it from a backup, or move it "
            "away, start with a new one, and run manage.py track --stored: the prices are elsewhere."
        )
    if is_unwritable(error):
        return (
            f"{path} cannot be written ({text}). Make the file and its folder writable, or set "
            "PRICECACHE_DATA_DIR to another folder."
        )
    if is_disk_full(error):
        return f"The disk with {path} is full. Free some space and start again."
    return f"Django's database {path} failed: {text}."


def is_disk_full(error: DatabaseError) -> bool:
    return "full" in str(error)


def is_unwritable(error: DatabaseError) -> bool:
    return "unable to open" in str(error) or "readonly" in str(error)
