"""The admin: symbols, the scheduler, the dashboard, and one module for each other model."""

# Importing these modules registers them with Django's admin site.
from prices.admin import accounts, calendar_overrides, read_counts, sync_runs  # noqa: F401
from prices.admin.quarantine import model_admin as quarantine_admin  # noqa: F401
from prices.admin.scheduler import queue_tables  # noqa: F401
from prices.admin.symbols import model_admin  # noqa: F401
