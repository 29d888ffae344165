"""manage.py demo_portfolio: creates a portfolio over the sample's symbols."""

import csv
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from portfolio import booking
from portfolio.importing import import_file
from portfolio.models import Portfolio
from portfolio.reports import load_prices

NAME = "Sample portfolio"
# Bought and sold at the closes of the sample; AAPL splits 2:1 in between.
_TRANSACTIONS = Path(__file__).with_suffix(".csv")


class Command(BaseCommand):
    help = "Create a portfolio over the sample's symbols (2003 to 2012), unless it exists already."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--owner", default=settings.ADMIN_USER, help="Name of its owner.")

    def handle(self, *, owner: str, **options: Any) -> None:
        user = User.objects.filter(username=owner).first()
        if user is None:
            raise CommandError(f"There is no user “{owner}”. Name another one with --owner.")
        exists = Portfolio.objects.filter(owner=user, name=NAME).exists()
        if not exists:
            _create(user)
        self.stdout.write(f"“{NAME}” of {owner} {'exists already' if exists else 'was created'}.")


def _create(owner: User) -> None:
    now, content = timezone.now(), _TRANSACTIONS.read_bytes()
    rows = csv.DictReader(content.decode().splitlines())
    symbols = dict.fromkeys(row["symbol"] for row in rows if row["symbol"])
    prices = load_prices(symbols, now=now)
    missing = [s for s in symbols if s not in prices or not len(prices[s].closes)]
    if missing:
        raise CommandError(
            f"There are no prices of {', '.join(missing)}. Run manage.py load_sample."
        )
    portfolio = Portfolio(owner=owner, created_at=now)
    values = {"name": NAME, "base_currency": "USD", "benchmark": "IBM"}
    booking.save_portfolio(portfolio, values, trigger="demo", now=now)
    import_file(portfolio, content, preview=False, trigger="demo", now=now)
