"""Corruptions of the body of one symbol, by name."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

Result = dict[str, Any]  # chart: `chart.result[0]`; quote: that symbol's row
Mutation = Callable[[Result], None]
PRICES = ("open", "high", "low", "close")


def _columns(result: Result) -> dict[str, list[Any]]:
    columns = dict(result["indicators"]["quote"][0])
    adjusted = result["indicators"].get("adjclose", [{}])[0]
    return {**columns, **adjusted}


def _rows(result: Result, first: str | None, last: str | None) -> list[int]:
    """Returns the positions of the sessions from `first` to `last` (ISO dates), inclusive."""
    zone = ZoneInfo(result["meta"]["exchangeTimezoneName"])
    days = [datetime.fromtimestamp(at, zone).date().isoformat() for at in _stamps(result)]
    return [at for at, day in enumerate(days) if (first or "") <= day <= (last or "9999")]


def _stamps(result: Result) -> list[int]:
    stamps: list[int] = result.get("timestamp", [])
    return stamps


def set_bar(session: str, **values: float | None) -> Mutation:
    """Overwrites columns of one session, also with invalid values such as NaN."""

    def change(result: Result) -> None:
        columns = _columns(result)
        for at in _rows(result, session, session):
            for name in columns.keys() & values.keys():
                columns[name][at] = values[name]

    return change


def null_bar(session: str) -> Mutation:
    return set_bar(session, **dict.fromkeys((*PRICES, "volume", "adjclose")))


def scale(factor: float = 100, first: str | None = None, last: str | None = None) -> Mutation:
    """Multiplies prices of the sessions from `first` to `last`, as if the unit had changed."""

    def change(result: Result) -> None:
        for name, values in _columns(result).items():
            for at in _rows(result, first, last) if name != "volume" else ():
                values[at] = None if values[at] is None else values[at] * factor

    return change


def drop_rows(first: str | None = None, last: str | None = None) -> Mutation:
    def change(result: Result) -> None:
        for at in reversed(_rows(result, first, last)):
            for values in (_stamps(result), *_columns(result).values()):
                del values[at]

    return change


def duplicate_row(session: str) -> Mutation:
    def change(result: Result) -> None:
        for at in _rows(result, session, session):
            for values in (_stamps(result), *_columns(result).values()):
                values.insert(at, values[at])

    return change


def unsort() -> Mutation:
    """Reverses the rows."""

    def change(result: Result) -> None:
        for values in (_stamps(result), *_columns(result).values()):
            values.reverse()

    return change


def ragged(column: str = "close", by: int = 1) -> Mutation:
    """Makes one column shorter than the timestamps."""

    def change(result: Result) -> None:
        if _stamps(result):
            del _columns(result)[column][-by:]

    return change


def set_meta(**values: Any) -> Mutation:
    """Changes `meta` of a chart: currency, exchangeName, instrumentType …"""
    return lambda result: result["meta"].update(values)


def remove_meta(keys: Iterable[str]) -> Mutation:
    return lambda result: _remove(result["meta"], keys)


def set_quote(**values: Any) -> Mutation:
    """Changes fields of a quote row."""
    return lambda row: row.update(values)


def remove_quote(keys: Iterable[str]) -> Mutation:
    return lambda row: _remove(row, keys)


def _remove(fields: dict[str, Any], keys: Iterable[str]) -> None:
    for key in keys:
        fields.pop(key, None)


NAMED: dict[str, tuple[str, Callable[..., Mutation]]] = {
    **{
        make.__name__: ("chart", make)
        for make in (set_bar, null_bar, scale, drop_rows, duplicate_row, unsort, ragged)
    },
    "set_meta": ("chart", set_meta),
    "remove_meta": ("chart", remove_meta),
    "set_quote": ("quote", set_quote),
    "remove_quote": ("quote", remove_quote),
}
