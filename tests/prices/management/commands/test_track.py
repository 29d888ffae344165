"""manage.py track: what it tracks, fetches and queues, and what it says."""

import pytest
from django.core.management.base import CommandError
from django_q.models import OrmQ

from prices import services
from prices.domain.bars import SeriesKey
from prices.jobs import tasks
from prices.models import SyncRun, TrackedSymbol
from tests.support.builders import WEEK, tracked
from tests.support.commands import manage
from tests.support.fakes import FakeProvider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]


class TestTrack:
    def test_tracks_and_fetches_the_whole_history(self, provider: FakeProvider) -> None:
        provider.histories = {"AAA": WEEK, "BBB": WEEK[:2]}

        said = manage("track", "aaa", "bbb")

        assert "AAA: tracked" in said
        assert "2 updated, 0 unchanged, 0 failed; 7 bars written, 2 requests" in said
        stored = services.bars().read(SeriesKey("BBB"))
        assert stored is not None
        assert len(stored.bars) == 2

    def test_queues_a_backfill_for_the_cluster_with_no_fetch(self, provider: FakeProvider) -> None:
        tracked("OLD")
        provider.histories = {"AAA": WEEK, "BBB": WEEK}

        said = manage("track", "aaa", "BBB", "old", "--no-fetch")

        run = SyncRun.objects.get()
        assert said.splitlines() == [
            "AAA: tracked",
            "BBB: tracked",
            "OLD: is tracked already",
            f"Queued a backfill of 2 symbols (run {run.pk}). It starts when the cluster runs.",
        ]
        assert (run.kind, run.state, run.symbols) == ("backfill", "queued", ["AAA", "BBB"])
        assert provider.asked == []
        tasks.perform(*OrmQ.objects.get().task["args"])
        assert services.bars().read(SeriesKey("BBB")) is not None

    def test_queues_nothing_with_no_fetch_if_all_are_tracked(self, provider: FakeProvider) -> None:
        tracked("OLD")

        assert manage("track", "OLD", "--no-fetch") == "OLD: is tracked already\n"
        assert not SyncRun.objects.exists()

    def test_takes_a_market(self, provider: FakeProvider) -> None:
        manage("track", "TEVA", "--market", "tase", "--no-fetch")

        assert TrackedSymbol.objects.get().symbol == "TEVA.TA"
        assert provider.asked == []

    def test_leaves_what_is_tracked_as_it_is(self, provider: FakeProvider) -> None:
        tracked("AAA")

        said = manage("track", "AAA")

        assert said == "AAA: is tracked already\n"
        assert provider.asked == []

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [
            (["AAA", "B B"], "“B B” is not a symbol"),
            (["AAA", "BRK.B"], "Yahoo has no symbol “BRK.B”. .* a dash: try BRK-B."),
            (["BRK B"], "“BRK B” is not a symbol.* a dash: try BRK-B."),
            (["AAA", "--market", "MOON"], "“MOON” is not a market. Use one of US, TASE, LSE"),
            (["AAA", "VOD.L", "--market", "US"], "“VOD.L” is a symbol of LSE, not of US"),
            (["", " , "], "Name at least one symbol"),
        ],
    )
    def test_explains_a_wrong_symbol_and_tracks_nothing(
        self, provider: FakeProvider, args: list[str], sentence: str
    ) -> None:
        with pytest.raises(CommandError, match=sentence):
            manage("track", *args)

        assert not TrackedSymbol.objects.exists()

    def test_fails_when_a_symbol_fails_and_does_the_others(self, provider: FakeProvider) -> None:
        provider.histories = {"AAA": WEEK}

        with pytest.raises(CommandError, match="1 symbol failed"):
            manage("track", "NOPE", "AAA")

        assert services.bars().read(SeriesKey("AAA")) is not None
        assert TrackedSymbol.objects.get(symbol="NOPE").last_error == "Nobody knows NOPE"
