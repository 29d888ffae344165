"""Two stand-ins: one with a mixed universe, one with a week of a single symbol."""

from collections.abc import Iterator
from datetime import date

import pytest

from tests.standin import StandIn, default_book
from tests.standin.client import (
    SATURDAY,
    acme_book,
)


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn(default_book(12, years=3, today=date(2026, 3, 2)), now=SATURDAY) as running:
        yield running


@pytest.fixture
def acme_standin() -> Iterator[StandIn]:
    with StandIn(acme_book(), now=SATURDAY) as running:
        yield running
