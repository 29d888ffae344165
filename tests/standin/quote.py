"""Bodies of /v7/finance/quote: one row per known symbol, nothing for the others."""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tests.standin.book import Tape
from tests.standin.chart import Json, current_period
from tests.standin.served import Served

MAX_SYMBOLS = 100


def too_many() -> tuple[int, Json]:
    error = {"code": "Bad Request", "description": "Exceeded maximum number of symbols"}
    return 400, {"quoteResponse": {"result": None, "error": error}}


def body_of(rows: Iterable[str]) -> str:
    """Returns the body with rows that are JSON already."""
    return f'{{"quoteResponse": {{"result": [{", ".join(rows)}], "error": null}}}}'


def row(tape: Tape, served: Served) -> Json:
    """Returns the quote of one symbol, with the prices of the session of `regularMarketTime`."""
    instrument, columns = served.instrument, served.columns
    local = datetime.fromtimestamp(served.now, instrument.zone)
    offset = local.utcoffset()
    price = float(columns["close"][-1])
    previous = float(columns["close"][-2:][0]) / _split_today(served, local)
    return {
        "language": "en-US",
        "region": "US",
        "quoteType": instrument.instrument_type,
        "quoteSourceName": "Nasdaq Real Time Price",
        "triggerable": True,
        "currency": instrument.currency,
        "exchange": instrument.exchange_name,
        "fullExchangeName": instrument.full_exchange_name,
        "exchangeTimezoneName": instrument.timezone,
        "exchangeTimezoneShortName": local.tzname(),
        "gmtOffSetMilliseconds": int(offset.total_seconds() * 1000) if offset else 0,
        "market": f"{(instrument.currency or 'us')[:2].lower()}_market",
        "shortName": instrument.name,
        "longName": instrument.name,
        "firstTradeDateMilliseconds": int(tape.opens[0]) * 1000,
        "priceHint": instrument.price_hint,
        "sourceInterval": 15,
        "exchangeDataDelayedBy": 0,
        "tradeable": False,
        **_day(columns),
        "marketState": _market_state(tape, served),
        "regularMarketTime": served.market_time,
        "regularMarketPrice": price,
        "regularMarketPreviousClose": previous,
        "regularMarketChange": price - previous,
        "regularMarketChangePercent": (price / previous - 1) * 100,
        "fiftyTwoWeekHigh": float(columns["high"][-252:].max()),
        "fiftyTwoWeekLow": float(columns["low"][-252:].min()),
        "symbol": instrument.symbol,
    }


def _split_today(served: Served, now: datetime) -> float:
    """Returns the ratio of a split on the quote's session that older bars are not restated for.

    The previous close is on the new basis from the ex-date on, whenever the bars follow.
    """
    instrument = served.instrument
    restated = instrument.effective_splits(now, instrument.restate_late)
    today = (s for s in instrument.splits if s[0] == served.sessions[-1] and s not in restated)
    return math.prod(numerator / denominator for _, numerator, denominator in today)


def _day(columns: dict[str, Any]) -> Json:
    high, low = float(columns["high"][-1]), float(columns["low"][-1])
    return {
        "regularMarketOpen": float(columns["open"][-1]),
        "regularMarketDayHigh": high,
        "regularMarketDayLow": low,
        "regularMarketDayRange": f"{low} - {high}",
        "regularMarketVolume": int(columns["volume"][-1]),
    }


def _market_state(tape: Tape, served: Served) -> str:
    if served.running:
        return "REGULAR"
    periods = current_period(tape, served.now)
    for name, state in (("pre", "PRE"), ("post", "POST")):
        if periods[name]["start"] <= served.now < periods[name]["end"]:
            return state
    return "CLOSED"
