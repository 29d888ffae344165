"""Yahoo Finance through yfinance."""

import os
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yfinance
from curl_cffi import requests as curl
from yfinance.data import YfData
from yfinance.exceptions import YFException, YFPricesMissingError

from prices.domain.actions import Actions
from prices.domain.answers import Fetched
from prices.domain.bars import BarSeries, parse_symbol
from prices.domain.coverage import DateRange
from prices.domain.quotes import Quote
from prices.providers.yahoo_chart import (
    FUTURE,
    MAX_CURRENCY,
    SOURCE,
    read_chart,
    read_code,
    read_number,
    read_text,
    without_events,
)
from prices.providers.yahoo_errors import AnswerTooLarge, error_of, read_json, time_of

QUOTE_URL = "https://query1.finance.yahoo.com/v7/finance/quote"
_CHART_URLS = tuple(f"https://query{n}.finance.yahoo.com/v8/finance/chart/" for n in (1, 2))
_API_URLS = (QUOTE_URL, *_CHART_URLS)
# Another crumb can only help against 401 and 403; 429 is waited for.
_FINAL = frozenset(range(400, 600)) - {401, 403, 429}
EARLIEST = date(1900, 1, 1)
# Of a body after it was unpacked. The longest history takes 5 MB; a gzip bomb would fill the memory.
MAX_ANSWER_BYTES = 20_000_000
# Today's session in every time zone ends within so many days. A later trade is a mistake.
_MAX_AHEAD = timedelta(days=2)


# The exceptions of yfinance, of its code that meets an unexpected answer, and of the network.
_FAILURES = (
    *(YFException, OSError, LookupError, ValueError, TypeError, AttributeError),
    *(ArithmeticError, AssertionError, RuntimeError),
)


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
        self.last.response = self.last.body = None
        self._before_request()
        with self._counting:
            self.sent += 1
        kwargs["timeout"] = self._timeout  # yfinance sets 10 to 30 s for some requests
        content = bytearray()

        def collect(part: bytes) -> int:
            if len(content) + len(part) > MAX_ANSWER_BYTES:
                raise AnswerTooLarge  # ends the transfer
            content.extend(part)
            return len(part)

        kwargs["content_callback"] = collect
        response = super().request(*args, **kwargs)
        response.content = bytes(content)
        self.last.response = response
        if response.status_code in _FINAL and str(response.url).startswith(_API_URLS):
            # yfinance would ask for another crumb and then the same once more.
            raise curl.exceptions.HTTPError(f"HTTP {response.status_code}", response=response)
        response.json = lambda **_: self._read(response)
        return response

    def _read(self, response: Any) -> Any:
        """Returns a body for yfinance: without events, as one impossible event fails it."""
        self.last.body = read_json(response)
        return without_events(self.last.body)


def _ca_bundle() -> str | bool:
    """Returns the CA bundle that the standard variables name, else the built-in one (True)."""
    names = ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
    return next((os.environ[name] for name in names if os.environ.get(name)), True)


class YahooProvider:
    """Implements `PriceProvider`. One object a process, because yfinance's state is global.

    `before_request` is called before each request, and its exceptions pass through.
    """

    name = SOURCE
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
        end = now.astimezone(UTC).date() + _MAX_AHEAD
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
            body = getattr(self._session.last, "body", None)
            return read_chart(table, ticker.history_metadata, body, asked, now)
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
    def provider_time(self) -> datetime | None:
        """When Yahoo sent its last answer to this thread. None if it does not say."""
        return time_of(self._response)

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


def _quote_or_none(row: Any, now: datetime) -> Quote | None:
    """Returns a quote. Returns None if it makes no sense, so that it does not fail the others."""
    try:
        quote = _quote(row, now)
        if quote is not None:
            _ = quote.session  # It depends on the time zone and on the time of the trade.
        return quote
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError, OSError):
        return None


def _quote(row: Mapping[str, Any], now: datetime) -> Quote | None:
    """Returns a quote. Returns None if Yahoo left out the price or its time."""
    price, at = read_number(row.get("regularMarketPrice")), row.get("regularMarketTime")
    if price is None or price == 0 or not isinstance(at, int) or isinstance(at, bool):
        return None
    if at > (now + _MAX_AHEAD).timestamp():
        return None
    kind = read_code(row.get("quoteType"))
    if price < 0 and kind != FUTURE:
        return None
    volume = read_number(row.get("regularMarketVolume"))
    return Quote(
        symbol=parse_symbol(row["symbol"]),
        price=price,
        market_time=datetime.fromtimestamp(at, UTC),
        fetched_at=now,
        market_state=read_code(row.get("marketState")),
        currency=read_code(row.get("currency"), MAX_CURRENCY),
        timezone=read_text(row.get("exchangeTimezoneName")) or "UTC",
        exchange=read_code(row.get("exchange")),
        name=read_text(row.get("longName")) or read_text(row.get("shortName")),
        instrument_type=kind,
        volume=int(volume) if volume is not None and 0 <= volume < 2**63 else None,
        previous_close=read_number(row.get("regularMarketPreviousClose")),
        open=read_number(row.get("regularMarketOpen")),
        high=read_number(row.get("regularMarketDayHigh")),
        low=read_number(row.get("regularMarketDayLow")),
    )
