"""Yfinance's exceptions and Yahoo's responses as the errors of `base`."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from curl_cffi import requests as curl
from yfinance.exceptions import YFDataException, YFRateLimitError, YFTickerMissingError

from prices.providers.base import (
    BadPayload,
    ProviderError,
    RangeNotOffered,
    RateLimited,
    Unavailable,
    UnknownSymbol,
)

_NETWORK = {
    "Timeout": "did not answer in time",
    "ReadTimeout": "did not answer in time",
    "ConnectTimeout": "did not answer in time",
    "ConnectionError": "refused or broke the connection",
    "ProxyError": "cannot be reached through the proxy",
    "DNSError": "cannot be found: no name service, or no internet",
    "SSLError": "showed a certificate that is not trusted",
    "CertificateVerifyError": "showed a certificate that is not trusted",
    "IncompleteRead": "broke off its answer",
}
_DOWN = "Will be right back"
# A header that asks for more is a mistake, and would stop all requests for long.
_MAX_LIMIT = timedelta(days=1)


class AnswerTooLarge(ValueError):
    """The body of a response is larger than any real answer."""


def read_json(response: Any) -> Any:
    """Returns the JSON of a response, also with numbers that only a lenient reader accepts.

    One NaN or one number beyond a double would fail a whole answer otherwise.

    :raises ValueError: it is not JSON.
    """
    try:
        return type(response).json(response)
    except ValueError:
        # An integer of thousands of digits is no number for Python either.
        return json.loads(response.text, parse_int=lambda t: int(t) if len(t) < 20 else float(t))


def error_of(error: Exception, response: Any, symbol: str) -> ProviderError:
    """Returns the `ProviderError` for an exception of yfinance.

    `response` is the last HTTP response of the thread, or None if there was none.
    """
    if isinstance(error, AnswerTooLarge):
        return BadPayload(f"Yahoo's answer for {symbol} is far too large to be one")
    status = response.status_code if response is not None else None
    if isinstance(error, YFRateLimitError) or status == 429:
        return RateLimited("Yahoo allows no more requests for now", _retry_after(response))
    if status is not None and status >= 400:
        return _refused(status, _reason(response), symbol)
    # yfinance looks for this text in answers with bars, but not in those with time zones or quotes.
    if isinstance(error, YFDataException) or (response is not None and _DOWN in response.text):
        return Unavailable("Yahoo says it will be right back")
    if isinstance(error, json.JSONDecodeError | curl.exceptions.JSONDecodeError):
        return BadPayload(f"Yahoo's answer for {symbol} is not JSON")
    if isinstance(error, OSError):
        kind = type(error).__name__
        return Unavailable(f"Yahoo {_NETWORK.get(kind, f'cannot be reached ({kind})')}")
    if isinstance(error, YFTickerMissingError):
        return BadPayload(f"Yahoo's answer for {symbol} lacks its time zone or prices")
    return BadPayload(
        f"Yahoo's answer for {symbol} cannot be read ({type(error).__name__}: {error})"
    )


def _refused(status: int, reason: str, symbol: str) -> ProviderError:
    said = f"Yahoo says of {symbol}: {reason or f'HTTP {status}'}"
    if status == 404:
        return UnknownSymbol(said) if reason else Unavailable(said)
    if status in (400, 422):
        return RangeNotOffered(said)
    if status >= 500:
        return Unavailable(f"Yahoo returned HTTP {status}{f' ({reason})' if reason else ''}")
    return Unavailable(f"Yahoo refused the request (HTTP {status})")


def _reason(response: Any) -> str:
    """Returns the description in an error body; empty if there is none."""
    try:
        body = json.loads(response.text)
        error = next(part["error"] for part in body.values() if part.get("error"))
        return str(error.get("description") or error.get("code") or "")
    except (ValueError, LookupError, AttributeError, TypeError, StopIteration):
        return ""


def time_of(response: Any) -> datetime | None:
    """Returns when a response was sent by its headers, with its age in a proxy's cache."""
    if response is None:
        return None
    age = response.headers.get("Age", "").strip()
    try:
        sent = parsedate_to_datetime(response.headers.get("Date", ""))
        return sent.astimezone(UTC) + timedelta(seconds=int(age) if age.isdecimal() else 0)
    except (ValueError, TypeError, OverflowError):
        return None


def _retry_after(response: Any) -> timedelta | None:
    """Returns the wait of a header in seconds or with a date, at most a day. None: unusable."""
    value = response.headers.get("Retry-After", "") if response is not None else ""
    try:
        if value.strip().isdecimal():
            wait = timedelta(seconds=int(value))
        else:
            wait = parsedate_to_datetime(value) - datetime.now(UTC)
    except (ValueError, TypeError):
        return None
    except OverflowError:
        wait = _MAX_LIMIT
    return min(max(wait, timedelta(0)), _MAX_LIMIT)
