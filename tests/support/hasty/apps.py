"""A Django app that shortens times once everything is imported."""

from datetime import timedelta

from django.apps import AppConfig


class HastyConfig(AppConfig):
    name = "tests.support.hasty"

    def ready(self) -> None:
        from pricecache_site.operations import processes, roles
        from pricecache_site.operations.management.commands import cluster
        from prices.jobs import cluster_health

        cluster_health.MAX_SILENCE = timedelta(seconds=20)
        vars(roles)["MAX_SILENCE"] = cluster_health.MAX_SILENCE  # imported by name
        cluster_health.STARTUP_TIME = timedelta(seconds=15)
        cluster.CANARY_EVERY = 1.0
        # What hangs is found by the canary, not because a test stops it with a signal.
        processes.MAX_FROZEN_SECONDS = 9_999.0
