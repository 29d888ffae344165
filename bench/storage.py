"""The store: publishing a fetched history, and reading a year, against the raw pieces."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count

import numpy as np

from bench.measure import Timing, side_by_side
from prices.domain.bars import BarSeries, SeriesKey
from prices.store.bars import BarRepository
from prices.store.documents import Facts
from prices.store.mongo import Db

SYMBOLS = 100
YEAR, TEN_YEARS = 251, 2520
_NOW = datetime(2026, 1, 2, tzinfo=UTC)
_FIRST = date(2016, 1, 4)


def series(bars: int, seed: int) -> BarSeries:
    """A random walk of daily bars with two decimals, like real prices."""
    rng = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, bars))), 2) + 1
    open_ = np.round(close * (1 + rng.normal(0, 0.002, bars)), 2)
    high, low = np.maximum(open_, close) + 0.5, np.minimum(open_, close) - 0.5
    days = np.busday_offset(np.datetime64(_FIRST, "D"), np.arange(bars), roll="forward")
    return BarSeries(
        days.astype("datetime64[ms]"),
        open_,
        high,
        low,
        close,
        rng.integers(100_000, 100_000_000, bars),
    )


def measures(db: Db) -> Iterator[tuple[str, dict[str, Timing], str]]:
    """(what, timings, name of the one to compare with) of each measure."""
    repository = BarRepository(db)
    keys = [SeriesKey(f"S{n}") for n in range(SYMBOLS)]
    for n, key in enumerate(keys):
        repository.replace(key, None, series(TEN_YEARS, n), Facts(), now=_NOW)
    for name, bars in (("store 1 y (251 bars)", YEAR), ("store 10 y (2,520 bars)", TEN_YEARS)):
        yield name, side_by_side(_writers(db, repository, bars), 40), "raw insert_many"
    last = series(TEN_YEARS, 0).sessions[-1].item()
    since = series(TEN_YEARS, 0).sessions[-YEAR].item()
    for name, start in (("read 1 y", since), ("read 10 y", None)):
        yield name, side_by_side(_readers(db, repository, keys, start, last), 300), "raw $push"


def _writers(db: Db, repository: BarRepository, bars: int) -> dict[str, Callable[[], object]]:
    new, fresh = series(bars, 1), count()
    columns = [column.tolist() for column in (new.open, new.high, new.low, new.close, new.volume)]
    days = [ts.replace(tzinfo=UTC) for ts in new.ts.tolist()]

    def raw() -> object:
        name = f"RAW{bars}|{next(fresh)}"
        rows = zip(days, *columns, strict=True)
        return db["bars"].insert_many(
            [
                {"m": name, "ts": ts, "o": o, "h": h, "l": low, "c": c, "v": v}
                for ts, o, h, low, c, v in rows
            ],
            ordered=False,
        )

    def publish() -> object:
        key = SeriesKey(f"NEW{bars}-{next(fresh)}")
        return repository.replace(key, None, new, Facts(), now=_NOW)

    return {"repository": publish, "raw insert_many": raw}


def _readers(
    db: Db, repository: BarRepository, keys: list[SeriesKey], start: date | None, last: date
) -> dict[str, Callable[[], object]]:
    names = {key: db["series"].find_one({"_id": str(key)})["bars_key"] for key in keys}  # type: ignore[index]
    since = start and datetime(start.year, start.month, start.day, tzinfo=UTC)
    columns = {name: {"$push": f"${name}"} for name in ("ts", *"ohlcv")}

    def raw() -> object:
        wanted = {"m": names[random.choice(keys)]}
        within = {"ts": {"$gte": since}} if since else {}
        stages = [
            {"$match": {**wanted, **within}},
            {"$sort": {"ts": 1}},
            {"$group": {"_id": None, **columns}},
        ]
        return list(db["bars"].aggregate(stages))

    def read() -> object:
        return repository.read(
            random.choice(keys), start, last + timedelta(days=1) if start else None
        )

    return {"repository": read, "raw $push": raw}
