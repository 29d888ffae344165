"""Onboarding: symbols that somebody needs are tracked, and their history is on its way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from prices.jobs import runs
from prices.models import SyncRun
from prices.symbols.tracking import track


@dataclass(frozen=True, slots=True)
class Onboarded:
    """What each symbol is called today, by the name given, and which are new."""

    names: dict[str, str] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)


def onboard(symbols: Iterable[str], *, trigger: str, now: datetime) -> Onboarded:
    """Tracks symbols, and queues one backfill of those that were new.

    :raises InvalidSymbol: with a sentence for users.
    """
    done = Onboarded()
    for symbol in dict.fromkeys(symbols):
        row, is_new = track(symbol, now=now)
        done.names[symbol] = row.symbol
        if is_new:
            done.new.append(row.symbol)
    if done.new:
        runs.queue(
            SyncRun.Kind.BACKFILL, trigger=trigger, symbols=done.new, options={"whole": True}
        )
    return done
