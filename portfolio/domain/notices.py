"""Notices: what a reader of a portfolio must know of its figures, in plain words.

What is about a symbol begins with it, and what follows can be said of several.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Notice:
    """`code` for programs, `text` for people; `since`: from when it matters."""

    code: str
    text: str
    symbol: str = ""
    since: date | None = None


def sentences(warnings: Iterable[Mapping[str, Any]]) -> list[str]:
    """What warnings tell people: what is said of several symbols names them all, once."""
    symbols: dict[str, list[str]] = {}
    for one in warnings:
        said = one["text"].removeprefix(f"{one['symbol']}: ")
        named = symbols.setdefault(said, [])
        if said != one["text"]:
            named.append(one["symbol"])
    return [f"{', '.join(named)}: {said}" if named else said for said, named in symbols.items()]


def loading(symbol: str, since: date, trouble: str) -> Notice:
    met = f" (the last try: {trouble})" if trouble else ""
    return Notice(
        "loading",
        f"{symbol}: the history is being fetched{met}; value and return are without it until then.",
        symbol,
        since,
    )


def unpriced(symbol: str, why: str, since: date) -> Notice:
    return Notice(
        "unpriced",
        f"{symbol}: there are no prices ({why}); value and return are without it.",
        symbol,
        since,
    )


def no_rate(symbol: str, currencies: Iterable[str], base: str, since: date) -> Notice:
    return Notice(
        "no_rate",
        f"{symbol or 'Cash'}: there is no exchange rate from {' and '.join(currencies)} to {base} "
        "yet; value and return are without it.",
        symbol,
        since,
    )


def early_rate(pair: str, currency: str, base: str, first: date, since: date) -> Notice:
    return Notice(
        "early_rate",
        f"{currency} in {base}: rates are known from {first} on; before, the first one is used, "
        f"back to {since}.",
        pair,
        since,
    )


def late_history(symbol: str, first: date, since: date) -> Notice:
    return Notice(
        "late_history",
        f"{symbol}: the closes begin on {first}; from {since} until then it is valued at what was "
        "last paid or got for a share.",
        symbol,
        since,
    )


def gap(symbol: str, count: int, first: date, last: date) -> Notice:
    when = f"on {first}" if count == 1 else f"between {first} and {last}"
    sessions = "1 session" if count == 1 else f"{count} sessions"
    return Notice(
        "gap",
        f"{symbol}: {sessions} {when} without a close; the one before stands in.",
        symbol,
        first,
    )


def stale(symbol: str, last: date, why: str) -> Notice:
    return Notice(
        "stale",
        f"{symbol}: the last close is of {last} ({why}); it is carried on from there.",
        symbol,
        last,
    )


def oversold(symbol: str, sold: str, held: str, when: date) -> Notice:
    return Notice(
        "oversold",
        f"{symbol}: {sold} were sold on {when}, but only {held} were held; what is too much is "
        "not counted. Correct the sale, or add the missing purchase.",
        symbol,
        when,
    )


def debt(currency: str, lowest: str, since: date) -> Notice:
    return Notice(
        "debt",
        f"The cash is below zero from {since} on, at worst {lowest} {currency}: a deposit is "
        "probably missing.",
        "",
        since,
    )


def withdrawal_ignored(since: date) -> Notice:
    return Notice(
        "withdrawal",
        "Withdrawals are not counted, for no deposit is recorded: without deposits, what is got "
        "for sales counts as taken out already.",
        "",
        since,
    )


def no_base(since: date) -> Notice:
    return Notice(
        "no_base",
        f"On {since} money came in while nothing was held; it counts in the profit, but not in "
        "the time-weighted return.",
        "",
        since,
    )
