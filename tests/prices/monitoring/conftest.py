"""Symbols in every kind of trouble."""

from datetime import date, timedelta

import pytest

from prices.domain.coverage import Gap
from prices.models import Quarantine
from prices.store.mongo import Db
from tests.support.builders import NOW, WEEK, published, tracked

GAP = Gap(date(2026, 6, 3), 5, None, "the provider has none")


@pytest.fixture
def troubled(store: Db, db: None) -> None:
    """One symbol of each trouble, one of none, and one that a person suspended."""
    tracked("FULL")
    published("FULL")
    tracked("GAP", market="LSE")
    published("GAP", rows=(WEEK[0], *WEEK[2:]), gaps=(GAP,))
    tracked("NEW", last_update=None, added_at=NOW - timedelta(hours=4))
    tracked("OLD", last_update=NOW - timedelta(hours=4))
    published("OLD", rows=WEEK[:3])
    tracked("FAILS", last_error="Yahoo says 500")
    published("FAILS")
    tracked("GONE", active=False, suspended_reason="Yahoo knows no GONE, on two days")
    published("GONE")
    tracked("SLEEPS", active=False)
    published("SLEEPS")
    tracked("ODD")
    published("ODD")
    Quarantine.objects.create(symbol="ODD", kind="step", reason="all prices are doubled")
