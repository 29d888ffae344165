"""Calls management commands."""

from io import StringIO

from django.core.management import call_command


def manage(*args: str) -> str:
    """Returns what the command wrote to its standard output."""
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()
