"""Bodies of /v8/finance/chart: the rows of a request and the JSON around them."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from tests.standin.book import ALWAYS_OPEN, COLUMNS, Instrument, Tape
from tests.standin.served import PRICES, Served, day_path

Json = dict[str, Any]
Row = tuple[int, float, float, float, float, int]  # timestamp, open, high, low, close, volume
VALID_RANGES = ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"]
MINUTES = {"1m": 1, "2m": 2, "5m": 5, "15m": 15, "30m": 30, "60m": 60, "1h": 60, "90m": 90}
KEPT_DAYS = {"1m": 30, "60m": 730, "1h": 730}  # other intraday intervals 60
DAYS_PER_UNIT = {"mo": 30.4375, "wk": 7, "y": 365.25}
PRE_MARKET, POST_MARKET = timedelta(hours=5, minutes=30), timedelta(hours=4)


def not_found() -> tuple[int, Json]:
    return 404, failure("Not Found", "No data found, symbol may be delisted")


def failure(code: str, description: str) -> Json:
    return {"chart": {"result": None, "error": {"code": code, "description": description}}}


def part_of(body: Json | None, query: Mapping[str, str]) -> tuple[int, Json]:
    """Returns the rows and events of a whole history that lie within the request's range."""
    if body is None:
        return not_found()
    result = json.loads(json.dumps(body["chart"]["result"][0]))
    if "period2" not in query:
        return 200, {"chart": {"result": [result], "error": None}}
    start, end = int(query.get("period1", 0)), int(query["period2"])
    stamps = result.pop("timestamp", [])
    kept = [at for at, stamp in enumerate(stamps) if start <= stamp < end]
    for blocks in result["indicators"].values():
        for block in blocks:
            block.update({name: [values[at] for at in kept] for name, values in block.items()})
    if kept:
        result["timestamp"] = [stamps[at] for at in kept]
    else:
        result["indicators"] = {"quote": [{}], "adjclose": [{}]}
    events = {
        kind: {key: one for key, one in found.items() if start <= one["date"] < end}
        for kind, found in result.pop("events", {}).items()
    }
    if any(events.values()):
        result["events"] = {kind: found for kind, found in events.items() if found}
    return 200, {"chart": {"result": [result], "error": None}}


def chart(tape: Tape, served: Served, query: Mapping[str, str]) -> tuple[int, Json]:
    """Returns status and body for one symbol that has traded."""
    interval = query.get("interval", "1d")
    start, end = _bounds(served, query)
    if "period2" in query and end <= tape.opens[0]:
        text = f"Data doesn't exist for startDate = {start}, endDate = {end}"
        return 400, failure("Bad Request", text)
    if interval in MINUTES:
        refusal = _beyond_limits(served.now, interval, start, end)
        if refusal:
            return 422, failure("Unprocessable Entity", refusal)
        return 200, _intraday(tape, served, query, start, end)
    first, last = (int(np.searchsorted(served.opens, second)) for second in (start, end))
    rows = [_row(served, at) for at in range(first, last)]
    adjclose = [float(value) for value in served.adjclose[first:last]]
    if interval in ("1wk", "1mo"):
        rows, adjclose = _grouped(served, interval, rows, adjclose)
    body = _body(meta(tape, served, query, first), rows)
    result = body["chart"]["result"][0]
    result["indicators"]["adjclose"] = [{"adjclose": adjclose} if rows else {}]
    events = _events(served, int(served.opens[first]) if rows else end, end)
    if events:
        result["events"] = events
    return 200, body


def _bounds(served: Served, query: Mapping[str, str]) -> tuple[int, int]:
    """Returns the requested half-open range. A `range` in days counts sessions, not dates."""
    tomorrow = served.now + 86_400
    if "period2" in query:
        return int(query.get("period1", 0)), int(query["period2"])
    wanted = query.get("range", "1d")
    days = re.fullmatch(r"(\d+)d", wanted)
    if days:
        return int(served.opens[-min(int(days[1]), len(served.opens))]), tomorrow
    today = datetime.fromtimestamp(served.now, served.instrument.zone).date()
    if wanted == "ytd":
        return served.instrument.midnight(date(today.year, 1, 1)), tomorrow
    span = re.fullmatch(r"(\d+)(mo|wk|y)", wanted)
    if span is None:
        return int(served.opens[0]), tomorrow
    back = timedelta(days=round(int(span[1]) * DAYS_PER_UNIT[span[2]]))
    return served.instrument.midnight(today - back), tomorrow


def _beyond_limits(now: int, interval: str, start: int, end: int) -> str | None:
    asked = f"{interval} data not available for startTime={start} and endTime={end}. "
    kept = KEPT_DAYS.get(interval, 60)
    if start < now - kept * 86_400:
        return asked + f"The requested range must be within the last {kept} days."
    if interval == "1m" and min(end, now) - start > 8 * 86_400:
        return asked + "Only 8 days worth of 1m granularity data are allowed per request."
    return None


def _row(served: Served, at: int) -> Row:
    opened, high, low, close = (float(served.columns[name][at]) for name in PRICES)
    volume = int(served.columns["volume"][at])
    return int(served.stamps[at]), opened, high, low, close, volume


def _grouped(
    served: Served, interval: str, rows: list[Row], adjclose: list[float]
) -> tuple[list[Row], list[float]]:
    groups: dict[date, tuple[Row, float]] = {}
    for row, adjusted in zip(rows, adjclose, strict=True):
        day = datetime.fromtimestamp(row[0], served.instrument.zone).date()
        weekly = interval == "1wk"
        start = day - timedelta(days=day.weekday()) if weekly else day.replace(day=1)
        groups[start] = (_joined(groups[start][0], row) if start in groups else row, adjusted)
    stamped = [(served.instrument.midnight(day), *row[1:]) for day, (row, _) in groups.items()]
    return stamped, [adjusted for _, adjusted in groups.values()]


