"""The protocol of a provider, and the errors of all providers."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Protocol

from prices.domain.answers import Fetched
from prices.domain.quotes import Quote
from prices.domain.wording import one_line

# It repeats what the provider said, which may be anything.
_MAX_MESSAGE = 500


class ProviderError(Exception):
    """A provider could not answer. The message is for users, on one line of bounded length.

    `permanent` errors are not worth a second request. `symbol_at_fault` tells whether others would
    have been answered.
    """

    permanent = False
    symbol_at_fault = True

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message, _MAX_MESSAGE))


class UnknownSymbol(ProviderError):
    """The provider says that there is no such symbol, or no longer."""

    permanent = True


class RangeNotOffered(ProviderError):
    """The symbol exists, but the provider has nothing for this range or interval."""

    permanent = True


class RateLimited(ProviderError):
    """Too many requests. `retry_after` is what the provider said, if it did."""

    symbol_at_fault = False

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(ProviderError):
    """The provider or the connection to it is down, or one symbol makes it fail."""

    symbol_at_fault = False


class ClockWrong(ProviderError):
    """This machine's clock is off the provider's, so that it cannot judge any answer."""

    symbol_at_fault = False


class BadPayload(ProviderError):
    """The provider's answer cannot be read."""


class PriceProvider(Protocol):
    """A source of daily bars and quotes. Thread-safe.

    It is built with the keywords of `services.build_provider`. It calls one of them,
    `before_request`, before every request, in the thread that called the method. It may have a
    property `provider_time`: when the provider sent its last answer to this thread, by its clock.
    """

    name: str
    parallel: int  # how many histories may be fetched at the same time
    quotes_per_request: int

    @property
    def requests(self) -> int:
        """How many requests this object has sent so far, retries included."""

    def history(
        self, symbol: str, start: date | None, *, now: datetime, timezone: str = ""
    ) -> Fetched:
        """Returns daily bars and corporate actions from `start` (None: the first) up to `now`.

        The answer may have no bars. A known `timezone` may save a request.
        :raises ProviderError:
        """

    def quotes(self, symbols: Iterable[str], *, now: datetime) -> list[Quote]:
        """Returns the latest quotes of at most `quotes_per_request` symbols.

        Symbols without a quote are left out. :raises ProviderError:
        """
