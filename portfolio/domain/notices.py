"""Notices: what a reader must know about a portfolio's figures.

The text of a notice about a symbol starts with the symbol, so that `merge_texts` can name several
symbols in one sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Notice:
    """`code` is for programs, `text` for people; `since` is the first day affected."""

    code: str
    text: str
    symbol: str = ""
    since: date | None = None


def merge_texts(warnings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns the texts of warnings; a text shared by several symbols names them all, once."""
    symbols: dict[str, list[str]] = {}
    for warning in warnings:
        text = warning["text"].removeprefix(f"{warning['symbol']}: ")
        named = symbols.setdefault(text, [])
        if text != warning["text"]:
            named.append(warning["symbol"])
    return [f"{', '.join(named)}: {text}" if named else text for text, named in symbols.items()]


def loading(symbol: str, since: date, error: str) -> Notice:
    attempt = f" (last attempt: {error})" if error else ""
    text = f"{symbol}: the history is being fetched{attempt}; value and return exclude it so far."
    return Notice("loading", text, symbol, since)


def unpriced(symbol: str, reason: str, since: date) -> Notice:
    text = f"{symbol}: there are no prices ({reason}); value and return exclude it."
    return Notice("unpriced", text, symbol, since)


def no_rate(symbol: str, currencies: Iterable[str], base: str, since: date) -> Notice:
    text = (
        f"{symbol or 'Cash'}: there is no exchange rate from {' and '.join(currencies)} to {base} "
        "yet; value and return exclude it."
    )
    return Notice("no_rate", text, symbol, since)


def early_rate(pair: str, currency: str, base: str, first: date, since: date) -> Notice:
    text = (
        f"{currency} in {base}: the rates begin on {first}; the first one is used for the days "
        f"before, back to {since}."
    )
    return Notice("early_rate", text, pair, since)


def late_history(symbol: str, first: date, since: date) -> Notice:
    text = (
        f"{symbol}: the closes begin on {first}; from {since} until then it is valued at the "
        "price of your last trade."
    )
    return Notice("late_history", text, symbol, since)


def gap(symbol: str, count: int, first: date, last: date) -> Notice:
    when = f"session on {first}" if count == 1 else f"sessions between {first} and {last}"
    text = f"{symbol}: {count} {when} without a close; the previous close is used."
    return Notice("gap", text, symbol, first)


def stale(symbol: str, last: date, reason: str) -> Notice:
    text = f"{symbol}: the last close is of {last} ({reason}); it is used for the days since."
    return Notice("stale", text, symbol, last)


def oversold(symbol: str, sold: str, held: str, when: date) -> Notice:
    text = (
        f"{symbol}: {sold} were sold on {when}, but only {held} were held; the excess is not "
        "counted. Correct the sale, or add the missing purchase."
    )
    return Notice("oversold", text, symbol, when)


def debt(currency: str, lowest: str, since: date) -> Notice:
    text = (
        f"Cash is below zero from {since} on; the lowest balance is {lowest} {currency}. A deposit "
        "is probably missing."
    )
    return Notice("debt", text, since=since)


def withdrawal_ignored(since: date) -> Notice:
    text = (
        "Withdrawals are not counted because no deposit is recorded. Without deposits, the "
        "proceeds of sales already count as taken out."
    )
    return Notice("withdrawal", text, since=since)


def no_base(since: date) -> Notice:
    text = (
        f"On {since} money came in while nothing was held. It is part of the profit, but not of "
        "the time-weighted return."
    )
    return Notice("no_base", text, since=since)
