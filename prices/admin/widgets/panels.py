"""Tiles, tables and buttons as data, and the templates that render them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure. `tone` is good, fair, poor or empty; `link` is the list that explains it."""

    title: str
    figure: object
    note: object = ""
    tone: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below headers. `empty` is the sentence that is shown if there are no rows."""

    caption: str
    headers: Sequence[str]
    rows: Sequence[Sequence[object]]
    empty: str = ""


def make_table(
    caption: str,
    items: Iterable[Row],
    columns: Mapping[str, Callable[[Row], object]],
    *,
    empty: str = "",
    buttons: Callable[[Row], object] | None = None,
) -> Table:
    """Returns a table with a row for each item.

    `columns` maps each header to the function that returns an item's cell. `buttons` fills a
    last column with what the user may do; pass None for users who may only view.
    """
    if buttons:
        columns = {**columns, "What to do": buttons}
    rows = [[cell(item) for cell in columns.values()] for item in items]
    return Table(caption, [*columns], rows, empty)


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
    """Returns a button that posts `name`=`value` to `url` through the page's one form.

    `about` follows the label for screen readers, which may read the button without its row.
    """
    context = {"url": url, "label": label, "about": about, "tone": tone, "name": name}
    return render_to_string(
        "admin/components/button.html", {**context, "value": value, "icon": icon}
    )


def two_lines(first: object, second: object) -> SafeString:
    """Returns a cell with a less important second line."""
    return format_html(
        '<span class="pc-two"><span>{}</span><span class="pc-subtle">{}</span></span>',
        first,
        second,
    )
