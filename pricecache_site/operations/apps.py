"""The Django app that runs the system on a machine."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "pricecache_site.operations"

    def ready(self) -> None:
        from pricecache_site.operations import checks  # noqa: F401  # registers itself
