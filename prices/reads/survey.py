"""Overview: all tracked symbols at a glance, as columns; for status, dashboard and lists.

One query to SQLite and a look at the catalog, whatever the number of symbols: rows are not made
into objects, and what follows from a calendar is counted for all symbols of an exchange at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np
from django.db.models import CharField, IntegerField
from django.db.models.functions import Cast
from numpy.typing import NDArray

from prices.domain.bars import Floats, Ints, Times
from prices.domain.coverage import share
from prices.domain.freshness import LAGGING_AFTER
from prices.domain.series import Outline
from prices.domain.sessions import sessions_of
from prices.models import TrackedSymbol
from prices.store.catalog import Catalog
from prices.store.quotes import QuoteStore

Flags = NDArray[np.bool_]
Texts = NDArray[np.object_]

_TEXTS = ("symbol", "name", "market", "mic", "currency", "last_error", "suspended_reason")
_FLAGS = ("active",)
_NUMBERS = ("failures", "reads")
_TIMES = ("last_update", "last_queried_at")
# As SQLite holds them: Django would convert each value by itself, which takes longer than all.
_RAW = {
    **{f"{name}_raw": Cast(name, CharField()) for name in _TIMES},
    **{f"{name}_raw": Cast(name, IntegerField()) for name in _FLAGS},
}
_UNKNOWN = -1
_DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, eq=False)
class Survey:
    """All tracked symbols by symbol, each column of their number.

    Of a symbol without history `first` and `last` are NaT and `close` is NaN. Where sessions are
    not known `expected` and `behind` are -1. `behind`: closed sessions after the last bar.
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
    failures: Ints
    reads: Ints
    last_update: Times
    last_queried_at: Times
    bars: Ints
    gaps: Ints
    first: Times
    last: Times
    close: Floats
    expected: Ints = field(init=False)
    present: Ints = field(init=False)
    behind: Ints = field(init=False)

    def __post_init__(self) -> None:
        for name, value in (("expected", _UNKNOWN), ("present", 0), ("behind", _UNKNOWN)):
            object.__setattr__(self, name, np.full(len(self), value))
        for mic in set(self.mic[self.has_history].tolist()):
            self._count((self.mic == mic) & self.has_history, mic)

    def __len__(self) -> int:
        return len(self.symbol)

    def _count(self, those: Flags, mic: str) -> None:
        """As `coverage.overall` and `SymbolState.sessions_behind`, for all of one exchange."""
        calendar = sessions_of(mic)
        closed = calendar.last_closed(self.now) if calendar else None
        if calendar is None or closed is None:
            return
        first, last = self.first[those], self.last[those]
        until = np.maximum(last, np.datetime64(closed, "D"))
        ranks = calendar.dates.searchsorted
        present = ranks(last + _DAY) - ranks(first) - self.gaps[those]
        self.present[those] = present
        self.expected[those] = np.maximum(ranks(until + _DAY) - ranks(first), present)
        self.behind[those] = ranks(until + _DAY) - ranks(last + _DAY)

    @cached_property
    def has_history(self) -> Flags:
        return ~np.isnat(self.first)

    @cached_property
    def lagging(self) -> Flags:
        """No answer for three hours, or never one."""
        oldest = np.datetime64(_naive(self.now - LAGGING_AFTER), "us")
        return np.isnat(self.last_update) | (self.last_update < oldest)

    @cached_property
    def failing(self) -> Flags:
        """The last fetch failed."""
        return np.asarray(self.last_error != "", bool)

    @cached_property
    def stale(self) -> Flags:
        """As `freshness.staleness`: whether it has something to say."""
        fresh = (self.behind == 0) | ((self.behind == _UNKNOWN) & ~self.lagging)
        return np.asarray(~(self.active & self.has_history & fresh))

    @cached_property
    def percent(self) -> Floats:
        """Coverage, 0 to 100; NaN where it is not known."""
        known = self.expected != _UNKNOWN
        shares = np.full(len(self), np.nan)
        np.divide(
            100.0 * self.present, self.expected, out=shares, where=known & (self.expected > 0)
        )
        shares[known & (self.expected == 0)] = 100.0
        return shares

    def totals(self) -> Totals:
        """Over all active symbols; one without history counts as lagging."""
        return self._total(self.active)

    def by_market(self) -> dict[str, Totals]:
        """The same for each market, by its name; symbols of no known market under ""."""
        names = sorted(set(self.market[self.active].tolist()))
        return {name: self._total(self.active & (self.market == name)) for name in names}

    def _total(self, those: Flags) -> Totals:
        held = those & self.has_history
        known = held & (self.expected != _UNKNOWN)
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
    """Many symbols together."""

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
    """All quotes together."""

    symbols: int = 0
    markets: dict[str, int] = field(default_factory=dict)
    oldest: datetime | None = None
    newest: datetime | None = None


