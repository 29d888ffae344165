"""Reads Yahoo's chart answers: the rows from yfinance's table, the events from the body itself.

yfinance gives a split as one number, drops the currency of a dividend and fails at some events.
The body has them as Yahoo sent them.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from prices.domain.actions import Actions, CapitalGain, Dividend, Split
from prices.domain.answers import Fetched
from prices.domain.bars import BarSeries, Flags, Floats, Times, normalise_rows
from prices.domain.coverage import DateRange
from prices.domain.wording import one_line

SOURCE = "yahoo"
# Yahoo's type of instruments that may trade below zero.
FUTURE = "FUTURE"
# A last trade this close to the end of the session is its close: not every stock trades in the
# last second.
_AT_THE_CLOSE = timedelta(minutes=2)
# This long after the end of a trading period its bar is complete on every exchange.
_COMPLETE_AFTER = timedelta(minutes=30)
_COLUMNS = ("Open", "High", "Low", "Close", "Volume")
# Events outside of these years are mistakes.
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
# The largest split of a share was 1:35,000 or so.
_MAX_RATIO = 1e6
_MAX_SHOWN = 40
# Texts are cut, longer codes are mistakes.
_MAX_TEXT, _MAX_CODE, MAX_CURRENCY = 200, 32, 8
Event = TypeVar("Event", Split, Dividend, CapitalGain)


def read_chart(
    table: pd.DataFrame, meta: Mapping[str, Any], body: Any, asked: DateRange, now: datetime
) -> Fetched:
    """Returns the answer with every row that has a usable close, ascending by session.

    `table` and `meta` are yfinance's, `body` is the JSON that they were made of.
    """
    dates = table.index.strftime("%Y-%m-%d").to_numpy().astype("datetime64[D]")
    columns = [_numbers(table, name) for name in _COLUMNS]
    kind = read_code(meta.get("instrumentType"))
    rows = normalise_rows(*columns, may_be_negative=kind == FUTURE)
    within = (dates >= np.datetime64(asked.start, "D")) & (dates < np.datetime64(asked.end, "D"))
    use = rows.usable & _are_last(dates) & within
    timezone = _timezone(meta.get("exchangeTimezoneName"))
    actions, skipped = _read_events(body, ZoneInfo(timezone))
    running, ended = _trading_day(meta, now)
    return Fetched(
        asked=asked,
        series=BarSeries(
            dates[use].astype("datetime64[ms]"),
            *(one[use] for one in (rows.open, rows.high, rows.low, rows.close, rows.volume)),
        ),
        actions=actions,
        fetched_at=now,
        source=SOURCE,
        currency=read_code(meta.get("currency"), MAX_CURRENCY),
        exchange=read_code(meta.get("exchangeName")),
        timezone=timezone,
        name=read_text(meta.get("longName")) or read_text(meta.get("shortName")),
        instrument_type=kind,
        running=running,
        ended=ended,
        lacking=tuple(dates[~rows.usable & within].tolist()),
        normalised=tuple(dates[use & rows.changed].tolist()),
        skipped=skipped,
        adjusted_close=_numbers(table, "Adj Close")[use] if "Adj Close" in table else None,
    )


def _numbers(table: pd.DataFrame, name: str) -> Floats:
    """Returns a column as numbers, NaN where it holds something else."""
    numbers: Floats = pd.to_numeric(table[name], errors="coerce").to_numpy("f8")
    return numbers


def _are_last(dates: Times) -> Flags:
    """Returns which rows are the last of their session, which is the one that counts."""
    return np.append(dates[1:] != dates[:-1], np.ones(min(1, len(dates)), bool))


def _read_events(body: Any, zone: ZoneInfo) -> tuple[Actions, tuple[str, ...]]:
    """Returns the events that are possible, and a sentence for each that is not."""
    events, skipped = _events(body), list[str]()

    def read(kind: str, noun: str, parse: Callable[[Mapping[str, Any]], Event]) -> list[Event]:
        found = []
        for event in _listed(events, kind):
            try:
                found.append(parse({**event, "session": _session(event.get("date"), zone)}))
            except (ValueError, OverflowError, OSError):
                skipped.append(_describe_skipped(noun, event, zone))
        return found

    # No company splits its shares twice a day: the same ratio again is the same split.
    splits = {(one.session, one.ratio): one for one in read("splits", "split", _split)}.values()
    dividends = read("dividends", "dividend", _dividend)
    gains = read("capitalGains", "capital gain", _gain)
    return Actions(tuple(splits), tuple(dividends), tuple(gains)), tuple(skipped)


def _split(event: Mapping[str, Any]) -> Split:
    """:raises ValueError, OverflowError: no share has ever been split like this."""
    split = Split(event["session"], _amount(event, "numerator"), _amount(event, "denominator"))
    if not 1 / _MAX_RATIO <= split.ratio <= _MAX_RATIO:
        raise ValueError("the ratio is impossible")
    return split


def _dividend(event: Mapping[str, Any]) -> Dividend:
    currency = read_code(event.get("currency"), MAX_CURRENCY)
    return Dividend(event["session"], _amount(event, "amount"), currency=currency)


def _gain(event: Mapping[str, Any]) -> CapitalGain:
    return CapitalGain(event["session"], _amount(event, "amount"))


def _amount(event: Mapping[str, Any], name: str) -> float:
    """:raises ValueError, OverflowError: it is not a number above zero."""
    value = event.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is not a number")
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} is not above zero")
    return number


def _session(stamp: Any, zone: ZoneInfo) -> date:
    """:raises ValueError, OverflowError, OSError: it is not a time of a possible event."""
    if isinstance(stamp, bool) or not isinstance(stamp, int | float):
        raise ValueError("the event has no time")
    day = datetime.fromtimestamp(stamp, zone).date()
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError("the event is not of our time")
    return day


def _events(body: Any) -> Mapping[str, Any]:
    try:
        events = body["chart"]["result"][0].get("events")
    except (LookupError, TypeError, AttributeError):
        return {}
    return events if isinstance(events, Mapping) else {}


def _listed(events: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    found = events.get(kind)
    found = found.values() if isinstance(found, Mapping) else found
    for event in found if isinstance(found, Iterable) and not isinstance(found, str) else ():
        yield event if isinstance(event, Mapping) else {}


def _describe_skipped(noun: str, event: Mapping[str, Any], zone: ZoneInfo) -> str:
    try:
        when = f"on {_session(event.get('date'), zone)}"
    except (ValueError, OverflowError, OSError):
        when = "without a possible date"
    if noun == "split":
        value = f"{event.get('numerator')}:{event.get('denominator')}"
    else:
        value = f"{event.get('amount')}"
    shown = read_text(value)[:_MAX_SHOWN]
    return f"Yahoo reports a {noun} of {shown} {when}, which is impossible; it is skipped"


def read_text(value: Any) -> str:
    """Returns a text that can be stored and shown. Returns an empty one if the value is none."""
    return one_line(value, _MAX_TEXT) if isinstance(value, str) else ""


def read_code(value: Any, limit: int = _MAX_CODE) -> str:
    """Returns a code. Returns an empty one if the value is none."""
    text = read_text(value)
    return text if len(text) <= limit else ""


def read_number(value: Any) -> float | None:
    """Returns a finite number. Returns None if the value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def without_events(body: Any) -> Any:
    """Returns the body of a chart without its events, or any other body as it is."""
    try:
        first, *others = body["chart"]["result"]
    except (LookupError, TypeError, ValueError):
        return body
    if not isinstance(first, Mapping):
        return body
    bare = {key: value for key, value in first.items() if key != "events"}
    return {**body, "chart": {**body["chart"], "result": [bare, *others]}}


def _timezone(name: Any) -> str:
    try:
        return ZoneInfo(read_text(name) or "UTC").key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def _trading_day(meta: Mapping[str, Any], now: datetime) -> tuple[date | None, date | None]:
    """Returns the session that is still running, and the one whose trading period is over.

    A session is running if its last trade is before the end of the period. A stock that stopped
    trading early looks the same until Yahoo's day ends. That is the price of never storing a
    running day as a close.
    """
    periods = meta.get("currentTradingPeriod")
    regular = periods.get("regular") if isinstance(periods, Mapping) else None
    period = regular if isinstance(regular, Mapping) else {}
    last_trade, start, end = meta.get("regularMarketTime"), period.get("start"), period.get("end")
    if not isinstance(last_trade, datetime) or not isinstance(start, datetime):
        return None, None
    if not isinstance(end, datetime) or last_trade < start:
        return None, None
    session: date = last_trade.date()
    if last_trade < end - _AT_THE_CLOSE:
        return session, None
    return None, session if now >= end.astimezone(UTC) + _COMPLETE_AFTER else None
