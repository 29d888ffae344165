"""Yahoo Finance through yfinance: the only module that imports it, or pandas."""

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import yfinance
from curl_cffi import requests as curl
from yfinance.data import YfData
from yfinance.exceptions import YFException, YFPricesMissingError

from prices.domain.actions import Actions, Dividend, Split
from prices.domain.answers import Fetched
from prices.domain.bars import BarSeries, nonsense
from prices.domain.coverage import DateRange
from prices.domain.quotes import Quote
from prices.providers.yahoo_errors import error_of

QUOTE_URL = "https://query1.finance.yahoo.com/v7/finance/quote"
EARLIEST = date(1900, 1, 1)
# A last trade this close to the end of the session is its close: not every stock trades in the
# last second.
_AT_THE_CLOSE = timedelta(minutes=2)
_COLUMNS = (("Open", "f8"), ("High", "f8"), ("Low", "f8"), ("Close", "f8"), ("Volume", "i8"))
# The exceptions of yfinance, of its code that meets an unexpected answer, and of the network.
_FAILURES = (YFException, OSError, LookupError, ValueError, TypeError, AttributeError)


class _Session(curl.Session):  # type: ignore[type-arg]
    """A session of yfinance that remembers each thread's last response.

    yfinance hides status and headers behind its exceptions. They distinguish an unknown symbol
    from a server that is down, and say how long a limit lasts.
    """

    def __init__(self, timeout: float, before_request: Callable[[], None]) -> None:
        super().__init__(impersonate="chrome", verify=_ca_bundle())  # type: ignore[arg-type]  # a path is also allowed
        self._timeout = timeout
        self._before_request = before_request
        self.last = threading.local()
        self.sent = 0
        self._counting = threading.Lock()

    def request(self, *args: Any, **kwargs: Any) -> Any:
        self.last.response = None
        self._before_request()
        with self._counting:
            self.sent += 1
        kwargs["timeout"] = self._timeout  # yfinance sets 10 to 30 s for some requests
        self.last.response = super().request(*args, **kwargs)
        return self.last.response


def _ca_bundle() -> str | bool:
    """Returns the CA bundle that the standard variables name, else the built-in one (True)."""
    names = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
    return next((os.environ[name] for name in names if os.environ.get(name)), True)


class YahooProvider:
    """Implements `PriceProvider`. One object a process, because yfinance's state is global.

    `before_request` is called before each request, and its exceptions pass through.
    """

    name = "yahoo"
    quotes_per_request = 99  # Yahoo refuses more than 100

    def __init__(
        self,
        *,
        cache_dir: Path,
        proxy: str = "",
        threads: int = 4,
        timeout: float = 15,
        before_request: Callable[[], None] = lambda: None,
    ) -> None:
        self.parallel = threads
        yfinance.config.debug.hide_exceptions = False  # else outages look like delistings
        if proxy:
            yfinance.config.network.proxy = proxy
        # Else a symbol without a time zone costs eleven more requests for the same failure.
        yfinance.base._tz_info_fetch_ctr = 2
        _use_own_cache(cache_dir)
        self._session = _Session(timeout, before_request)
        self._known_timezones: set[str] = set()

    @property
    def requests(self) -> int:
        return self._session.sent

    def history(
        self, symbol: str, start: date | None, *, now: datetime, timezone: str = ""
    ) -> Fetched:
        begin = max(start or EARLIEST, EARLIEST)
        # Two days later, so that the range includes today's session in every time zone.
        end = now.astimezone(UTC).date() + timedelta(days=2)
        asked = DateRange(begin, end)
        self._remember(symbol, timezone)
        _forget_answers()  # yfinance would answer a past range from memory
        ticker = yfinance.Ticker(symbol, session=self._session)
        try:
            table = ticker.history(
                start=begin.isoformat(),
                end=end.isoformat(),
                interval="1d",
                auto_adjust=False,
                actions=True,
                keepna=True,
            )
            return _fetched(table, ticker.history_metadata, asked, now)
        except _FAILURES as error:
            _forget_answers()
            if _is_empty_answer(error, self._response):
                return Fetched(asked, BarSeries.empty(), Actions(), now, self.name)
            raise error_of(error, self._response, symbol) from error

    def quotes(self, symbols: Iterable[str], *, now: datetime) -> list[Quote]:
        wanted = ",".join(symbols)
        try:
            answer = YfData(session=self._session).get_raw_json(
                QUOTE_URL, params={"symbols": wanted}
            )
            rows = answer["quoteResponse"]["result"]
            return [quote for row in rows if (quote := _quote_or_none(row, now)) is not None]
        except _FAILURES as error:
            _forget_answers()
            raise error_of(error, self._response, "these symbols") from error

    @property
    def _response(self) -> Any:
        return getattr(self._session.last, "response", None)

    def _remember(self, symbol: str, timezone: str) -> None:
        """Gives yfinance the time zone, else it requests it once a symbol and process."""
        if timezone and symbol not in self._known_timezones:
            yfinance.cache.get_tz_cache().store(symbol, timezone)
            self._known_timezones.add(symbol)


