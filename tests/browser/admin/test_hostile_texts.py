"""Every page in a real Chromium with texts from outside that are made to run or to deceive.

The store holds them as if no check had refused them: those of the provider, of users, of files.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone
from django_q.models import Task
from playwright.sync_api import Page

from portfolio.models import Portfolio
from prices import services
from prices.domain.actions import Actions, Dividend, Split
from prices.domain.manual_bars import ManualBar
from prices.domain.quotes import Quote
from prices.jobs import cluster_health, schedules
from prices.models import (
    Attempt,
    CalendarOverride,
    Quarantine,
    SymbolAlias,
    SyncRun,
    Tag,
    TrackedSymbol,
)
from tests.browser.admin.test_quarantine_pages import _stored
from tests.support.builders import NOW, published, tracked
from tests.support.chromium import in_one_view

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]

BAD = "\"'></script></title><img src=x onerror=window.pwned=1>{{7*7}}\r\n\x1b[2J\u202e"
_SHORT = "<b id=x>"
# Whether an element or a value was made of one of the texts.
_FOUND = "() => [window.pwned, document.querySelector('img[src=x], b#x')].some(Boolean)"


def _hostile_rows(user: User) -> Portfolio:
    """Writes the texts wherever a page shows one. Returns a portfolio with bookings."""
    now = timezone.now()
    schedules.install(now=now)
    symbol, days = _stored()
    names = {"name": BAD, "last_error": BAD, "missing_reason": BAD, "quote_error": BAD}
    codes = {"market": _SHORT, "mic": "XNYS", "currency": _SHORT, "instrument_type": _SHORT}
    for field, value in {**names, **codes, "failures": 3, "suspended_reason": BAD}.items():
        setattr(symbol, field, value)
    symbol.save()
    symbol.tags.add(Tag.objects.create(name=_SHORT))
    SymbolAlias.objects.create(symbol="OLD", target=symbol)
    day = date.fromisoformat(str(days[-1]))
    bar = ManualBar(day, BAD, now, BAD)
    splits = (Split(date.fromisoformat(str(days[60])), 2, 1),)
    dividends = (
        Dividend(date.fromisoformat(str(days[90])), 5.0, converted_from=_SHORT, suspicious=BAD),
    )
    tracked("EVIL", name=BAD, currency=_SHORT, last_error=BAD, failures=1)
    published(
        "EVIL", actions=Actions(splits, dividends), currency=_SHORT, source=BAD, by_hand=(bar,)
    )
    summary: dict[str, Any] = {"name": BAD, "exchange": BAD, "currency": _SHORT, "splits": [BAD]}
    Quarantine.objects.create(symbol="ACME", kind="split", reason=BAD, summary=summary)
    run = SyncRun.objects.create(
        kind="sync",
        state="failed",
        trigger=f"API ({BAD})",
        message=BAD,
        errors={"ACME": BAD},
        traceback=BAD,
        cancelled_by=BAD,
        symbols=["ACME"],
        started_at=now,
        finished_at=now,
    )
    CalendarOverride.objects.create(mic="XNYS", date=day, kind="holiday", note=BAD, declared_by=BAD)
    for name, success in (("a", True), ("b", False)):
        Task.objects.create(
            id=name * 32,
            name=BAD[:100],
            func=BAD,
            result=BAD,
            group=BAD[:100],
            success=success,
            started=now - timedelta(minutes=1),
            stopped=now,
        )
    Attempt.objects.create(symbol=symbol, run=run, at=now, result="failed", error=BAD)
    cluster_health.record_canary(now=now)
    services.quotes().put(
        [
            Quote(
                symbol="ACME",
                price=1.0,
                market_time=NOW,
                fetched_at=NOW,
                market_state=BAD,
                currency=_SHORT,
                timezone="UTC",
                name=BAD,
                exchange=BAD,
            )
        ]
    )
    User.objects.create_user(BAD[:150], first_name=BAD)
    portfolio = Portfolio.objects.create(
        owner=user, name=BAD[:100], base_currency="USD", benchmark="ACME"
    )
    for symbol_name in ("ACME", "EVIL"):
        portfolio.transactions.create(
            kind="buy",
            date=day,
            symbol=symbol_name,
            quantity=Decimal(1),
            price=Decimal(1),
            currency="USD",
            note=BAD,
        )
    return portfolio


def _addresses(portfolio: Portfolio) -> list[str]:
    """Returns every page that shows rows: lists, rows, and the pages of portfolios."""
    found = ["/admin/", reverse("desk:scheduler"), reverse("desk:corrections")]
    for model in admin.site._registry:
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        rows = model._default_manager.order_by("-pk")[: 1 + (model is TrackedSymbol)]
        found.append(reverse(f"{name}_changelist"))
        found += [reverse(f"{name}_change", args=[row.pk]) for row in rows]
        if model in (Portfolio, Tag, User):
            found += [reverse(f"{name}_delete", args=[row.pk]) for row in rows]
    row = portfolio.transactions.all()[0]
    found += [
        reverse(f"portfolios:{name}", args=[portfolio.pk])
        for name in ("portfolio", "edit", "delete", "import", "add")
    ]
    found += [
        reverse(f"portfolios:{name}", args=[portfolio.pk, row.pk]) for name in ("change", "remove")
    ]
    found += [reverse("portfolios:list"), reverse("portfolios:symbol", args=["ACME"])]
    return [*found, reverse("portfolios:symbol", args=["EVIL"])]


@in_one_view
def test_no_page_makes_elements_of_texts(page: Page) -> None:
    portfolio = _hostile_rows(User.objects.get(username="admin"))
    addresses = _addresses(portfolio)
    assert len(addresses) > 35
    shown = 0
    for address in addresses:
        answer = page.goto(address)
        assert answer
        assert answer.status == 200, address
        assert not page.evaluate(_FOUND), address
        shown += "onerror=window.pwned" in page.content()
    assert shown > 30
