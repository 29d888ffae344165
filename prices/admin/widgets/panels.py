"""What pages are made of: tiles, tables and buttons as data, and their templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure. `tone`: good, fair, poor or empty; `link`: the list that explains it."""

    title: str
    figure: object
    note: object = ""
    tone: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headers, named by a caption. `empty` says what it means that there are none."""

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    empty: str = ""


def button(
    url: str,
    label: str,
    *,
    about: str = "",
    tone: str = "",
    name: str = "want",
    value: str = "",
    icon: str = "",
) -> SafeString:
    """Posts to `url` by the page's one form, `value` as what is wanted.

    `about` follows the label for those who hear it without its row.
    """
    context = {
        **{"url": url, "label": label, "about": about},
        **{"tone": tone, "name": name, "value": value, "icon": icon},
    }
    return render_to_string("admin/components/button.html", context)


def progress(done: int, total: int, label: str) -> SafeString:
    """A bar with its numbers beside it; without a total it is only known that work goes on."""
    context = {"done": min(done, total), "total": total, "label": label}
    return render_to_string("admin/components/progress.html", context)


def two_lines(first: object, second: object) -> SafeString:
    """A cell with something of less weight below."""
    return format_html(
        '<span class="pc-two"><span>{}</span><span class="pc-subtle">{}</span></span>',
        first,
        second,
    )


def is_fragment(request: HttpRequest) -> bool:
    """Asked for by a page that renews itself."""
    return "live" in request.GET
