"""manage.py sync_historical: what it takes, and when it fails."""

from datetime import timedelta

import pytest
from django.core.management.base import CommandError

from prices.models import SyncRun
from prices.providers.base import Unavailable
from tests.support.builders import NOW, WEEK, tracked
from tests.support.commands import manage
from tests.support.fakes import FakeProvider
from tests.support.outages import away

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]


class TestSyncHistorical:
    def test_takes_what_is_due(self, provider: FakeProvider) -> None:
        tracked("NEW", last_update=None)
        provider.histories = {"NEW": WEEK}

        said = manage("sync_historical")

        assert "1 updated" in said
        assert SyncRun.objects.get().trigger == "command"

    def test_takes_symbols_with_commas_too(self, provider: FakeProvider) -> None:
        for symbol in ("AAA", "BBB"):
            tracked(symbol, last_update=None)
        provider.histories = {"AAA": WEEK, "BBB": WEEK}

        assert "2 updated" in manage("sync_historical", "--symbols", "aaa,bbb")

    def test_refuses_an_empty_list(self, provider: FakeProvider) -> None:
        with pytest.raises(CommandError, match="Name at least one symbol"):
            manage("sync_historical", "--symbols", ",")

    def test_fails_while_the_provider_is_unreachable(self, provider: FakeProvider) -> None:
        tracked("AAA", last_update=None)
        provider.histories = {"AAA": Unavailable("Yahoo returned HTTP 503")}

        with pytest.raises(CommandError, match="1 symbol failed"):
            manage("sync_historical")

    def test_tries_at_once_on_request(self, provider: FakeProvider) -> None:
        """An outage, and a symbol that waits for its next attempt."""
        later = NOW + timedelta(hours=3)
        tracked("AAA", last_update=None, last_error="away", failures=4, next_attempt_at=later)
        provider.histories = {"AAA": WEEK}
        away(NOW)

        nothing = manage("sync_historical")
        said = manage("sync_historical", "--try-now")

        assert "nothing was due" in nothing
        assert "1 updated" in said
