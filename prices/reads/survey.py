"""All tracked symbols as columns, for status, dashboard and lists.

Takes one query to SQLite and one look at the catalog, whatever the number of symbols. The rules
are those of a single symbol: `prices.domain` has each of them for one symbol and for columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np
from django.db.models import CharField, IntegerField
from django.db.models.functions import Cast
from numpy.typing import NDArray

from prices.domain.bars import Floats, Ints, Times
from prices.domain.coverage import UNKNOWN, measure_coverage_columns, share, shares
from prices.domain.freshness import Outline, lagging_flags, sessions_behind_column, stale_flags
from prices.domain.sessions import sessions_of
from prices.models import TrackedSymbol
from prices.store.manifests import Catalog
from prices.store.quotes import QuoteStore

Flags = NDArray[np.bool_]
Texts = NDArray[np.object_]

_TEXTS = ("symbol", "name", "market", "mic", "currency", "last_error", "suspended_reason")
_FLAGS = ("active",)
_NUMBERS = ("reads",)
_TIMES = ("last_update", "added_at")
# Raw values as SQLite stores them: Django's conversion, value by value, would take most of the time.
_RAW = {
    **{f"{name}_raw": Cast(name, CharField()) for name in _TIMES},
    **{f"{name}_raw": Cast(name, IntegerField()) for name in _FLAGS},
}


@dataclass(frozen=True, eq=False)
class Survey:
    """All tracked symbols in the order of their names, one entry a symbol in each column.

    `first` and `last` are NaT and `close` is NaN for a symbol without history. `expected` and
    `behind` (closed sessions after the last bar) are `UNKNOWN` if the sessions are not known.
    `last_update` and `added_at` are in UTC.
    """

    now: datetime
    symbol: Texts
    name: Texts
    market: Texts
    mic: Texts
    currency: Texts
    last_error: Texts
    suspended_reason: Texts
    active: Flags
    reads: Ints
    last_update: Times
    added_at: Times
    bars: Ints
    gaps: Ints
    first: Times
    last: Times
    close: Floats
    expected: Ints = field(init=False)
    present: Ints = field(init=False)
    behind: Ints = field(init=False)

    def __post_init__(self) -> None:
        for name, value in (("expected", UNKNOWN), ("present", 0), ("behind", UNKNOWN)):
            object.__setattr__(self, name, np.full(len(self), value))
        for mic in set(self.mic[self.has_history].tolist()):
            of, calendar = (self.mic == mic) & self.has_history, sessions_of(mic)
            first, gaps, last = self.first[of], self.gaps[of], self.last[of]
            self.expected[of], self.present[of] = measure_coverage_columns(
                first, gaps, last, calendar, self.now
            )
            self.behind[of] = sessions_behind_column(last, calendar, self.now)

    def __len__(self) -> int:
        return len(self.symbol)

    @cached_property
    def has_history(self) -> Flags:
        return ~np.isnat(self.first)

    @cached_property
    def lagging(self) -> Flags:
        return lagging_flags(self.last_update, self.added_at, self.now)

    @cached_property
    def failing(self) -> Flags:
        """Whether the last fetch failed."""
        return np.asarray(self.last_error != "", bool)

    @cached_property
    def stale(self) -> Flags:
        return stale_flags(self.active, self.last, self.behind, self.lagging)

    @cached_property
    def percent(self) -> Floats:
        """Coverage, 0 to 100; NaN where it is not known."""
        return shares(self.present, self.expected)

    def totals(self) -> Totals:
        """Returns the totals of all active symbols."""
        return self._total(self.active)

    def by_market(self) -> dict[str, Totals]:
        """Returns the totals of each market by its name; "" has the symbols without a market."""
        names = sorted(set(self.market[self.active].tolist()))
        return {name: self._total(self.active & (self.market == name)) for name in names}

    def _total(self, those: Flags) -> Totals:
        held = those & self.has_history
        known = held & (self.expected != UNKNOWN)
        return Totals(
            symbols=int(those.sum()),
            with_history=int(held.sum()),
            lagging=int((those & self.lagging).sum()),
            failing=int((those & self.failing).sum()),
            expected=int(self.expected[known].sum()),
            present=int(self.present[known].sum()),
            oldest=self.first[held].min().item() if held.any() else None,
            newest=self.last[held].max().item() if held.any() else None,
            stale=int((those & self.stale).sum()),
            gaps=int(self.gaps[held].sum()),
        )


@dataclass(frozen=True, slots=True)
class Totals:
    """Figures of many symbols together."""

    symbols: int
    with_history: int
    lagging: int
    failing: int
    expected: int
    present: int
    oldest: date | None
    newest: date | None
    stale: int
    gaps: int

    @property
    def coverage_percent(self) -> float | None:
        return share(self.present, self.expected) if self.expected else None


@dataclass(frozen=True, slots=True)
class LiveTotals:
    """Figures of all quotes together."""

    symbols: int = 0
    markets: dict[str, int] = field(default_factory=dict)
    oldest: datetime | None = None
    newest: datetime | None = None


class Overview:
    """Reads all symbols at once. Raises `StoreUnavailable` if MongoDB does not answer."""

    def __init__(self, *, catalog: Catalog, quotes: QuoteStore) -> None:
        self._catalog = catalog
        self._quotes = quotes
        self._held: tuple[int, dict[str, int], dict[str, NDArray[Any]]] = (-1, {}, {})

    def survey(self, *, now: datetime) -> Survey:
        """Returns every tracked symbol as of `now`."""
        names = (*_TEXTS, *_NUMBERS, *_TIMES, *_FLAGS)
        rows = TrackedSymbol.objects.order_by("symbol").annotate(**_RAW)
        table = rows.values_list(*_TEXTS, *_NUMBERS, *_RAW)
        values = list(zip(*table, strict=True)) or [()] * len(names)
        columns = {name: _column(name, of) for name, of in zip(names, values, strict=True)}
        positions, outlines = self._outline_columns()
        at = np.fromiter(map(positions.get, values[0], repeat(-1)), np.intp, len(values[0]))
        return Survey(now=now, **columns, **{name: of[at] for name, of in outlines.items()})

    def _outline_columns(self) -> tuple[dict[str, int], dict[str, NDArray[Any]]]:
        """Returns each symbol's position in the columns of the catalog, and these columns.

        They end with an entry for symbols without history. Kept until the catalog changes.
        """
        changes, catalog = self._catalog.look()
        if self._held[0] != changes:
            positions = {symbol: at for at, symbol in enumerate(catalog)}
            self._held = (changes, positions, dict(_columns_of(catalog)))
        return self._held[1:]

    def live_totals(self) -> LiveTotals:
        """Returns the figures of the quotes of tracked symbols."""
        markets = dict(TrackedSymbol.objects.order_by().values_list("symbol", "market"))
        quotes = [q for q in self._quotes.all().values() if q.symbol in markets]
        times = [q.fetched_at for q in quotes]
        by_market = Counter(markets[q.symbol] or "other" for q in quotes)
        oldest, newest = min(times, default=None), max(times, default=None)
        return LiveTotals(len(quotes), dict(sorted(by_market.items())), oldest, newest)


def _column(name: str, values: tuple[Any, ...]) -> NDArray[Any]:
    if name in _TIMES:
        return np.array([value or "NaT" for value in values], "datetime64[us]")
    kind = bool if name in _FLAGS else "i8" if name in _NUMBERS else object
    return np.array(values, kind)


def _columns_of(catalog: dict[str, Outline]) -> Iterator[tuple[str, NDArray[Any]]]:
    outlines = catalog.values()
    yield "bars", np.array([*(o.count for o in outlines), 0], "i8")
    yield "gaps", np.array([*(o.gaps for o in outlines), 0], "i8")
    yield "first", np.array([*(o.first for o in outlines), "NaT"], "datetime64[D]")
    yield "last", np.array([*(o.last for o in outlines), "NaT"], "datetime64[D]")
    yield "close", np.array([*(o.close for o in outlines), np.nan])
