"""Decisions of people about quarantined answers: take the provider's values, or keep the stored ones."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime
from functools import partial

import numpy as np

from prices.domain.answers import Guard, session_of
from prices.domain.bars import SeriesKey
from prices.domain.wording import name_some, plural
from prices.models import Quarantine
from prices.store.bars import BarRepository
from prices.store.mongo import retry_on_conflict
from prices.symbols.health import open_quarantine


class NothingToDecide(ValueError):
    """No open entry is meant, or it cannot be decided so. The message is for users."""


def choose_entries(
    symbols: Iterable[str], *, ids: Collection[int] = (), sessions: Collection[date] = ()
) -> list[Quarantine]:
    """Returns the open entries of symbols, if given only those with an id or about a session.

    :raises NothingToDecide: there is none for one of the symbols, ids or sessions.
    """
    wanted = sorted(set(symbols))
    entries = [e for e in open_quarantine().filter(symbol__in=wanted) if not ids or e.pk in ids]
    entries = [e for e in entries if not sessions or keys_of(e, sessions)]
    if free := sorted(set(wanted) - {entry.symbol for entry in entries}):
        raise NothingToDecide(f"Nothing of {', '.join(free)} is in quarantine.")
    if unknown := sorted(set(ids) - {entry.pk for entry in entries}):
        raise NothingToDecide(f"No open entry {unknown[0]} of {name_some(wanted)}.")
    return entries


def keys_of(entry: Quarantine, sessions: Collection[date] = ()) -> list[str]:
    """Returns the keys of an entry's differences, if given only those of some sessions."""
    keys: list[str] = entry.summary.get("keys", [])
    return [k for k in keys if not sessions or (is_partial(entry) and session_of(k) in sessions)]


def is_partial(entry: Quarantine) -> bool:
    """Returns whether an entry is about single sessions of an answer whose rest is stored."""
    return bool(entry.summary.get("differences"))


def accepted_keys(
    entries: Iterable[Quarantine], sessions: Collection[date] = ()
) -> dict[str, list[str]]:
    """Returns what is accepted of each symbol of which only parts of an answer are taken.

    :raises NothingToDecide: an entry is about an impossible event, which nobody can take.
    """
    accepted: dict[str, list[str]] = {}
    whole = set()
    for entry in entries:
        if entry.kind == Guard.EVENT:
            raise NothingToDecide(
                f"{entry.symbol}: {entry.reason}. It cannot be taken; keep what is stored instead."
            )
        accepted.setdefault(entry.symbol, []).extend(keys_of(entry, sessions))
        if not is_partial(entry):
            whole.add(entry.symbol)
    return {symbol: keys for symbol, keys in accepted.items() if symbol not in whole}


def keep_stored(
    entries: Iterable[Quarantine],
    sessions: Collection[date] = (),
    *,
    bars: BarRepository,
    by: str,
    now: datetime,
) -> None:
    """Keeps the stored values, and remembers it: the same difference is not shown again.

    :raises StoreError: MongoDB is away.
    """
    for entry in entries:
        keys = frozenset(keys_of(entry, sessions))
        retry_on_conflict(partial(_remember, bars, entry.symbol, keys), entry.symbol)
        if keys >= set(keys_of(entry)):
            entry.resolved_at, entry.resolution = now, Quarantine.Resolution.KEPT
        else:
            left = [
                d for d in entry.summary["differences"] if date.fromisoformat(d[0]) not in sessions
            ]
            entry.summary = {
                **entry.summary,
                "differences": left,
                "keys": sorted(set(keys_of(entry)) - keys),
            }
        entry.decided_by = by
        entry.save(update_fields=["resolved_at", "resolution", "summary", "decided_by"])


def _remember(bars: BarRepository, symbol: str, keys: frozenset[str]) -> None:
    manifest = bars.manifest(SeriesKey(symbol))
    if manifest is not None and manifest.generation is not None:
        facts = manifest.facts
        bars.update_facts(manifest, replace(facts, kept=facts.kept | keys))


def describe_release(
    entries: Iterable[Quarantine], bars: BarRepository, sessions: Collection[date] = ()
) -> list[str]:
    """Returns what follows for each symbol if the provider's values are taken, by symbol."""
    by_symbol: dict[str, list[Quarantine]] = {}
    for entry in entries:
        by_symbol.setdefault(entry.symbol, []).append(entry)
    return [
        f"{symbol}: {_describe_release(found, bars, sessions)}"
        for symbol, found in sorted(by_symbol.items())
    ]


def _describe_release(
    entries: list[Quarantine], bars: BarRepository, sessions: Collection[date]
) -> str:
    if all(map(is_partial, entries)):
        count = sum(len(keys_of(entry, sessions)) for entry in entries)
        return f"the provider's {'value is' if count == 1 else f'{count} values are'} taken"
    entry = next(entry for entry in entries if not is_partial(entry))
    count, first, last = (entry.summary.get(name) for name in ("bars", "first", "last"))
    if not count:
        return "the last answer had no bars; if the provider still has none, nothing changes"
    answer = f"{plural(count, 'bar')} from {first} to {last}"
    series = bars.read(SeriesKey(entry.symbol))
    if series is None or not len(series.bars):
        return f"the provider's history is stored (at the last answer {answer})"
    stored = series.bars.sessions
    if np.datetime64(first) > stored[-1]:
        return f"the provider's history ({answer}) continues the stored one; nothing stored is lost"
    # An answer for a part of the history does not tell how long the whole one is.
    is_whole = np.datetime64(entry.summary["asked_from"]) <= stored[0]
    outside = int(((stored < np.datetime64(first)) | (stored > np.datetime64(last))).sum())
    lost = max(len(stored) - count, outside) if is_whole else 0
    replaced = plural(len(stored), "stored bar")
    if lost > 0:
        lost_bars = plural(lost, "bar")
        return f"the provider's history ({answer}) REPLACES {replaced}; {lost_bars} would be LOST"
    return f"the provider's whole history replaces {replaced}"
