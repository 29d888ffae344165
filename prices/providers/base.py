"""What a provider is to the rest of the system, and every way it may fail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Protocol

from prices.domain.answers import Fetched
from prices.domain.quotes import Quote


class ProviderError(Exception):
    """A provider could not answer; the message is for users. `permanent`: asking again is vain."""

    permanent = False


class UnknownSymbol(ProviderError):
    """The provider says that there is no such symbol (any more)."""

    permanent = True


class RangeNotOffered(ProviderError):
    """The symbol exists, but the provider has nothing for this range or interval."""

    permanent = True


class RateLimited(ProviderError):
    """Too many requests; `retry_after` is the provider's word, if it gave one."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(ProviderError):
    """The provider, or the way to it, is down."""


class BadPayload(ProviderError):
    """An answer came that cannot be understood."""


class PriceProvider(Protocol):
    """A source of daily bars and quotes. Methods may be called from several threads at once.

    It is made with the keywords of `wiring.build_provider`; `before_request` among them is to be
    called before every single request, by the thread that called the method.
    """

    name: str
    # How many histories may be fetched at the same time.
    parallel: int
    quotes_per_request: int

    @property
    def requests(self) -> int:
        """How many requests this object has sent so far, retries included."""

    def history(
        self, symbol: str, start: date | None, *, now: datetime, timezone: str = ""
    ) -> Fetched:
        """Daily bars and corporate actions from `start` (None: all there is) up to `now`.

        An answer without bars is an answer. `timezone`, if known, may save a request.
        :raises ProviderError:
        """

    def quotes(self, symbols: Iterable[str], *, now: datetime) -> list[Quote]:
        """The latest quotes of at most `quotes_per_request` symbols; those without are left out.

        :raises ProviderError:
        """
