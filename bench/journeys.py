"""python -m bench.journeys [-v]: counts the project's files whose functions a journey executes."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

from bench import ROOT
from bench.system import running_system
from tests.standin import StandIn, default_book

_PROJECT = tuple(f"{ROOT}/{name}/" for name in ("prices", "portfolio", "pricecache_site"))
# AAPL of the stand-in for Yahoo, without the bars of the last sessions.
SYMBOL, LACKING = "AAPL", 5


def files_used(work: Callable[[], Any], folders: tuple[str, ...] = _PROJECT) -> set[str]:
    """This function returns the files of the functions that a call enters, in this and new threads.

    What runs while a module is imported does not count.
    """
    used: set[str] = set()

    def note(frame: FrameType | None, event: str, _: object) -> None:
        name = frame.f_code.co_filename if frame else ""
        if event != "call" or name in used or not name.startswith(folders):
            return
        while frame:
            if frame.f_code.co_name == "<module>" and frame.f_code.co_filename.startswith(folders):
                return
            frame = frame.f_back
        used.add(name)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return used


def journeys(standin: StandIn) -> Iterator[tuple[str, Callable[[], Any]]]:
    """This function yields the name of each journey and what to call; it prepares the next between."""
    from django.contrib.auth.models import User
    from django.test import Client

    from portfolio.models import Portfolio, Transaction
    from prices import services
    from prices.domain.bars import BarSeries, SeriesKey
    from prices.domain.series import Facts
    from prices.jobs import tasks
    from prices.store.schema import ensure_schema
    from prices.symbols.tracking import track

    before = datetime.now(UTC) - timedelta(days=10)
    row, _ = track(SYMBOL, "US", now=before)
    bars: list[Any] = [tuple(bar.values()) for bar in standin.expected_bars(SYMBOL)]
    ensure_schema(services.database())
    series, facts = BarSeries.from_rows(bars[:-LACKING]), Facts(source="yahoo", currency="USD")
    services.bars().replace(SeriesKey(SYMBOL), None, series, facts, now=before)
    user = User.objects.create_superuser("journeys")
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)

    def answered(status: int, path: str, **form: object) -> None:
        answer = client.post(path, form) if form else client.get(path)
        assert answer.status_code == status, (path, answer.status_code)

    history = f"/cache/historical/{SYMBOL}?days=365"
    answered(200, history)
    yield "historical, warm", lambda: answered(200, history)
    yield "scheduled sync", tasks.historical_sync
    stored = services.bars().read(SeriesKey(SYMBOL))
    assert stored
    assert len(stored.bars) == len(bars), "The sync has not stored the lacking bars."
    chosen = {"_selected_action": row.pk, "chosen": json.dumps([row.pk]), "confirmed": "yes"}
    page = "/admin/prices/trackedsymbol/"
    yield "confirmed backfill", lambda: answered(302, page, action="backfill", **chosen)
    owned = Portfolio.objects.create(owner=user, name="One holding", base_currency="USD")
    day, price = bars[-100][0], round(bars[-100][1], 2)
    what = {"symbol": SYMBOL, "quantity": 1, "price": price, "currency": "USD"}
    Transaction.objects.create(portfolio=owned, kind="buy", date=day, **what)
    yield "portfolio page", lambda: answered(200, f"/portfolios/{owned.pk}/")


def main() -> None:
    with StandIn(default_book(1)) as standin:
        # The time to live of what was read must not end between two requests of a slow machine.
        os.environ |= {**standin.env(), "PRICECACHE_VERSION_TTL": "600"}
        with running_system():
            print(f"{'journey':<20} files")
            for name, work in journeys(standin):
                used = sorted(files_used(work))
                print(f"{name:<20} {len(used):>5}")
                if "-v" in sys.argv:
                    print(*(f"    {path.removeprefix(f'{ROOT}/')}" for path in used), sep="\n")


if __name__ == "__main__":
    main()
