"""The contenders, as data: who they are, where they run, and what they are asked."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from bench.contenders.base import Place, Store

READS = frozenset({"read", "disk"})
MANY = frozenset({"closes", "latest", "coverage", "append", "readers"})
ALL = READS | MANY | {"write", "growth"}


@dataclass(frozen=True, slots=True)
class Contender:
    """`environment` is the product's or the peers'; the rest tells readers what was measured."""

    key: str
    label: str
    target: str
    environment: str
    offers: frozenset[str]
    is_ours: bool = False
    package: str = ""
    used: str = ""
    durable: str = ""


_MAJORITY = "in the journal of a majority"
_SYNCED, _LEFT = "synced to disk", "left to the system"
OURS = Contender(
    "pricecache",
    "price cache",
    "pricecache:PriceCache",
    "product",
    ALL,
    is_ours=True,
    used="manifest and block, or memory and a look at the manifest's version; columns",
    durable=_MAJORITY,
)
BUSY = Contender(
    "busy",
    "price cache, under load",
    "pricecache:UnderLoad",
    "product",
    frozenset({"read", "closes", "readers"}),
    is_ours=True,
)
ANSWER = Contender(
    "answer",
    "price cache, whole answer",
    "pricecache:WholeAnswer",
    "product",
    frozenset({"read", "coverage"}),
    is_ours=True,
)
# Other ways to ask the product; all read what the first one stored.
VARIANTS = (BUSY, ANSWER)
PEERS = (
    Contender(
        "arctic",
        "ArcticDB",
        "arctic:Arctic",
        "peers",
        ALL,
        package="arcticdb",
        used="LMDB, a DataFrame a symbol; batches for many",
        durable=_SYNCED,
    ),
    Contender(
        "sqlite",
        "SQLite",
        "sqlite:Sqlite",
        "peers",
        ALL,
        used="one table WITHOUT ROWID, WAL, synchronous=FULL; tuples",
        durable=_SYNCED,
    ),
    Contender(
        "duckdb",
        "DuckDB",
        "duck:Duck",
        "peers",
        ALL,
        package="duckdb",
        used="one table in one file, sorted by symbol, no index; numpy columns",
        durable=_SYNCED,
    ),
    Contender(
        "polars",
        "Parquet (polars)",
        "parquet:Polars",
        "peers",
        ALL,
        package="polars",
        used="a file a symbol, scanned with the range pushed down; DataFrame",
        durable=_LEFT,
    ),
    Contender(
        "arrow",
        "Parquet (pyarrow)",
        "parquet:Arrow",
        "peers",
        # Its readers would say what the other Parquet's say.
        READS | (MANY - {"readers"}) | {"write"},
        package="pyarrow",
        used="a file a symbol, read whole and cut in memory; Table",
        durable=_LEFT,
    ),
    Contender(
        "yfc",
        "yfinance-cache",
        "yfc:YfinanceCache",
        "peers",
        READS | {"closes"},
        package="yfinance-cache",
        used="its folder of pickles, filled as after a fetch; `Ticker.history`; offline",
    ),
    Contender(
        "naive",
        "a document a day",
        "naive:DocumentADay",
        "product",
        READS | MANY | {"write"},
        package="pymongo",
        used="ordinary collection of the same mongod, indexed by symbol and date; "
        "`find_one` before each insert, `find` to a list",
        durable=_MAJORITY,
    ),
)
BY_KEY = {one.key: one for one in (OURS, *VARIANTS, *PEERS)}


def opened(key: str, place: Place) -> Store:
    """A contender in this process; only here its library is imported."""
    contender = BY_KEY[key]
    if contender.is_ours:
        import django

        django.setup()
    module, _, name = contender.target.partition(":")
    made: Store = getattr(import_module(f"bench.contenders.{module}"), name)(place)
    return made
