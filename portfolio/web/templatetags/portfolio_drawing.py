"""Small drawings as SVG, made on the server: a line of closes, a ring of shares."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from portfolio.web.templatetags.portfolio_format import percent, signed_percent, tone

register = template.Library()

WIDTH, HEIGHT, MARGIN = 96, 28, 3
# As many shares have a colour of their own; the last colour is for all the others.
SHARES = 8
_ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


@register.simple_tag
def sparkline(values: Sequence[float], about: str = "") -> SafeString:
    """A line through the values, coloured by how far the last is from the first."""
    if len(values) < 2 or not values[0]:
        return mark_safe('<span class="quiet">\u2013</span>')  # a constant
    change = values[-1] / values[0] - 1
    return format_html(
        '<svg class="spark {}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polyline points="{}"/></svg>',
        tone(change),
        WIDTH,
        HEIGHT,
        f"{about} {signed_percent(change)}".strip(),
        _points(values),
    )


def _points(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    room = HEIGHT - 2 * MARGIN
    step = (WIDTH - 2 * MARGIN) / (len(values) - 1)
    return " ".join(
        f"{MARGIN + at * step:.1f},{HEIGHT - MARGIN - room * (value - low) / span:.1f}"
        for at, value in enumerate(values)
    )


@register.simple_tag
def ring(parts: Iterable[Mapping[str, Any]]) -> SafeString:
    """A ring of shares (weights), beginning at the top; its text is the legend beside it."""
    around, gone, arcs = 2 * math.pi * 40, 0.0, []
    for part in parts:
        length = around * part["weight"]
        arcs.append((part["colour"], f"{max(length - 1, 0.5):.2f} {around:.2f}", f"{-gone:.2f}"))
        gone += length
    return format_html(
        '<svg class="ring" viewBox="0 0 100 100" aria-hidden="true">{}</svg>',
        format_html_join(
            "",
            '<circle class="{}" cx="50" cy="50" r="40" stroke-dasharray="{}"'
            ' stroke-dashoffset="{}" transform="rotate(-90 50 50)"/>',
            arcs,
        ),
    )


@register.filter
def shares(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The largest parts, the rest as one, each with the class of its colour and its percentage."""
    ordered = sorted((p for p in parts if p["weight"] > 0), key=lambda p: -p["weight"])
    # One more than there are colours needs no "others".
    most = SHARES if len(ordered) > SHARES + 1 else SHARES + 1
    found = [{"name": p["name"], "weight": p["weight"]} for p in ordered[:most]]
    if rest := ordered[most:]:
        name = f"{len(rest)} others"
        found.append({"name": name, "weight": sum(p["weight"] for p in rest), "rest": True})
    return [
        {**part, "colour": f"c{at}", "percent": percent(part["weight"], 1)}
        for at, part in enumerate(found, start=1)
    ]


@register.simple_tag
def json_data(value: Any, element_id: str) -> SafeString:
    """Django's `json_script`, of what orjson can write."""
    text = orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode().translate(_ESCAPES)
    return format_html(
        '<script id="{}" type="application/json">{}</script>',
        element_id,
        mark_safe(text),  # noqa: S308  # escaped above, as Django does
    )
