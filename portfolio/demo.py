"""The demo portfolio over the sample's symbols, shown after the first start."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

from django.contrib.auth.models import User

from portfolio import booking
from portfolio.importing import import_file
from portfolio.models import Portfolio
from portfolio.reports import load_prices

NAME = "Sample portfolio"
# Bought and sold at the closes of the sample; AAPL splits 2:1 in between.
_TRANSACTIONS = Path(__file__).with_name("demo.csv")


class NoSample(LookupError):
    """The prices of the sample are missing; the message says what to do."""


def create_demo(owner: User, *, now: datetime) -> Portfolio | None:
    """Creates the demo portfolio of a user. Returns None if the user has it already.

    :raises NoSample:
    """
    if Portfolio.objects.filter(owner=owner, name=NAME).exists():
        return None
    rows = csv.DictReader(_TRANSACTIONS.read_text(encoding="utf-8").splitlines())
    symbols = dict.fromkeys(row["symbol"] for row in rows if row["symbol"])
    prices = load_prices(symbols, now=now)
    missing = [s for s in symbols if s not in prices or not len(prices[s].closes)]
    if missing:
        raise NoSample(f"There are no prices of {', '.join(missing)}. Run manage.py load_sample.")
    portfolio = Portfolio(owner=owner, created_at=now)
    settings = {"name": NAME, "base_currency": "USD", "benchmark": "IBM"}
    booking.save_portfolio(portfolio, settings, trigger="demo", now=now)
    content = _TRANSACTIONS.read_bytes()
    import_file(portfolio, content, preview=False, trigger="demo", now=now)
    return portfolio
