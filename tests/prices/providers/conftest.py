"""One stand-in and one provider for all tests of this folder, as their start takes seconds."""

from collections.abc import Iterator

import pytest

from tests.support.against_yahoo import Yahoo, running_yahoo


@pytest.fixture(scope="package")
def _yahoo() -> Iterator[Yahoo]:
    with running_yahoo() as running:
        yield running


@pytest.fixture
def yahoo(_yahoo: Yahoo) -> Yahoo:
    _yahoo.reset()
    _yahoo.restore_book()
    return _yahoo
