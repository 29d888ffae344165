"""Notices: what a reader must know about a portfolio's figures.

The text of a notice about a symbol starts with the symbol, so that `merge_texts` can name several
symbols in one sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

_TEXTS = {
    "loading": "{symbol}: the history is being fetched{attempt}; value and return exclude it so far.",
    "unpriced": "{symbol}: there are no prices ({reason}); value and return exclude it.",
    "no_rate": "{subject}: there is no exchange rate from {currencies} to {base} yet; value and "
    "return exclude it.",
    "early_rate": "{currency} in {base}: the rates begin on {first}; the first one is used for the "
    "days before, back to {since}.",
    "late_history": "{symbol}: the closes begin on {first}; from {since} until then it is valued "
    "at the price of your last trade.",
    "gap": "{symbol}: {sessions} without a close; the previous close is used.",
    "stale": "{symbol}: the last close is of {since} ({reason}); it is used for the days since.",
    "oversold": "{symbol}: {sold} were sold on {since}, but only {held} were held; the excess is "
    "not counted. Correct the sale, or add the missing purchase.",
    "debt": "Cash is below zero from {since} on; the lowest balance is {lowest:.2f} {currency}. A "
    "deposit is probably missing.",
    "withdrawal": "Withdrawals are not counted because no deposit is recorded. Without deposits, "
    "the proceeds of sales already count as taken out.",
    "no_base": "On {since} money came in while nothing was held. It is part of the profit, but not "
    "of the time-weighted return.",
}


@dataclass(frozen=True, slots=True)
class Notice:
    """`code` is for programs, `text` for people; `since` is the first day affected."""

    code: str
    text: str
    symbol: str = ""
    since: date | None = None


def build_notice(code: str, since: date, symbol: str = "", **details: object) -> Notice:
    """Returns the notice of a code; `details` fill the other placeholders of its text."""
    text = _TEXTS[code].format(symbol=symbol, since=since, **details)
    return Notice(code, text, symbol, since)


def merge_texts(warnings: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns the texts of warnings; a text shared by several symbols names them all, once."""
    symbols: dict[str, list[str]] = {}
    for warning in warnings:
        text = warning["text"].removeprefix(f"{warning['symbol']}: ")
        named = symbols.setdefault(text, [])
        if text != warning["text"]:
            named.append(warning["symbol"])
    return [f"{', '.join(named)}: {text}" if named else text for text, named in symbols.items()]
