"""The admin: symbols, runs, jobs and accounts, one module each, and the dashboard."""

from __future__ import annotations

from prices.admin import accounts, jobs, log, reads, runs, symbols, truth  # noqa: F401  # they register themselves