class Overview:
    """Looks at all symbols at once. Raises `StoreUnavailable` when MongoDB is away."""

    def __init__(self, *, catalog: Catalog, quotes: QuoteStore) -> None:
        self._catalog = catalog
        self._quotes = quotes
        self._held: tuple[int, dict[str, int], dict[str, NDArray[Any]]] = (-1, {}, {})

    def survey(self, *, now: datetime) -> Survey:
        """Every tracked symbol as it stands at `now`."""
        names = (*_TEXTS, *_NUMBERS, *_TIMES, *_FLAGS)
        rows = TrackedSymbol.objects.order_by("symbol").annotate(**_RAW)
        table = rows.values_list(*_TEXTS, *_NUMBERS, *_RAW)
        found = list(zip(*table, strict=True)) or [()] * len(names)
        columns = {name: _column(name, of) for name, of in zip(names, found, strict=True)}
        places, held = self._columns()
        at = np.fromiter(map(places.get, found[0], repeat(-1)), np.intp, len(found[0]))
        return Survey(now=now, **columns, **{name: column[at] for name, column in held.items()})

    def _columns(self) -> tuple[dict[str, int], dict[str, NDArray[Any]]]:
        """Where each symbol stands in the columns of the catalog; the last place is nobody's."""
        changes, catalog = self._catalog.look()
        if self._held[0] != changes:
            places = {symbol: at for at, symbol in enumerate(catalog)}
            self._held = (changes, places, dict(_of_outlines(catalog)))
        return self._held[1:]

    def live_totals(self) -> LiveTotals:
        """Counts over the quotes of tracked symbols."""
        markets = dict(TrackedSymbol.objects.order_by().values_list("symbol", "market"))
        quotes = [q for q in self._quotes.all().values() if q.symbol in markets]
        times = [q.fetched_at for q in quotes]
        counted = Counter(markets[q.symbol] or "other" for q in quotes)
        return LiveTotals(
            len(quotes),
            dict(sorted(counted.items())),
            min(times, default=None),
            max(times, default=None),
        )


def _column(name: str, values: tuple[Any, ...]) -> NDArray[Any]:
    if name in _TIMES:
        return np.array([value or "NaT" for value in values], "datetime64[us]")
    if name in _FLAGS:
        return np.array(values, bool)
    if name in _NUMBERS:
        return np.array(values, "i8")
    return np.array(values, object)


def _of_outlines(catalog: dict[str, Outline]) -> Iterator[tuple[str, NDArray[Any]]]:
    held = catalog.values()
    yield "bars", np.array([*(o.count for o in held), 0], "i8")
    yield "gaps", np.array([*(o.gaps for o in held), 0], "i8")
    yield "first", np.array([*(o.first for o in held), "NaT"], "datetime64[D]")
    yield "last", np.array([*(o.last for o in held), "NaT"], "datetime64[D]")
    yield "close", np.array([*(o.close for o in held), np.nan])


def _naive(when: datetime) -> datetime:
    """In UTC without saying so, as numpy wants it."""
    return when.astimezone(UTC).replace(tzinfo=None)
