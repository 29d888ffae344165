"""The list of contenders: their labels, where they run and which tasks they support."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from bench.contenders.base import Place, Store

_READS = "read closes disk"
_ALL = f"{_READS} coverage write"


class Contender(NamedTuple):
    """One store. `store` is "module:Class" below bench.contenders."""

    key: str
    label: str
    store: str
    tasks: str
    in_product_environment: bool = False


OURS = Contender("pricecache", "price cache", "pricecache:PriceCache", f"{_ALL} growth", True)
# Other ways to read what OURS has stored.
BUSY = Contender("busy", "under load", "pricecache:UnderLoad", "read closes", True)
ANSWER = Contender("answer", "whole answer", "pricecache:WholeAnswer", "read coverage", True)
VARIANTS = (BUSY, ANSWER)
PEERS = (
    Contender("arctic", "ArcticDB", "arctic:Arctic", f"{_ALL} growth"),
    Contender("sqlite", "SQLite", "sql:Sqlite", f"{_ALL} growth"),
    Contender("duckdb", "DuckDB", "sql:Duck", f"{_ALL} growth"),
    Contender("parquet", "Parquet (polars)", "parquet:Parquet", f"{_ALL} growth"),
    Contender("yfc", "yfinance-cache", "yfc:YfinanceCache", _READS),
    Contender("naive", "one document per day", "naive:DocumentPerDay", _ALL, True),
)
CONTENDERS = {one.key: one for one in (OURS, *VARIANTS, *PEERS)}


def open_store(key: str, place: Place) -> Store:
    """This function opens a contender's store in this process and imports its library."""
    contender = CONTENDERS[key]
    if contender.in_product_environment:
        import django

        django.setup()
    module, _, name = contender.store.partition(":")
    opened: Store = getattr(import_module(f"bench.contenders.{module}"), name)(place)
    return opened
