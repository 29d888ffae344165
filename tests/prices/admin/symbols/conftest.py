"""A symbol with a gap, for the tests of its page."""

from datetime import date

import pytest

from prices.models import TrackedSymbol
from tests.support.admin_pages import GAP, HOLED
from tests.support.builders import published, tracked


@pytest.fixture
def row() -> TrackedSymbol:
    """A symbol with one gap, which is no longer requested."""
    row = tracked()
    published(rows=HOLED, gaps=(GAP,), final_through=date(2026, 6, 5))
    return row
