"""The words in which the first administrator is told the way in."""

from __future__ import annotations

from pricecache_site.operations.bootstrap import Prepared


def lines_about(prepared: Prepared, *, url: str) -> list[str]:
    """What a person has to know of what was made; the password is shown this once."""
    lines = []
    if prepared.migrations:
        lines.append(f"{prepared.migrations} database migrations applied.")
    if prepared.sample:
        symbols = ", ".join(prepared.sample)
        lines.append(f"Sample history (2000 to 2013) loaded for {symbols}.")
    if prepared.sample_problem:
        lines.append(f"No sample history: {prepared.sample_problem}")
    if admin := prepared.admin:
        shown = f"password {admin.password}  (shown this once)"
        lines += [
            "",
            "First start: an administrator was made.",
            f"  user {admin.name}, "
            + (shown if admin.password else "password as set by PRICECACHE_ADMIN_PASSWORD"),
            f"  API token {admin.token}",
            "Try:",
            f"  curl '{url}cache/historical/AAPL?start=2005-01-03&end=2005-12-30'",
            f"  curl -X POST -H 'Authorization: Token {admin.token}' {url}cache/sync-historical",
            "",
        ]
    return lines