def _use_own_cache(folder: Path) -> None:
    """Gives yfinance a folder of this process: a shared one fails with "database is locked"."""
    for other in folder.glob("[0-9]*"):
        if not Path(f"/proc/{other.name}").exists():
            shutil.rmtree(other, ignore_errors=True)
    own = folder / str(os.getpid())
    own.mkdir(parents=True, exist_ok=True)
    yfinance.set_tz_cache_location(str(own))
    # Opened by this thread alone: if several do so at once, some find the files locked.
    yfinance.cache.get_tz_cache().lookup("")
    yfinance.cache.get_cookie_cache().lookup("")


def _forget_answers() -> None:
    YfData().cache_get.cache_clear()


def _is_empty_answer(error: Exception, response: Any) -> bool:
    """Returns whether Yahoo answered without an error, but has no bars in the range."""
    return (
        isinstance(error, YFPricesMissingError)
        and getattr(error, "yahoo_reason", None) is None
        and "status_code" not in str(error)
        and response is not None
        and response.status_code == 200
        and '"timestamp"' not in response.text
        and '"chart"' in response.text
        and '"meta"' in response.text
    )


def _fetched(
    table: pd.DataFrame, meta: Mapping[str, Any], asked: DateRange, now: datetime
) -> Fetched:
    dates = table.index.strftime("%Y-%m-%d").to_numpy().astype("datetime64[D]")
    columns = [table[name].to_numpy(kind) for name, kind in _COLUMNS]
    absent = np.isnan(np.vstack(columns[:4])).any(axis=0)
    bad = absent | nonsense(*columns)
    bars = BarSeries(dates[~bad].astype("datetime64[ms]"), *(column[~bad] for column in columns))
    return Fetched(
        asked=asked,
        series=bars,
        actions=_actions(table, dates),
        fetched_at=now,
        source=YahooProvider.name,
        currency=meta.get("currency") or "",
        exchange=meta.get("exchangeName") or "",
        timezone=meta.get("exchangeTimezoneName") or "UTC",
        name=meta.get("longName") or meta.get("shortName") or "",
        instrument_type=meta.get("instrumentType") or "",
        running=_running(meta),
        lacking=tuple(dates[absent].tolist()),
        nonsense=tuple(dates[bad & ~absent].tolist()),
    )


def _actions(table: pd.DataFrame, dates: np.ndarray[Any, Any]) -> Actions:
    splits, dividends = table["Stock Splits"].to_numpy(), table["Dividends"].to_numpy()
    ratios = [(dates[at].item(), Fraction(float(splits[at]))) for at in np.flatnonzero(splits > 0)]
    # yfinance returns a split as one number: 1:30 as 0.0333…, which becomes 1:30 again here.
    exact = [(session, ratio.limit_denominator(10_000)) for session, ratio in ratios]
    return Actions(
        tuple(Split(session, r.numerator, r.denominator) for session, r in exact if r),
        tuple(
            Dividend(dates[at].item(), float(dividends[at])) for at in np.flatnonzero(dividends > 0)
        ),
    )


def _running(meta: Mapping[str, Any]) -> date | None:
    """Returns the session that is still running: its last trade is before the session's end.

    A stock that stopped trading early looks the same until Yahoo's day ends. That is the price of
    never storing a running day as a close.
    """
    period = (meta.get("currentTradingPeriod") or {}).get("regular") or {}
    last_trade, start, end = meta.get("regularMarketTime"), period.get("start"), period.get("end")
    if last_trade is None or start is None or end is None:
        return None
    if start <= last_trade < end - _AT_THE_CLOSE:
        session: date = last_trade.date()
        return session
    return None


def _quote_or_none(row: Mapping[str, Any], now: datetime) -> Quote | None:
    """Returns a quote. Returns None if it makes no sense, so that it does not fail the others."""
    try:
        quote = _quote(row, now)
        if quote is not None:
            ZoneInfo(quote.timezone)  # the quote's session depends on it
        return quote
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError):
        return None


def _quote(row: Mapping[str, Any], now: datetime) -> Quote | None:
    """Returns a quote. Returns None if Yahoo left out the price or its time."""
    price, at = row.get("regularMarketPrice"), row.get("regularMarketTime")
    if not isinstance(price, int | float) or not isinstance(at, int):
        return None
    if not 0 < price < float("inf"):
        return None
    numbers = {
        field: float(row[key])
        for field, key in (
            ("previous_close", "regularMarketPreviousClose"),
            ("open", "regularMarketOpen"),
            ("high", "regularMarketDayHigh"),
            ("low", "regularMarketDayLow"),
        )
        if isinstance(row.get(key), int | float)
    }
    volume = row.get("regularMarketVolume")
    return Quote(
        symbol=row["symbol"],
        price=float(price),
        market_time=datetime.fromtimestamp(at, UTC),
        fetched_at=now,
        market_state=row.get("marketState") or "",
        currency=row.get("currency") or "",
        timezone=row.get("exchangeTimezoneName") or "UTC",
        exchange=row.get("exchange") or "",
        name=row.get("longName") or row.get("shortName") or "",
        instrument_type=row.get("quoteType") or "",
        volume=int(volume) if isinstance(volume, int | float) and 0 <= volume < 2**63 else None,
        **numbers,
    )
