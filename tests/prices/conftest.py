"""What the tests of bad input share: one stand-in and one filled store a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prices.store.mongo import Db
from tests.conftest import empty
from tests.prices.hundred import Hundred, running_hundred


@pytest.fixture(scope="module")
def _hundred(_schema: Db) -> Iterator[Hundred]:
    with running_hundred() as running:
        yield running
    empty(_schema)


@pytest.fixture
def hundred(_hundred: Hundred, db: None) -> Iterator[Hundred]:
    """A hundred healthy symbols that are tracked and complete, and the jobs that sync them."""
    with _hundred.at_work():
        yield _hundred
