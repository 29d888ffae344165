"""How commands end: errors as sentences, exit status, Ctrl-C."""

import pytest
from django.core.management.base import CommandError
from django.db import OperationalError

from prices.models import SyncRun
from tests.support.commands import manage
from tests.support.fakes import FakeProvider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]


class TestErrors:
    def test_names_prepare_if_the_database_has_no_tables(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_table(*_: object) -> None:
            raise OperationalError("no such table: prices_trackedsymbol")

        monkeypatch.setattr("prices.management.commands.coverage.tracked_names", no_table)

        with pytest.raises(CommandError, match=r"(?i)run manage\.py prepare"):
            manage("coverage", "ACME")

    def test_explains_a_locked_database(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def locked(*_: object, **__: object) -> None:
            raise OperationalError("database is locked")

        monkeypatch.setattr("prices.jobs.runs.begin", locked)

        with pytest.raises(CommandError, match=r"lock.* and try again"):
            manage("sync_historical")

    def test_cancels_the_run_for_good_with_ctrl_c(self, provider: FakeProvider) -> None:
        def interrupt(symbol: str) -> None:
            raise KeyboardInterrupt

        provider.on_history = interrupt

        with pytest.raises(CommandError, match=r"Stopped\. What is done stays done\.") as error:
            manage("track", "AAA", "BBB")

        run = SyncRun.objects.get()
        assert error.value.returncode == 130
        assert (run.state, run.cancelled_by) == ("cancelled", "Ctrl-C")
        assert run.message == "cancelled by Ctrl-C, 0 of 2 symbols were done"
