"""Small SVG drawings made on the server: sparklines and the allocation ring."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from portfolio.web.templatetags.portfolio_format import percent, signed_percent, tone

register = template.Library()

WIDTH, HEIGHT, MARGIN = 96, 28, 3
# The number of parts with an own colour. The next colour is for all the others.
MAX_PARTS = 8


@register.simple_tag
def sparkline(values: Sequence[float], label: str = "") -> SafeString:
    """Draws a line through the values, coloured by the change from the first to the last."""
    if len(values) < 2 or not values[0]:
        return mark_safe('<span class="quiet">\u2013</span>')  # a constant
    change = values[-1] / values[0] - 1
    return format_html(
        '<svg class="spark {}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<polyline points="{}"/></svg>',
        tone(change),
        WIDTH,
        HEIGHT,
        f"{label} {signed_percent(change)}".strip(),
        _points(values),
    )


def _points(values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    scale = (HEIGHT - 2 * MARGIN) / ((high - low) or 1.0)
    step = (WIDTH - 2 * MARGIN) / (len(values) - 1)
    return " ".join(
        f"{MARGIN + at * step:.1f},{HEIGHT - MARGIN - scale * (value - low):.1f}"
        for at, value in enumerate(values)
    )


@register.simple_tag
def ring(parts: Iterable[Mapping[str, Any]]) -> SafeString:
    """Draws parts (by weight) as a ring that starts at the top."""
    circumference, offset, arcs = 2 * math.pi * 40, 0.0, []
    for part in parts:
        length = circumference * part["weight"]
        dashes = f"{max(length - 1, 0.5):.2f} {circumference:.2f}"
        arcs.append((part["colour"], dashes, f"{-offset:.2f}"))
        offset += length
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
def largest_parts(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the largest parts and the rest as one, each with its colour class and percentage."""
    ordered = sorted((p for p in parts if p["weight"] > 0), key=lambda p: -p["weight"])
    # A rest of a single part is shown by its own name.
    count = MAX_PARTS if len(ordered) > MAX_PARTS + 1 else MAX_PARTS + 1
    shown = [(p["name"], p["weight"]) for p in ordered[:count]]
    if rest := ordered[count:]:
        shown.append((f"{len(rest)} others", sum(p["weight"] for p in rest)))
    return [
        {"name": name, "weight": weight, "colour": f"c{at}", "percent": percent(weight, 1)}
        for at, (name, weight) in enumerate(shown, start=1)
    ]
