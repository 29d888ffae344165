"""Failures that the stand-in cannot play, as errors."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest
from curl_cffi.requests import exceptions as curl
from yfinance.exceptions import YFRateLimitError

from prices.providers.base import BadPayload, ProviderError, RateLimited, Unavailable
from prices.providers.yahoo_errors import error_of


def response(status: int, text: str = "", **headers: str) -> Any:
    return SimpleNamespace(
        status_code=status,
        text=text,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


class TestClassified:
    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (curl.DNSError("x"), "Yahoo cannot be found: no name service, or no internet"),
            (curl.ProxyError("x"), "Yahoo cannot be reached through the proxy"),
            (curl.CertificateVerifyError("x"), "a certificate that is not trusted"),
            (curl.ConnectTimeout("x"), "Yahoo did not answer in time"),
            (curl.TooManyRedirects("x"), r"Yahoo cannot be reached \(TooManyRedirects\)"),
            (OSError("x"), r"Yahoo cannot be reached \(OSError\)"),
        ],
    )
    def test_names_what_is_wrong_with_the_way(self, error: Exception, words: str) -> None:
        found = error_of(error, None, "AAPL")

        assert type(found) is Unavailable
        with pytest.raises(ProviderError, match=words):
            raise found

    @pytest.mark.parametrize("status", [401, 403, 404, 407])
    def test_takes_a_refusal_without_a_reason_for_no_word_on_the_symbol(self, status: int) -> None:
        """A 404 page of some proxy is not Yahoo's "no such symbol"."""
        found = error_of(ValueError(), response(status, "<html>Not Found</html>"), "AAPL")

        assert type(found) is Unavailable

    def test_takes_anything_else_for_an_answer_that_cannot_be_read(self) -> None:
        found = error_of(KeyError("close"), response(200, "{}"), "AAPL")

        assert type(found) is BadPayload
        assert "AAPL" in str(found)
        assert "KeyError" in str(found)

    def test_knows_a_rate_limit_without_its_response(self) -> None:
        found = error_of(YFRateLimitError(), None, "AAPL")

        assert isinstance(found, RateLimited)
        assert found.retry_after is None


class TestRetryAfter:
    def wait(self, value: str) -> timedelta | None:
        found = error_of(YFRateLimitError(), response(429, Retry_After=value), "AAPL")
        assert isinstance(found, RateLimited)
        return found.retry_after

    def test_may_be_seconds(self) -> None:
        assert self.wait("90") == timedelta(seconds=90)

    def test_may_be_a_date(self) -> None:
        wait = self.wait(format_datetime(datetime.now(UTC) + timedelta(minutes=10)))

        assert wait is not None
        assert timedelta(minutes=9) < wait <= timedelta(minutes=10)

    def test_that_is_over_is_no_wait(self) -> None:
        assert self.wait("Wed, 21 Oct 2015 07:28:00 GMT") == timedelta(0)

    @pytest.mark.parametrize("value", ["", "soon", "-5", "12.5"])
    def test_that_cannot_be_read_is_none(self, value: str) -> None:
        assert self.wait(value) is None

    @pytest.mark.parametrize("value", ["86401", "9" * 30, "Fri, 31 Dec 9999 23:59:59 GMT"])
    def test_is_never_longer_than_a_day(self, value: str) -> None:
        assert self.wait(value) == timedelta(days=1)
