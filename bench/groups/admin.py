"""The admin's pages with ten thousand symbols: what the server takes for each, signed in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

from bench.crowd import crowd, name
from bench.data import TEN_YEARS
from bench.measure import say, timing
from bench.results import Record, alone
from bench.system import Bench

COUNT, ROUNDS = 10_000, 15
# Symbols on a page of the list: of these alone bars are looked at.
SHOWN = 50
# By the name of the measure: what it is, and where; `{}` is the number of a symbol's row.
PAGES = {
    "dashboard": ("the dashboard", "/admin/"),
    "dashboard_live": ("what the dashboard renews", "/admin/live"),
    "scheduler": ("the scheduler page", "/admin/scheduler/"),
    "list": ("the list of symbols", "/admin/prices/trackedsymbol/"),
    "list_sorted": ("the list by coverage, worst first", "/admin/prices/trackedsymbol/?o=3"),
    "list_filtered": ("the list of those behind", "/admin/prices/trackedsymbol/?age=more"),
    "detail": ("the page of one symbol", "/admin/prices/trackedsymbol/{}/change/"),
}


def run(bench: Bench) -> Iterator[Record]:
    from django.contrib.auth.models import User
    from django.test import Client

    from prices.models import TrackedSymbol

    with crowd(bench, COUNT) as now:
        _store_bars(bench, now)
        say(f"  {COUNT:,} symbols are tracked, and {SHOWN} of them have their bars")
        client = Client(headers={"host": "localhost"})
        client.force_login(User.objects.create_superuser("bench"))
        row = TrackedSymbol.objects.order_by("symbol")[0].pk
        for page, (title, path) in PAGES.items():
            times = _times(client, path.format(row))
            told = f"Admin: {title} of {COUNT:,} symbols"
            yield alone(f"admin_{page}", told, "ms", timing(times))
        User.objects.all().delete()


def _store_bars(bench: Bench, now: datetime) -> None:
    """Ten years for each of the first, in place of what only the crowd's manifests tell."""
    from dataclasses import replace

    from prices import services
    from prices.domain.bars import BarSeries, SeriesKey

    for number in range(SHOWN):
        key, columns = SeriesKey(name(number)), bench.book.columns(number, TEN_YEARS)
        manifest = services.bars().manifest(key)
        assert manifest
        facts = replace(manifest.facts, gaps=())
        services.bars().replace(key, manifest, BarSeries(*columns), facts, now=now)


def _times(client: object, url: str) -> list[float]:
    """In ms; the first, which compiles templates, is not counted."""
    from django.test import Client

    assert isinstance(client, Client)
    taken = []
    for _ in range(ROUNDS + 1):
        begin = time.perf_counter()
        answer = client.get(url)
        taken.append((time.perf_counter() - begin) * 1e3)
        if answer.status_code != 200:
            raise AssertionError(f"{url} answered {answer.status_code}")
    return taken[1:]
