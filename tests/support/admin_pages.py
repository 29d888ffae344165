"""Steps that tests take on the admin's pages about symbols, and the symbols that they use."""

from datetime import date, timedelta
from typing import Any

from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from prices.domain.coverage import Gap
from prices.models import TrackedSymbol
from tests.support.builders import NOW, WEEK, published, tracked

DASHBOARD, LIVE = reverse("admin:index"), reverse("desk:dashboard_live")
SYMBOLS = reverse("admin:prices_trackedsymbol_changelist")
THURSDAY = date(2026, 6, 4)
GAP = Gap(THURSDAY, 5, None, "the provider has none")
HOLED = (*WEEK[:2], *WEEK[3:])
FORM = {"open": "11.5", "high": "11.75", "low": "11", "close": "11.25", "volume": "3000"}


def tiles(client: Client) -> dict[str, Any]:
    """Returns the tiles of the dashboard by title."""
    panels = client.get(DASHBOARD).context["panels"]
    return {tile.title: tile for tiles in panels.values() for tile in tiles}


def open_page(client: Client, url: str) -> str:
    """Returns the page, with single spaces."""
    answer = client.get(url)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def open_list(client: Client, query: str = "") -> str:
    return open_page(client, f"{SYMBOLS}{query}")


def listed(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"{SYMBOLS}{query}")
    assert answer.status_code == 200
    return [row.symbol for row in answer.context["cl"].result_list]


def track_several() -> None:
    """Tracks five symbols.

    WHOLE and HOLED are current, OLD is two sessions behind and failing, GONE is suspended, and
    NEW has no history.
    """
    tracked("WHOLE", reads=50, market="US")
    published("WHOLE")
    tracked("HOLED", reads=200, last_update=NOW - timedelta(hours=1), market="LSE")
    published("HOLED", rows=HOLED, gaps=(GAP,))
    tracked("OLD", reads=1, last_update=NOW - timedelta(hours=4), last_error="Yahoo says no")
    published("OLD", rows=WEEK[:3])
    tracked("GONE", active=False, last_update=NOW - timedelta(days=3))
    published("GONE", rows=WEEK[1:4])
    tracked("NEW", last_update=None, added_at=NOW - timedelta(hours=4))


def act(client: Client, action: str, *rows: TrackedSymbol, query: str = "", **more: object) -> str:
    """Selects rows and an action, confirms it, and returns the resulting page."""
    confirmation = ask(client, action, *rows, query=query, **more)
    hidden = {
        "_selected_action": confirmation["first"],
        "chosen": confirmation["chosen"],
        "confirmed": "yes",
    }
    answer = client.post(f"{SYMBOLS}{query}", {"action": action, **hidden, **more}, follow=True)
    return " ".join(answer.content.decode().split())


def ask(
    client: Client, action: str, *rows: TrackedSymbol, query: str = "", **more: object
) -> dict[str, object]:
    """Returns the context of the confirmation page."""
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    answer = client.post(f"{SYMBOLS}{query}", data)
    assert answer.status_code == 200
    return {name: answer.context[name] for name in ("title", "named", "first", "chosen")}


def logged(row: TrackedSymbol) -> list[str]:
    """Returns the log messages about a symbol, oldest first."""
    entries = LogEntry.objects.filter(content_type__model="trackedsymbol", object_id=row.pk)
    return [entry.get_change_message() for entry in entries.order_by("pk")]


def symbol_url(row: TrackedSymbol, name: str = "change", *more: str) -> str:
    return reverse(f"admin:prices_trackedsymbol_{name}", args=[row.pk, *more])


def open_symbol(client: Client, row: TrackedSymbol, query: str = "") -> str:
    return open_page(client, symbol_url(row) + query)


def press(client: Client, row: TrackedSymbol, do: str) -> str:
    answer = client.post(symbol_url(row, "act"), {"do": do}, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def fill(client: Client, row: TrackedSymbol, **changes: str) -> str:
    data = {**FORM, "note": "the exchange's bulletin", **changes}
    answer = client.post(symbol_url(row, "fill", "2026-06-04"), data, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def bar_rows(client: Client, row: TrackedSymbol, query: str = "") -> list[list[str]]:
    """Returns the table of bars as the texts of its cells."""
    table = client.get(symbol_url(row) + query).context["bars"]["table"]
    return [[str(cell) for cell in line] for line in table.rows]
