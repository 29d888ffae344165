"""manage.py backfill: symbols, all of them, and from a date on."""

import pytest
from django.core.management.base import CommandError

from prices import services
from prices.domain.bars import SeriesKey
from prices.models import TrackedSymbol
from tests.support.builders import WEEK, tracked
from tests.support.commands import manage
from tests.support.fakes import FakeProvider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]


class TestBackfill:
    def test_refuses_a_start_in_the_future(self, provider: FakeProvider) -> None:
        with pytest.raises(CommandError, match="9999-12-31 lies in the future"):
            manage("backfill", "AAA", "--start", "9999-12-31")

        assert not TrackedSymbol.objects.exists()

    def test_tracks_what_is_new(self, provider: FakeProvider) -> None:
        provider.histories = {"AAA": WEEK}

        said = manage("backfill", "AAA")

        assert "1 updated" in said
        assert provider.asked == [("AAA", None)]

    def test_fetches_from_the_start_on(self, provider: FakeProvider) -> None:
        provider.histories = {"AAA": WEEK}

        manage("backfill", "AAA", "--start", "2026-06-04")

        stored = services.bars().read(SeriesKey("AAA"))
        assert stored is not None
        assert [str(day) for day in stored.bars.sessions] == [
            "2026-06-04",
            "2026-06-05",
            "2026-06-08",
        ]

    def test_takes_all_active_symbols(self, provider: FakeProvider) -> None:
        for symbol in ("AAA", "BBB"):
            tracked(symbol)
        tracked("OLD", active=False)
        provider.histories = {"AAA": WEEK, "BBB": WEEK}

        said = manage("backfill", "--all")

        assert "2 updated" in said
        assert {symbol for symbol, _ in provider.asked} == {"AAA", "BBB"}

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [
            ([], "Name at least one symbol"),
            (["AAA", "--all"], "not both"),
            (["AAA", "--start", "soon"], r"date \(YYYY-MM-DD\)"),
        ],
    )
    def test_explains_wrong_arguments(
        self, provider: FakeProvider, args: list[str], sentence: str
    ) -> None:
        with pytest.raises(CommandError, match=sentence):
            manage("backfill", *args)
