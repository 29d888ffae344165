"""Some hundred cases of Schemathesis against a whole system; `make fuzz` sends thousands."""

from collections.abc import Iterator

import pytest

from tests.fuzz import IDENTITIES, fuzz, prepare
from tests.standin import StandIn, default_book
from tests.support.ports import free_ports
from tests.support.whole_system import System, system

# The same cases in every run.
BOUNDED = ("--generation-deterministic", "--phases=fuzzing,stateful", "--max-examples=3")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with (
        StandIn(default_book(4, years=1)) as standin,
        system(tmp_path_factory.mktemp("fuzz"), free_ports(2), standin.env()) as running,
    ):
        running.start("--no-sample")
        prepare(running, list(standin.book.instruments))
        yield running


@pytest.mark.parametrize("identity", IDENTITIES)
def test_every_answer_is_documented(running: System, identity: str) -> None:
    found = fuzz(running, identity, *BOUNDED)

    assert found.passed, found.report
    assert found.cases >= 100
