"""manage.py load_sample: real prices of five companies without the internet."""

from typing import Any

from django.utils import timezone

from prices import services
from prices.management.foreground import ForegroundCommand
from prices.sync.sample import load_sample


class Command(ForegroundCommand):
    help = (
        "Track AAPL, GOOG, IBM, MSFT and META, and publish the sample (2000 to 2013) for those "
        "that have no history."
    )

    def work(self, **_: Any) -> None:
        loaded = load_sample(services.bars(), now=timezone.now())
        if not loaded:
            self.stdout.write("All five have a history already. Nothing was changed.")
        for symbol in loaded:
            self.stdout.write(f"{symbol}: sample history published")
