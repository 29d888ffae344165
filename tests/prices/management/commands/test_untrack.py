"""manage.py untrack: what it keeps and deletes, and when it asks."""

import pytest
from django.core.management.base import CommandError

from prices import services
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.series import Facts
from prices.models import Quarantine, TrackedSymbol
from prices.store.manifests import Manifests
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.commands import manage
from tests.support.fakes import FakeProvider
from tests.support.unreachable import unreachable_store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]


class TestUntrack:
    def test_keeps_the_prices(self, provider: FakeProvider) -> None:
        tracked()
        published()

        manage("untrack", "ACME", "--yes")

        assert not TrackedSymbol.objects.exists()
        assert services.bars().read(SeriesKey("ACME")) is not None

    def test_deletes_the_prices_with_delete(self, provider: FakeProvider) -> None:
        tracked()
        published()

        manage("untrack", "ACME", "--delete", "--yes")

        assert services.bars().read(SeriesKey("ACME")) is None

    @pytest.mark.parametrize("answer", ["", "n", "no", "perhaps"])
    def test_asks_first(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, answer: str
    ) -> None:
        tracked()
        monkeypatch.setattr("builtins.input", lambda question: answer)

        with pytest.raises(CommandError, match="Nothing was changed"):
            manage("untrack", "ACME")

        assert TrackedSymbol.objects.exists()

    def test_refuses_what_is_not_tracked(self, provider: FakeProvider) -> None:
        with pytest.raises(CommandError, match="Not tracked: NOPE"):
            manage("untrack", "NOPE", "--yes")

    def test_keeps_everything_while_the_store_does_not_answer(self, provider: FakeProvider) -> None:
        tracked()
        Quarantine.objects.create(symbol="ACME", kind="step", reason="prices moved")

        with unreachable_store(), pytest.raises(CommandError, match="Is the system up"):
            manage("untrack", "ACME", "--delete", "--yes")

        assert TrackedSymbol.objects.exists()
        assert Quarantine.objects.exists()

    def test_deletes_a_series_that_is_being_published(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tracked()
        published()
        swap, others = Manifests.swap, [WEEK[:3]]

        def overtaken(self: Manifests, *args: object, **kwargs: object) -> object:
            if others:
                series = BarSeries.from_rows(others.pop())
                base = services.bars().manifest(SeriesKey("ACME"))
                services.bars().replace(SeriesKey("ACME"), base, series, Facts(), now=NOW)
            return swap(self, *args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(Manifests, "swap", overtaken)

        manage("untrack", "ACME", "--delete", "--yes")

        assert services.bars().read(SeriesKey("ACME")) is None
