"""manage.py load_sample: five histories, once."""

import pytest

from prices import services
from prices.domain.bars import SeriesKey
from prices.models import TrackedSymbol
from tests.support.builders import WEEK
from tests.support.commands import manage
from tests.support.fakes import FakeProvider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]


class TestLoadSample:
    def test_publishes_five_histories_once(self, provider: FakeProvider) -> None:
        first, second = manage("load_sample"), manage("load_sample")

        assert len(first.splitlines()) == 5
        assert second == "All five have a history already. Nothing was changed.\n"
        manifests = services.bars().manifests()
        assert sum(manifest.count for manifest in manifests.values()) == 12_154
        assert {manifest.facts.source for manifest in manifests.values()} == {"sample"}
        row = TrackedSymbol.objects.get(symbol="META")
        assert (row.name, row.last_update) == ("Meta Platforms, Inc.", None)

    def test_is_replaced_by_the_provider(self, provider: FakeProvider) -> None:
        manage("load_sample")
        provider.histories = {"AAPL": WEEK}

        manage("sync_historical", "--symbols", "AAPL")

        stored = services.bars().read(SeriesKey("AAPL"))
        assert stored is not None
        assert (len(stored.bars), stored.manifest.facts.source) == (5, "yahoo")
