"""A whole system for the tests of a file, which defines it as `_system`."""

import pytest

from tests.support.whole_system import System


@pytest.fixture
def running(_system: System) -> System:
    """One system for many tests, on the same data folder. It is started if a test stopped it."""
    if _system.up is None or _system.up.poll() is not None:
        _system.start()
    return _system
