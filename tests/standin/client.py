"""Requests to the stand-in, directly and through the real yfinance in a process of its own."""

import json
import urllib.error
import urllib.request
from datetime import UTC, date, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.standin import Book, Instrument, StandIn
from tests.support.forks import forks, set_environment

MONDAY_NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # 12:00 in New York
MONDAY_EVENING = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)  # 18:00 in New York
SATURDAY = datetime(2026, 3, 7, 17, 0, tzinfo=UTC)
RECORDINGS = Path(__file__).parents[3] / "shared" / "yahoo"
QUOTES = "https://query1.finance.yahoo.com/v7/finance/quote"

PREAMBLE = f"""
import json, os, sys, tempfile
import yfinance as yf
from yfinance.data import YfData
yf.config.network.proxy = os.environ["PRICECACHE_YAHOO_PROXY"]
yf.config.debug.hide_exceptions = False
folder = tempfile.TemporaryDirectory()
yf.set_tz_cache_location(folder.name)
# Opened by one thread, because several threads that start together find the files locked.
yf.cache.get_tz_cache().lookup("")
yf.cache.get_cookie_cache().lookup("")
QUOTES = {QUOTES!r}

def history(symbol, **asked):
    asked = asked or dict(start="1990-01-01", end="2099-01-01")
    ticker = yf.Ticker(symbol)
    frame = ticker.history(auto_adjust=False, actions=True, keepna=True, **asked)
    rows = [[str(at.date()), *row] for at, row in zip(frame.index, frame.values.tolist())]
    return list(frame.columns), rows, ticker.history_metadata

def failure(call):
    try:
        call()
    except Exception as error:
        return [kind.__name__ for kind in type(error).__mro__], str(error)
"""


def yfinance(standin: StandIn, script: str) -> Any:
    """Runs a script in a process of its own, and returns its variable `found`."""
    receiver, sender = forks.Pipe(duplex=False)
    process = forks.Process(target=_run, args=(sender, standin.env(), script))
    process.start()
    sender.close()
    try:
        assert receiver.poll(200), "the script did not end"
        return json.loads(receiver.recv())
    except EOFError:
        raise AssertionError("the script failed; its traceback is in the output") from None
    finally:
        process.kill()
        process.join()
        receiver.close()


def _run(sender: Connection, environment: dict[str, str], script: str) -> None:
    set_environment(environment)
    names: dict[str, Any] = {}
    exec(PREAMBLE + script, names)  # noqa: S102
    sender.send(json.dumps(names["found"], default=str))
    sender.close()


def fetch(standin: StandIn, path: str, body: object = None) -> Any:
    """Sends a GET, or a POST if there is a `body`, directly to the stand-in."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(standin.url + path, data, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def chart(standin: StandIn, symbol: str, **query: object) -> Any:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return fetch(standin, f"/v8/finance/chart/{symbol}?{asked}")["chart"]["result"][0]


def quote(standin: StandIn, symbol: str) -> Any:
    return fetch(standin, f"/v7/finance/quote?symbols={symbol}")["quoteResponse"]["result"][0]


def acme(**options: Any) -> Instrument:
    """Returns a stock that first traded on 2026-02-27."""
    return Instrument(symbol="ACME", first_session=date(2026, 2, 27), **options)


def acme_book(**options: Any) -> Book:
    """Returns a week of ACME with a 10:1 split on Wednesday and a dividend of 1.00 on Thursday."""
    book = Book.of(
        acme(
            splits=((date(2026, 3, 4), 10, 1),),
            dividends=((date(2026, 3, 3), 5.0), (date(2026, 3, 5), 1.0)),
            **options,
        )
    )
    for day, close in ((27, 90.0), (2, 95.0), (3, 100.0), (4, 10.0), (5, 9.5), (6, 9.25)):
        session = date(2026, 2, 27) if day == 27 else date(2026, 3, day)
        volume = 1_000 if close > 50 else 20_000
        book.revise("ACME", session, open=close, high=close, low=close, close=close, volume=volume)
    return book