def _joined(left: Row, right: Row) -> Row:
    high, low = max(left[2], right[2]), min(left[3], right[3])
    return left[0], left[1], high, low, right[4], left[5] + right[5]


def _intraday(tape: Tape, served: Served, query: Mapping[str, str], start: int, end: int) -> Json:
    step = MINUTES[query["interval"]] * 60
    first = int(np.searchsorted(served.closes, start, side="right"))
    last = int(np.searchsorted(served.opens, end))
    rows = [
        row
        for at in range(first, last)
        for row in _minutes_of(tape, served, at, step)
        if start <= row[0] < end
    ]
    body = _body(meta(tape, served, query, first), rows)
    periods = [[_period(served.instrument, *_hours(served, at))] for at in range(first, last)]
    body["chart"]["result"][0]["meta"]["tradingPeriods"] = periods
    return body


def _hours(served: Served, at: int) -> tuple[int, int]:
    return int(served.opens[at]), int(served.closes[at])


def _minutes_of(tape: Tape, served: Served, at: int, step: int) -> list[Row]:
    opened, closed = _hours(served, at)
    path, length = day_path(tape, at), closed - opened
    ratio = served.columns["open"][at] / tape.columns["open"][at]  # the splits since that day
    rows: list[Row] = []
    for begin in range(opened, min(closed, served.now + 1), step):
        finish = min(begin + step, closed, max(served.now, begin))
        part = path.between((begin - opened) / length, (finish - opened) / length)
        opening, high, low, close = (float(price * ratio) for price in part[:4])
        rows.append((begin, opening, high, low, close, round(part[4] / ratio)))
    return rows


def _body(meta: Json, rows: list[Row]) -> Json:
    result: Json = {"meta": meta, "indicators": {"quote": [{}]}}
    if rows:
        stamps, *values = map(list, zip(*rows, strict=True))
        result["timestamp"] = stamps
        result["indicators"]["quote"] = [dict(zip(COLUMNS, values, strict=True))]
    return {"chart": {"result": [result], "error": None}}


def _events(served: Served, start: int, end: int) -> Json:
    dividends = {
        str(at): {"amount": amount, "date": at}
        for at, amount in served.dividends
        if start <= at < end
    }
    splits = {
        str(at): {
            "date": at,
            "numerator": numerator,
            "denominator": denominator,
            "splitRatio": f"{numerator}:{denominator}",
        }
        for at, numerator, denominator in served.splits
        if start <= at < end
    }
    return {key: value for key, value in (("dividends", dividends), ("splits", splits)) if value}


def meta(tape: Tape, served: Served, query: Mapping[str, str], first: int) -> Json:
    """Returns `meta` with the close before `first`, the position of the first row served."""
    instrument, columns = served.instrument, served.columns
    local = datetime.fromtimestamp(served.now, instrument.zone)
    before = max(min(first, len(served.opens)) - 1, 0)
    return {
        "currency": instrument.currency,
        "symbol": instrument.symbol,
        "exchangeName": instrument.exchange_name,
        "fullExchangeName": instrument.full_exchange_name,
        "instrumentType": instrument.instrument_type,
        "firstTradeDate": int(tape.opens[0]),
        "regularMarketTime": served.market_time,
        "hasPrePostMarketData": instrument.calendar == "XNYS",
        "gmtoffset": _offset(local),
        "timezone": local.tzname(),
        "exchangeTimezoneName": instrument.timezone,
        "regularMarketPrice": float(columns["close"][-1]),
        "fiftyTwoWeekHigh": float(columns["high"][-252:].max()),
        "fiftyTwoWeekLow": float(columns["low"][-252:].min()),
        "regularMarketDayHigh": float(columns["high"][-1]),
        "regularMarketDayLow": float(columns["low"][-1]),
        "regularMarketVolume": int(columns["volume"][-1]),
        "longName": instrument.name,
        "shortName": instrument.name,
        "chartPreviousClose": float(columns["close"][before]),
        "priceHint": instrument.price_hint,
        "currentTradingPeriod": current_period(tape, served.now),
        "dataGranularity": query.get("interval", "1d"),
        "range": query.get("range", ""),
        "validRanges": VALID_RANGES,
    }


def current_period(tape: Tape, now: int) -> Json:
    """Returns the hours of today's session, or of the next one if there is none today."""
    instrument = tape.instrument
    midnight = instrument.midnight(datetime.fromtimestamp(now, instrument.zone).date())
    at = min(int(np.searchsorted(tape.opens, midnight)), len(tape.opens) - 1)
    opened, closed = int(tape.opens[at]), int(tape.closes[at])
    extended = instrument.calendar == "XNYS" and instrument.instrument_type != "INDEX"
    pre = opened - int(PRE_MARKET.total_seconds()) if extended else opened
    post = closed + int(POST_MARKET.total_seconds()) if extended else closed
    if instrument.calendar in ALWAYS_OPEN:
        closed = post = closed - 60
    return {
        "pre": _period(instrument, pre, opened),
        "regular": _period(instrument, opened, closed),
        "post": _period(instrument, closed, post),
    }


def _period(instrument: Instrument, start: int, end: int) -> Json:
    local = datetime.fromtimestamp(start, instrument.zone)
    return {"timezone": local.tzname(), "start": start, "end": end, "gmtoffset": _offset(local)}


def _offset(local: datetime) -> int:
    return int((local.utcoffset() or timedelta()).total_seconds())
