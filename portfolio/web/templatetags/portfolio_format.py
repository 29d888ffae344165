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
    """An amount with its currency: $1,234.50, €3.00, 512.30 GBp; a true minus before."""
    return _money(value, currency, 0 if currency in _WHOLE else 2)


@register.filter
def price(value: Number, currency: str = "") -> str:
    """A price: like money, with four digits below one."""
    small = _is_known(value) and abs(_exact(value)) < 1 and _is_major(currency)
    return _money(value, currency, 4) if small else money(value, currency)


@register.filter
def signed_money(value: Number, currency: str = "") -> str:
    return _with_sign(money(value, currency), value)


@register.filter
def signed_price(value: Number, currency: str = "") -> str:
    return _with_sign(price(value, currency), value)


@register.filter
def percent(value: Number, digits: int = 2) -> str:
    """A share as a percentage: 0.05 is 5.00 %."""
    return f"{_rounded(100 * _exact(value), digits)}{SPACE}%" if _is_known(value) else NONE


@register.filter
def signed_percent(value: Number) -> str:
    return _with_sign(percent(value), value)


@register.filter
def plain(value: Number) -> str:
    """A quantity without needless zeros: 1,200, 0.125."""
    if not _is_known(value):
        return NONE
    text = f"{_exact(value):,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", MINUS)


@register.filter
def gross(booked: Mapping[str, Any]) -> Number:
    """The money that a transaction moved before fees."""
    quantity, one = booked["quantity"], booked["price"]
    return booked["amount"] if quantity is None else _exact(quantity) * _exact(one)


@register.filter
def tone(value: Number) -> str:
    """The class that colours a number by its sign; the sign itself is always written."""
    sign = _exact(value) if _is_known(value) else 0
    return "up" if sign > 0 else "down" if sign < 0 else ""


def _money(value: Number, currency: str, digits: int) -> str:
    if not _is_known(value):
        return NONE
    exact = _exact(value)
    text = _rounded(abs(exact), digits)
    if currency in _SIGNS:
        text = f"{_SIGNS[currency]}{text}"
    elif _is_major(currency):
        text = f"{currency}{SPACE}{text}"
    elif currency:
        text = f"{text}{SPACE}{currency}"
    return f"{MINUS}{text}" if exact < 0 and any(digit in text for digit in "123456789") else text


def _is_major(currency: str) -> bool:
    return len(currency) == 3 and currency.isupper()


def _is_known(value: Number) -> bool:
    """An empty text is what a template says of what is not there."""
    return value is not None and value != ""


def _exact(value: Number) -> Decimal:
    return Decimal(str(value))


def _rounded(value: Decimal, digits: int) -> str:
    exact = value.quantize(Decimal(1).scaleb(-digits), context=_ROUNDING)
    return f"{_ROUNDING.add(exact, 0):,f}".replace("-", MINUS)


def _with_sign(text: str, value: Number) -> str:
    return f"+{text}" if tone(value) == "up" else text
