"""What a person reads when Django's database fails."""

import pytest
from django.db import DatabaseError, OperationalError

from prices.web.database_errors import explain_database_error


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("no such table: prices_trackedsymbol", "Run manage.py prepare, or manage.py up."),
        ("no such column: reads", "Run manage.py prepare, or manage.py up."),
        ("database is locked", "Another program has locked"),
        ("file is not a database", "Restore it from a backup"),
        ("database disk image is malformed", "Restore it from a backup"),
        ("unable to open database file", "PRICECACHE_DATA_DIR"),
        ("attempt to write a readonly database", "Make the file and its folder writable"),
        ("database or disk is full", "Free some space"),
        ("of a new kind", "failed: of a new kind."),
    ],
)
def test_says_what_to_do(message: str, expected: str) -> None:
    assert expected in explain_database_error(OperationalError(message))
    assert expected in explain_database_error(DatabaseError(message))
