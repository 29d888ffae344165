"""Template filters for numbers and money; static/portfolio/format.js formats the same way."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, TypeAlias

from django import template

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
