"""Builders of domain values, and readers of recorded answers."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.answers import Fetched
from prices.domain.bars import BarSeries
from prices.domain.coverage import DateRange
from prices.domain.sessions import Sessions, sessions_of

VOLUME = 1_000
# Recorded by a request that did not ask for events.
EVENTLESS = "response_yahoo_historical02"


def day(text: str) -> date:
    return date.fromisoformat(text)


def at(text: str) -> datetime:
    """Returns a time in UTC, such as "2026-03-02 21:00"."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def series(*rows: tuple[Any, ...]) -> BarSeries:
    """Returns bars with OHLC equal to the close, of (ISO date, close) or with a volume."""
    return BarSeries.from_rows(
        (day(row[0]), row[1], row[1], row[1], row[1], row[2] if len(row) > 2 else VOLUME)
        for row in rows
    )


def closes(bars: BarSeries) -> dict[str, float]:
    """Returns the closes by ISO date."""
    return dict(zip(bars.sessions.astype(str).tolist(), bars.close.tolist(), strict=True))


def sessions(mic: str) -> Sessions:
    """Returns the sessions of a known exchange."""
    found = sessions_of(mic)
    assert found is not None
    return found


def fetched(bars: BarSeries, **changes: Any) -> Fetched:
    """Returns an answer for exactly the days of its bars, at noon UTC after the last one."""
    first = bars.sessions[0].item() if len(bars) else day("2026-03-02")
    last = bars.sessions[-1].item() if len(bars) else first
    values: dict[str, Any] = {
        "asked": DateRange(first, last + timedelta(days=1)),
        "series": bars,
        "actions": Actions(),
        "fetched_at": datetime(last.year, last.month, last.day, 12, tzinfo=UTC) + timedelta(days=1),
        "source": "yahoo",
        "currency": "USD",
        "exchange": "NMS",
        "timezone": "America/New_York",
    }
    return Fetched(**{**values, **changes})


def recorded(path: Path) -> dict[str, Any]:
    """Returns `chart.result[0]` of a recorded answer."""
    result: dict[str, Any] = json.loads(path.read_text())["chart"]["result"][0]
    return result


def recorded_bars(result: dict[str, Any]) -> tuple[BarSeries, np.ndarray[Any, Any]]:
    """Returns the bars of a recorded daily answer without null rows, and their adjusted closes."""
    quote, stamps = result["indicators"]["quote"][0], result.get("timestamp", [])
    adjusted = result["indicators"]["adjclose"][0].get("adjclose", [])
    names = ("open", "high", "low", "close", "volume")
    rows = [
        (_session(result, stamp), *(quote[name][row] for name in names))
        for row, stamp in enumerate(stamps)
    ]
    whole = [row for row, values in enumerate(rows) if None not in values]
    bars = BarSeries.from_rows(rows[row] for row in whole)
    return bars, np.array([adjusted[row] for row in whole], float)


def recorded_actions(result: dict[str, Any]) -> Actions:
    events = result.get("events", {})
    return Actions(
        tuple(
            Split(_session(result, event["date"]), event["numerator"], event["denominator"])
            for event in events.get("splits", {}).values()
        ),
        tuple(
            Dividend(_session(result, event["date"]), event["amount"])
            for event in events.get("dividends", {}).values()
        ),
    )


def _session(result: dict[str, Any], stamp: int) -> date:
    zone = ZoneInfo(result["meta"]["exchangeTimezoneName"])
    return datetime.fromtimestamp(stamp, zone).date()
