"""The Django app of the price cache."""

from django.apps import AppConfig
from django.core.signals import request_started
from django.db.models.signals import post_delete, post_save


class PricesConfig(AppConfig):
    name = "prices"
    verbose_name = "Price cache"

    def ready(self) -> None:
        """Keeps the calendars of this process as people declared them."""
        from prices.models import CalendarOverride
        from prices.symbols import overrides

        request_started.connect(overrides.refresh, dispatch_uid="overrides")
        for changed in (post_save, post_delete):
            changed.connect(
                overrides.reload_after_commit, sender=CalendarOverride, dispatch_uid="overrides"
            )
