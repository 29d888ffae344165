"""Template tags: numbers and money as text, sparklines and the allocation ring as SVG.

static/portfolio/format.js formats numbers the same way.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, TypeAlias

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

# Text is a decimal number in exact form.
Number: TypeAlias = Decimal | float | int | str | None

MINUS, NONE, SPACE = "\u2212", "\u2013", "\u00a0"
# As browsers format them in English; other currencies are written as a code before the number.
_SIGNS = {
    **{"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "CAD": "CA$", "AUD": "A$", "NZD": "NZ$"},
    **{"HKD": "HK$", "MXN": "MX$", "BRL": "R$", "CNY": "CN¥", "INR": "₹", "KRW": "₩", "ILS": "₪"},
    **{"TWD": "NT$", "VND": "₫", "PHP": "₱"},
}
# Precise enough for every float64.
_ROUNDING = Context(prec=400, rounding=ROUND_HALF_UP)
_WHOLE = {"JPY", "KRW", "VND", "CLP", "ISK", "UGX", "XAF", "XOF", "PYG"}
WIDTH, HEIGHT, MARGIN = 96, 28, 3
# The number of parts with an own colour. The next colour is for all the others.
MAX_PARTS = 8


@register.filter
def money(value: Number, currency: str = "") -> str:
    """Formats an amount with its currency: $1,234.50, €3.00, 512.30 GBp."""
    return _format_money(value, currency, 0 if currency in _WHOLE else 2)


@register.filter
def price(value: Number, currency: str = "") -> str:
    """Formats a price: like money, but with four decimals below 1."""
    exact = _exact(value)
    is_small = exact is not None and abs(exact) < 1 and _is_major(currency)
    return _format_money(value, currency, 4) if is_small else money(value, currency)


@register.filter
def signed_money(value: Number, currency: str = "") -> str:
    return _add_plus(money(value, currency), value)


@register.filter
def signed_price(value: Number, currency: str = "") -> str:
    return _add_plus(price(value, currency), value)


@register.filter
def percent(value: Number, digits: int = 2) -> str:
    """Formats a ratio as a percentage: 0.05 is 5.00 %."""
    exact = _exact(value)
    return NONE if exact is None else f"{_round(100 * exact, digits)}{SPACE}%"


@register.filter
def signed_percent(value: Number) -> str:
    return _add_plus(percent(value), value)


@register.filter
def plain(value: Number) -> str:
    """Formats a quantity without trailing zeros: 1,200, 0.125."""
    exact = _exact(value)
    if exact is None:
        return NONE
    text = f"{exact:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", MINUS)


@register.filter
def gross(row: Mapping[str, Any]) -> Number:
    """Returns the money that a transaction moved before fees."""
    quantity, share_price = _exact(row["quantity"]), _exact(row["price"])
    if quantity is None or share_price is None:
        return row["amount"]  # type: ignore[no-any-return]
    return quantity * share_price


@register.filter
def tone(value: Number) -> str:
    """Returns the class that colours a number by its sign."""
    exact = _exact(value) or 0
    return "up" if exact > 0 else "down" if exact < 0 else ""


def _format_money(value: Number, currency: str, digits: int) -> str:
    exact = _exact(value)
    if exact is None:
        return NONE
    text = _round(abs(exact), digits)
    is_zero = not any(digit in text for digit in "123456789")
    if currency in _SIGNS:
        text = f"{_SIGNS[currency]}{text}"
    elif _is_major(currency):
        text = f"{currency}{SPACE}{text}"
    elif currency:
        text = f"{text}{SPACE}{currency}"
    return f"{MINUS}{text}" if exact < 0 and not is_zero else text


def _is_major(currency: str) -> bool:
    return len(currency) == 3 and currency.isupper()


def _exact(value: Number) -> Decimal | None:
    """Returns None for an unknown value, which templates pass as None or as empty text."""
    return None if value is None or value == "" else Decimal(str(value))


def _round(value: Decimal, digits: int) -> str:
    exact = value.quantize(Decimal(1).scaleb(-digits), context=_ROUNDING)
    return f"{_ROUNDING.add(exact, 0):,f}".replace("-", MINUS)


def _add_plus(text: str, value: Number) -> str:
    return f"+{text}" if tone(value) == "up" else text


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
    """Draws parts (by weight) as a ring that starts at the top; debts are left out."""
    drawn = [part for part in parts if part["weight"] > 0]
    # With debts, the other parts are more than everything.
    whole = max(1.0, sum(part["weight"] for part in drawn))
    circumference, offset, arcs = 2 * math.pi * 40, 0.0, []
    for part in drawn:
        length = circumference * part["weight"] / whole
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
    """Returns the largest parts and the rest as one, each with its colour class and percentage.

    A negative part is a debt. It is among them, so that the percentages add up.
    """
    ordered = sorted((p for p in parts if p["weight"]), key=lambda p: -p["weight"])
    # A rest of a single part is shown by its own name.
    count = MAX_PARTS if len(ordered) > MAX_PARTS + 1 else MAX_PARTS + 1
    shown = [(p["name"], p["weight"]) for p in ordered[:count]]
    if rest := ordered[count:]:
        shown.append((f"{len(rest)} others", sum(p["weight"] for p in rest)))
    return [
        {"name": name, "weight": weight, "colour": f"c{at}", "percent": percent(weight, 1)}
        for at, (name, weight) in enumerate(shown, start=1)
    ]
