"""The sample: real daily prices of five US companies, 2000 to 2013, from an installed package.

`bokeh_sampledata` has as-traded OHLCV and an adjusted close that also carries later events. The
steps of adjusted close ÷ close are the splits and dividends; a constant factor changes no step.
"""

import csv
import gzip
from collections.abc import Iterator
from datetime import date, datetime, time
from fractions import Fraction
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from prices.domain.actions import Actions, Dividend, Split, split_factors
from prices.domain.answers import SAMPLE, Fetched
from prices.domain.bars import BarSeries, Floats
from prices.domain.coverage import DateRange
from prices.providers.base import Unavailable

# The package's symbols → today's.
SYMBOLS = {"AAPL": "AAPL", "GOOG": "GOOG", "IBM": "IBM", "MSFT": "MSFT", "FB": "META"}
_NAMES = {
    "AAPL": "Apple Inc.",
    "GOOG": "Alphabet Inc.",
    "IBM": "International Business Machines Corporation",
    "MSFT": "Microsoft Corporation",
    "META": "Meta Platforms, Inc.",
}
_COLUMNS = (("Open", "f8"), ("High", "f8"), ("Low", "f8"), ("Close", "f8"), ("Volume", "i8"))
_NEW_YORK, _CLOSE = ZoneInfo("America/New_York"), time(16)
_NASDAQ, _NYSE = "NMS", "NYQ"
# Smaller steps of adjusted close ÷ close come from the rounding of the package.
_NO_EVENT = 1e-5
# No company pays a third of its price as an ordinary dividend; the sample's splits are 2:1.
_SPLIT_STEP = 1.4


def history() -> Iterator[tuple[str, Fetched]]:
    """Yields each symbol and its history, split-adjusted as in the store.

    :raises Unavailable: the package is not installed.
    """
    with gzip.open(_path(), "rt", newline="") as file:
        for ticker, rows in groupby(csv.DictReader(file), key=lambda row: row["Ticker"]):
            if ticker in SYMBOLS:
                yield SYMBOLS[ticker], _fetched(SYMBOLS[ticker], list(rows))


def _path() -> Path:
    spec = find_spec("bokeh_sampledata")
    if spec is None or spec.origin is None:
        raise Unavailable("The sample is not installed: pip install 'pricecache[sample]'.")
    return Path(spec.origin).parent / "_data" / "stocks.csv.gz"


def _fetched(symbol: str, rows: list[dict[str, str]]) -> Fetched:
    dates = np.array([row["Date"] for row in rows], "datetime64[D]")
    columns = [np.array([row[n] for row in rows], kind) for n, kind in _COLUMNS]
    traded = BarSeries(dates.astype("datetime64[ms]"), *columns)
    adjusted_close = np.array([row["Adj Close"] for row in rows], float)
    actions = _events(traded, adjusted_close / traded.close)
    factor = split_factors(dates, actions.splits)
    first, last = dates[0].item(), dates[-1].item()
    return Fetched(
        asked=DateRange(first, date.fromordinal(last.toordinal() + 1)),
        series=traded.with_prices(1 / factor, np.rint(traded.volume * factor).astype("i8")),
        actions=actions,
        fetched_at=datetime.combine(last, _CLOSE, _NEW_YORK),
        source=SAMPLE,
        currency="USD",
        exchange=_NYSE if symbol == "IBM" else _NASDAQ,
        timezone=_NEW_YORK.key,
        name=_NAMES[symbol],
        instrument_type="EQUITY",
    )


def _events(traded: BarSeries, ratio: Floats) -> Actions:
    """Returns splits and dividends from the steps of adjusted ÷ as-traded close.

    A split n:1 multiplies the ratio by n; a dividend D by 1 ÷ (1 - D ÷ close before).
    """
    steps = ratio[1:] / ratio[:-1]
    splits: list[Split] = []
    paid: list[tuple[date, float]] = []
    for at in np.flatnonzero(np.abs(steps - 1) > _NO_EVENT):
        session, step = traded.sessions[at + 1].item(), float(steps[at])
        if step > _SPLIT_STEP:
            shares = Fraction(step).limit_denominator(2)
            splits.append(Split(session, shares.numerator, shares.denominator))
            step /= float(shares)
        if step - 1 > _NO_EVENT:
            paid.append((session, float(traded.close[at]) * (1 - 1 / step)))
    sessions = np.array([session for session, _ in paid], "datetime64[D]")
    later = split_factors(sessions, splits)
    dividends = (Dividend(s, amount / float(f)) for (s, amount), f in zip(paid, later, strict=True))
    return Actions(tuple(splits), tuple(dividends))
