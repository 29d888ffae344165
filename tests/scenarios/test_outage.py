"""The outage alarm, from the runs that raise it to those that find it over."""

from datetime import timedelta
from typing import Any

import pytest

from prices import services
from prices.jobs import execution, runs, tasks
from prices.models import SyncRun, TrackedSymbol
from prices.monitoring.status import status
from prices.providers.base import BadPayload, UnknownSymbol
from prices.store.mongo import StoreUnavailable
from prices.store.provider_state import ProviderLog
from tests.support.builders import NOW, WEEK, tracked
from tests.support.fakes import FakeProvider
from tests.support.jobs import run_queue

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]

Kind = SyncRun.Kind


class TestOutage:
    """The provider answers, and has no prices for anybody."""

    SYMBOLS = tuple(f"S{number:03}" for number in range(210))

    def _sync(self) -> SyncRun:
        tasks.historical_sync()
        run_queue()
        run = SyncRun.objects.filter(parent=None).first()
        assert run is not None
        return run

    @pytest.fixture
    def outage(self, provider: FakeProvider) -> FakeProvider:
        for symbol in self.SYMBOLS:
            tracked(symbol, last_update=NOW - timedelta(days=1))
        provider.histories = {}
        return provider

    @pytest.mark.parametrize(
        "answer", [UnknownSymbol("Yahoo says: gone"), BadPayload("a login page"), ()]
    )
    def test_counts_against_no_symbol(self, outage: FakeProvider, answer: Any) -> None:
        outage.histories = dict.fromkeys(self.SYMBOLS, answer)

        self._sync()

        blamed = TrackedSymbol.objects.exclude(
            last_error="", failures=0, next_attempt_at=None, missing_since=None, missing_reason=""
        )
        assert list(blamed) == []
        assert TrackedSymbol.objects.filter(active=True).count() == 210
        # What is said before the alarm is the run's own account.
        words = status(now=NOW).reasons
        assert (
            "Yahoo has no prices for 100% of the last 210 symbols: probably an outage, "
            "so no failure is counted against a symbol."
        ) in words

    def test_clears_failures_that_were_recorded_meanwhile(self, outage: FakeProvider) -> None:
        yesterday = NOW - timedelta(days=1)
        # Today's not-found is the second one of the first symbol.
        first, *_ = self.SYMBOLS
        TrackedSymbol.objects.filter(symbol=first).update(
            missing_since=yesterday.date(), missing_reason=f"Nobody knows {first}"
        )
        tracked("BEFORE", failures=3, last_attempt_at=yesterday, last_error="nonsense")

        execution.work_on(
            runs.begin(Kind.HISTORICAL_SYNC, trigger="test", now=NOW, symbols=[first])
        )
        suspended = TrackedSymbol.objects.get(symbol=first).active
        self._sync()

        row, before = (TrackedSymbol.objects.get(symbol=s) for s in (first, "BEFORE"))
        assert suspended is False
        assert (row.active, row.suspended_reason, row.missing_since) == (True, "", None)
        assert (before.failures, before.last_error) == (3, "nonsense")

    def test_is_no_outage_when_one_in_ten_has_prices(self, outage: FakeProvider) -> None:
        outage.histories = dict.fromkeys(self.SYMBOLS[::9], WEEK)

        self._sync()

        assert services.provider_log().state().outage_since is None
        assert TrackedSymbol.objects.filter(failures=1).count() == 186

    def test_is_over_by_itself_and_all_are_fetched(self, outage: FakeProvider) -> None:
        self._sync()
        outage.histories = dict.fromkeys(self.SYMBOLS, WEEK)
        TrackedSymbol.objects.update(last_attempt_at=NOW - timedelta(minutes=6))
        during = services.provider_log().state().outage_since

        tasks.canary()
        run_queue()
        after_ten = services.provider_log().state().outage_since
        tasks.canary()
        run_queue()

        assert (during, after_ten) == (NOW, None)
        assert TrackedSymbol.objects.filter(last_update=NOW, failures=0).count() == 210
        assert "an outage" not in " ".join(status(now=NOW).reasons)

    def test_that_cannot_be_counted_does_not_stop_the_sync(
        self, outage: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*args: object, **_: object) -> None:
            raise StoreUnavailable("MongoDB does not answer")

        monkeypatch.setattr(ProviderLog, "count_answer", away)

        assert self._sync().failed == 210
