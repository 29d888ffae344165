"""The shape of documents: bars as BSON bytes, columns back from `$push`, manifests both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from bson import Int64, encode
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.bars import Bar, BarSeries, Interval, SeriesKey
from prices.domain.coverage import Gap
from prices.domain.ranges import DateRange
from prices.domain.series import Facts, Manifest, Outline
from prices.store.manual_bar_documents import hand_documents, hand_filled_of

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
_FEW = 4
_DOUBLE, _STRING, _DATE, _INT64 = b"\x01", b"\x02", b"\x09", b"\x12"

# One column each, instead of a document a bar: half the time of the same read as documents.
PUSH_COLUMNS: dict[str, Any] = {
    "_id": None,
    "ts": {"$push": {"$toLong": "$ts"}},
    **{name: {"$push": f"${name}"} for name in "ohlcv"},
}


def bar_documents(series: BarSeries, bars_key: str) -> Iterator[RawBSONDocument]:
    """The bars as documents {m, ts, o, h, l, c, v}, without `_id`, which the driver would add.

    All have one length, so numpy lays them out at once: a third less time than a dict a bar. For
    a day's bar alone the layout would cost ten times as much as the dict.
    """
    if len(series) <= _FEW:
        for bar in (series[at] for at in range(len(series))):
            named = dict(zip(("ts", *"ohlc"), bar, strict=False))
            yield RawBSONDocument(encode({"m": bars_key, **named, "v": Int64(bar.volume)}), _RAW)
        return
    text = bars_key.encode() + b"\0"
    layout = [
        ("head", f"V{4}"),
        ("m", f"V{3 + 4 + len(text)}"),
        *((part, kind) for name in ("ts", *"ohlcv") for part, kind in _field(name)),
        ("end", "V1"),
    ]
    rows = np.zeros(len(series), np.dtype(layout))
    size = rows.dtype.itemsize
    rows["head"] = np.void(size.to_bytes(4, "little"))
    rows["m"] = np.void(_STRING + b"m\0" + len(text).to_bytes(4, "little") + text)
    columns = (
        series.ts.view("i8"),
        series.open,
        series.high,
        series.low,
        series.close,
        series.volume,
    )
    for name, column in zip(("ts", *"ohlcv"), columns, strict=True):
        rows[f"{name}_name"] = np.void(_TYPES.get(name, _DOUBLE) + name.encode() + b"\0")
        rows[name] = column
    data = rows.tobytes()
    for start in range(0, len(data), size):
        yield RawBSONDocument(data[start : start + size], _RAW)


_TYPES = {"ts": _DATE, "v": _INT64}


def _field(name: str) -> Iterator[tuple[str, str]]:
    yield f"{name}_name", f"V{2 + len(name)}"
    yield name, "<i8" if name in _TYPES else "<f8"


def series_of(columns: Mapping[str, Any] | None) -> BarSeries:
    """Bars from what `PUSH_COLUMNS` gave, brought into order.

    The server keeps the order of insertion only by habit, and none for bars before 1970.

    :raises InvalidBars: a bar is there twice.
    """
    if columns is None:
        return BarSeries.empty()
    ts = np.array(columns["ts"], "i8").view("datetime64[ms]")
    values = [np.array(columns[name]) for name in "ohlcv"]
    if len(ts) > 1 and (np.diff(ts) <= np.timedelta64(0)).any():
        order = np.argsort(ts, kind="stable")
        ts, values = ts[order], [column[order] for column in values]
    return BarSeries(ts, *values)


# The fields that catalog are made of; the server counts the gaps.
OUTLINE: dict[str, Any] = {
    **dict.fromkeys(("symbol", "generation", "count", "first", "last"), 1),
    **dict.fromkeys(("source", "final_through"), 1),
    "close": "$last_bar.c",
    "gaps": {"$size": {"$ifNull": ["$gaps", []]}},
    "gap_due_at": {"$min": "$gaps.next_try_at"},
}


def outline_from(document: Mapping[str, Any]) -> Outline | None:
    """The outline from what `OUTLINE` gave; None where nothing is published."""
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
    last = document.get("last_bar")
    return Manifest(
        key=SeriesKey(document["symbol"], Interval(document["interval"])),
        version=document["version"],
        generation=document.get("generation"),
        count=document.get("count", 0),
        last_bar=Bar(last["ts"], last["o"], last["h"], last["l"], last["c"], last["v"])
        if last
        else None,
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
        by_hand=hand_filled_of(document.get("by_hand", ())),
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
    """The manifest's fields that facts fill; sessions are dates at 00:00 UTC."""
    return {
        "splits": [
            {
                "session": _midnight(s.session),
                "numerator": s.numerator,
                "denominator": s.denominator,
            }
            for s in facts.actions.splits
        ],
        "dividends": [
            {"session": _midnight(d.session), "amount": d.amount} for d in facts.actions.dividends
        ],
        "source": facts.source,
        "currency": facts.currency,
        "fetched_at": facts.fetched_at,
        "final_through": facts.final_through and _midnight(facts.final_through),
        "asked": [{"start": _midnight(r.start), "end": _midnight(r.end)} for r in facts.asked],
        "gaps": [
            {
                "session": _midnight(g.session),
                "tries": g.tries,
                "next_try_at": g.next_try_at,
                "reason": g.reason,
            }
            for g in facts.gaps
        ],
        "by_hand": hand_documents(facts.by_hand),
    }


def extent_document(first: datetime | None, last: Bar | None, count: int) -> dict[str, Any]:
    """The manifest's fields that say what the current generation holds."""
    return {
        "count": count,
        "first": first,
        "last": last and last.ts,
        "last_bar": last and dict(zip(("ts", *"ohlcv"), last, strict=True)),
    }


def bars_key(key: SeriesKey, generation: str) -> str:
    """What the bars of one generation bear as their metaField: one readable string."""
    return f"{key}|{generation}"


def collection_of(key: SeriesKey) -> str:
    """The time-series collection that a series lives in."""
    return "bars_intraday" if key.interval.is_intraday else "bars"


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _day(when: datetime) -> date:
    return when.date()
