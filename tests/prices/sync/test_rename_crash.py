"""A second call completes a rename that crashed."""

from typing import Any

import pytest

from prices import services
from prices.domain.bars import SeriesKey
from prices.domain.coverage import RequestedRange
from prices.models import Quarantine
from prices.store.bars import BarRepository
from prices.store.corrections import CorrectionLog
from prices.store.quotes import QuoteStore
from prices.sync import rename
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.commands import manage
from tests.support.fakes import FakeProvider
from tests.support.renaming import NO_ACTIONS, aliases, facebook, renamed, symbols
from tests.support.syncing import stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider", "fixed_now")]


class _CrashError(Exception):
    """The process ends here."""


def _crash(*args: Any, **kwargs: Any) -> None:
    raise _CrashError


def crashed_at(owner: Any, name: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(owner, name, _crash)
        with pytest.raises(_CrashError):
            renamed()


# What is not done any more when the process ends: in the order of the work.
POINTS = [
    (BarRepository, "_publish"),
    (rename, "_move_rows"),
    (rename, "_move_quarantine"),
    (CorrectionLog, "rename"),
    (QuoteStore, "delete"),
    (BarRepository, "delete"),
]


class TestCrash:
    @pytest.mark.parametrize("both", [False, True], ids=["alone", "both tracked"])
    @pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point[0].__name__}.{point[1]}")
    def test_a_second_call_completes_the_first(self, point: Any, both: bool) -> None:
        facebook()
        if both:
            tracked("META")
            published("META", WEEK[1:4])
        crashed_at(*point)
        readable = services.reader().history("FB", RequestedRange(), now=NOW)

        renamed()

        assert len(readable.bars) == 5
        assert stored("META") == list(WEEK)
        assert (symbols(), aliases()) == ({"META"}, {"FB": "META"})
        assert stored("FB") == []
        assert services.quotes().get(["FB"]) == {}
        assert Quarantine.objects.get().symbol == "META"

    def test_takes_what_came_between_the_two_calls(self, provider: FakeProvider) -> None:
        tracked("FB")
        published("FB", WEEK[:4], NO_ACTIONS)
        crashed_at(rename, "_move_rows")
        provider.histories = {"FB": WEEK}
        manage("sync_historical", "--symbols", "FB")

        renamed()

        assert stored("META") == list(WEEK)

    def test_a_third_call_finds_nothing_to_do(self) -> None:
        facebook()
        renamed()
        before = services.bars().manifest(SeriesKey("META"))

        done = renamed()

        assert done.was_done
        assert services.bars().manifest(SeriesKey("META")) == before
