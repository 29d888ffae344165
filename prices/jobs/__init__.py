"""Jobs: requests for runs, schedules, what the cluster executes, and whether jobs run."""

from importlib import import_module
from typing import Any

# Version 0.1 queued tasks and wrote schedules with these names, and django-q2 looks them up here.
_TASKS = (
    *("historical_sync", "startup_sync", "live_price_update", "nightly_verify"),
    *("store_sweep", "canary", "perform"),
)


def __getattr__(name: str) -> Any:
    if name in _TASKS:
        return getattr(import_module("prices.jobs.tasks"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
