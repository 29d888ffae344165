"""The admin's pages with ten thousand symbols: the server's time for each, signed in."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth.models import User
from django.test import Client

from bench.measure import repeated
from bench.results import Result, result
from bench.system import Bench, BenchError
from bench.tracked import many_tracked
from prices.models import TrackedSymbol

COUNT, ROUNDS = 10_000, 15
_LIST = "/admin/prices/trackedsymbol/"
# `{}` is the primary key of a symbol's row.
PAGES = {
    "dashboard": ("dashboard", "/admin/"),
    "dashboard_live": ("update of the dashboard", "/admin/live"),
    "scheduler": ("scheduler page", "/admin/scheduler/"),
    "list": ("symbol list", _LIST),
    "list_sorted": ("symbol list, sorted by coverage", f"{_LIST}?o=3"),
    "list_filtered": ("symbol list, lagging symbols only", f"{_LIST}?age=more"),
    "detail": ("page of one symbol", f"{_LIST}{{}}/change/"),
}


def run(bench: Bench) -> Iterator[Result]:
    with many_tracked(bench.book, COUNT):
        client = Client(SERVER_NAME="localhost")
        client.force_login(User.objects.create_superuser("admin-bench"))
        row = TrackedSymbol.objects.order_by("symbol")[0].pk
        for page, (title, path) in PAGES.items():
            taken = repeated(_get, ROUNDS, client, path.format(row))
            yield result(f"admin_{page}", f"Admin, {COUNT:,} symbols: {title}", "ms", taken)


def _get(client: Client, url: str) -> None:
    status = client.get(url).status_code
    if status != 200:
        raise BenchError(f"{url} answered with status {status}.")
