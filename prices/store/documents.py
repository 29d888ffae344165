"""Conversion between values and documents: bars as BSON bytes, columns, manifests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from bson import Int64, encode
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.bars import COLUMNS, Bar, BarSeries, Interval, SeriesKey
from prices.domain.coverage import DateRange, Gap
from prices.domain.freshness import Outline
from prices.domain.manual_bars import ManualBar
from prices.domain.series import Facts, Manifest

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
# Up to this many bars are encoded one by one.
_MAX_DICTS = 4
# BSON's type and numpy's of each field of a bar.
_TYPES = {"ts": (b"\x09", "<i8"), **dict.fromkeys("ohlc", (b"\x01", "<f8")), "v": (b"\x12", "<i8")}
_BAR = ("ts", *"ohlcv")

# One array a column: a read takes half as long as with one document a bar.
PUSH_COLUMNS: dict[str, Any] = {
    "_id": None,
    "ts": {"$push": {"$toLong": "$ts"}},
    **{name: {"$push": f"${name}"} for name in "ohlcv"},
}


def bar_documents(series: BarSeries, bars_key: str) -> Iterator[RawBSONDocument]:
    """Yields the bars as documents {m, ts, o, h, l, c, v}, without the `_id` of the driver.

    All have the same length, so numpy lays them out at once, in a third less time than a dict a
    bar takes. For very few bars the layout would take ten times as long as the dicts.
    """
    if len(series) <= _MAX_DICTS:
        for at in range(len(series)):
            bar = _bar_document(series[at])
            yield RawBSONDocument(encode({"m": bars_key, **bar, "v": Int64(bar["v"])}), _RAW)
        return
    text = bars_key.encode() + b"\0"
    columns = {"ts": series.ts.view("i8")}
    columns |= {name[0]: getattr(series, name) for name in COLUMNS[1:]}
    layout = [("head", "V4"), ("m", f"V{3 + 4 + len(text)}")]
    for name in columns:
        layout += [(f"{name}_name", f"V{2 + len(name)}"), (name, _TYPES[name][1])]
    rows = np.zeros(len(series), np.dtype([*layout, ("end", "V1")]))
    size = rows.dtype.itemsize
    rows["head"] = np.void(size.to_bytes(4, "little"))
    rows["m"] = np.void(b"\x02m\0" + len(text).to_bytes(4, "little") + text)
    for name, column in columns.items():
        rows[f"{name}_name"] = np.void(_TYPES[name][0] + name.encode() + b"\0")
        rows[name] = column
    data = rows.tobytes()
    for start in range(0, len(data), size):
        yield RawBSONDocument(data[start : start + size], _RAW)


def series_of(columns: Mapping[str, Any] | None) -> BarSeries:
    """Returns the bars of a result of `PUSH_COLUMNS`, in ascending order.

    The server does not promise any order, and keeps none for bars before 1970.
    :raises InvalidBars: a bar occurs twice.
    """
    if columns is None:
        return BarSeries.empty()
    ts = np.array(columns["ts"], "i8").view("datetime64[ms]")
    values = [np.array(columns[name]) for name in "ohlcv"]
    if len(ts) > 1 and (np.diff(ts) <= np.timedelta64(0)).any():
        order = np.argsort(ts, kind="stable")
        ts, values = ts[order], [column[order] for column in values]
    return BarSeries(ts, *values)


# The projection of a manifest that an outline is made of. The server counts the gaps.
OUTLINE: dict[str, Any] = {
    **dict.fromkeys(("symbol", "generation", "count", "first", "last"), 1),
    **dict.fromkeys(("source", "final_through"), 1),
    "close": "$last_bar.c",
    "gaps": {"$size": {"$ifNull": ["$gaps", []]}},
    "gap_due_at": {"$min": "$gaps.next_try_at"},
}


def outline_from(document: Mapping[str, Any]) -> Outline | None:
    """Returns the outline of a result of `OUTLINE`. Returns None if nothing is published."""
    if not document.get("generation") or document.get("first") is None:
        return None
    final_through = document.get("final_through")
    return Outline(
        document["symbol"],
        document["count"],
        _day(document["first"]),
        _day(document["last"]),
        document["close"],
        document.get("source", ""),
        final_through and _day(final_through),
        document["gaps"],
        document.get("gap_due_at"),
    )


def manifest_of(document: Mapping[str, Any]) -> Manifest:
    """Returns the manifest of a document, or of a projection of it."""
    return Manifest(
        key=SeriesKey(document["symbol"], Interval(document["interval"])),
        version=document["version"],
        generation=document.get("generation"),
        count=document.get("count", 0),
        last_bar=_bar_of(document.get("last_bar")),
        first=document.get("first"),
        facts=_facts_of(document),
        dirty=document.get("dirty", False),
        pending=document.get("pending"),
    )


def _facts_of(document: Mapping[str, Any]) -> Facts:
    final_through = document.get("final_through")
    return Facts(
        actions=_actions_of(document.get("splits", ()), document.get("dividends", ())),
        source=document.get("source", ""),
        currency=document.get("currency", ""),
        fetched_at=document.get("fetched_at"),
        final_through=final_through and _day(final_through),
        asked=tuple(DateRange(_day(r["start"]), _day(r["end"])) for r in document.get("asked", ())),
        gaps=tuple(
            Gap(_day(g["session"]), g["tries"], g["next_try_at"], g["reason"])
            for g in document.get("gaps", ())
        ),
        by_hand=tuple(
            ManualBar(
                _day(d["session"]),
                d["by"],
                d["at"],
                d["note"],
                _bar_of(d["offered"]),
                d["offered_at"],
            )
            for d in document.get("by_hand", ())
        ),
    )


def _actions_of(
    splits: Sequence[Mapping[str, Any]], dividends: Sequence[Mapping[str, Any]]
) -> Actions:
    if not splits and not dividends:
        return Actions()
    return Actions(
        tuple(Split(_day(s["session"]), s["numerator"], s["denominator"]) for s in splits),
        tuple(Dividend(_day(d["session"]), d["amount"]) for d in dividends),
    )


def facts_document(facts: Facts) -> dict[str, Any]:
    """Returns the manifest's fields of the facts. Sessions are dates at 00:00 UTC."""
    return {
        "splits": [
            {
                "session": midnight(s.session),
                "numerator": s.numerator,
                "denominator": s.denominator,
            }
            for s in facts.actions.splits
        ],
        "dividends": [
            {"session": midnight(d.session), "amount": d.amount} for d in facts.actions.dividends
        ],
        "source": facts.source,
        "currency": facts.currency,
        "fetched_at": facts.fetched_at,
        "final_through": facts.final_through and midnight(facts.final_through),
        "asked": [{"start": midnight(r.start), "end": midnight(r.end)} for r in facts.asked],
        "gaps": [
            {
                "session": midnight(g.session),
                "tries": g.tries,
                "next_try_at": g.next_try_at,
                "reason": g.reason,
            }
            for g in facts.gaps
        ],
        "by_hand": [
            {
                "session": midnight(f.session),
                "by": f.by,
                "at": f.at,
                "note": f.note,
                "offered": _bar_document(f.offered),
                "offered_at": f.offered_at,
            }
            for f in facts.by_hand
        ],
    }


def extent_document(first: datetime | None, last: Bar | None, count: int) -> dict[str, Any]:
    """Returns the manifest's fields that say what the current generation holds."""
    return {
        "count": count,
        "first": first,
        "last": last and last.ts,
        "last_bar": _bar_document(last),
    }


def bars_key(key: SeriesKey, generation: str) -> str:
    """Returns the metaField of the bars of one generation, a readable string."""
    return f"{key}|{generation}"


def collection_of(key: SeriesKey) -> str:
    """Returns the name of the time-series collection with the bars of a series."""
    return "bars_intraday" if key.interval.is_intraday else "bars"


def midnight(day: date) -> datetime:
    """Returns 00:00 UTC of a day, which is how sessions are stored."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _bar_document(bar: Bar | None) -> Any:
    return bar and dict(zip(_BAR, bar, strict=True))


def _bar_of(document: Mapping[str, Any] | None) -> Bar | None:
    return Bar(*(document[name] for name in _BAR)) if document else None


def _day(when: datetime) -> date:
    return when.date()
