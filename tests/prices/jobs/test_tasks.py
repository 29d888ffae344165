"""What the schedules call: syncs without a second one beside them, and the canary."""

from datetime import timedelta
from typing import Any

import pytest

from prices import services
from prices.jobs import cluster_health, tasks
from prices.models import SyncRun
from tests.support.builders import NOW, tracked
from tests.support.fakes import FakeProvider
from tests.support.outages import away

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]

Kind, State = SyncRun.Kind, SyncRun.State


class TestHistoricalSync:
    def test_does_not_start_beside_an_open_one(self, provider: FakeProvider) -> None:
        SyncRun.objects.create(kind=Kind.HISTORICAL_SYNC, state=State.RUNNING, heartbeat_at=NOW)

        tasks.historical_sync()

        assert SyncRun.objects.count() == 1


class TestCanary:
    def test_records_that_jobs_run(self, provider: FakeProvider) -> None:
        assert cluster_health.cluster_state(now=NOW).canary_at is None

        tasks.canary()

        assert cluster_health.cluster_state(now=NOW).canary_at == NOW

    def test_retries_symbols_that_got_no_answer(self, provider: FakeProvider) -> None:
        ago = NOW - timedelta(minutes=6)
        tracked("AAA", last_update=None, last_attempt_at=ago, last_error="Yahoo returned HTTP 503")
        tracked("DEAD", last_update=None, last_attempt_at=ago, last_error="unknown", failures=1)
        tracked("FINE", last_attempt_at=ago)

        tasks.canary()

        assert SyncRun.objects.get().symbols == ["AAA"]

    def test_waits_for_the_next_attempt_of_a_symbol(self, provider: FakeProvider) -> None:
        ago = NOW - timedelta(minutes=6)
        lost: dict[str, Any] = {"last_update": None, "last_attempt_at": ago, "last_error": "away"}
        tracked("PAUSED", **lost, next_attempt_at=NOW + timedelta(seconds=1))
        tracked("READY", **lost, next_attempt_at=NOW)

        tasks.canary()

        assert SyncRun.objects.get().symbols == ["READY"]

    def test_retries_symbols_that_were_tried_during_an_outage(self, provider: FakeProvider) -> None:
        # No failure was counted against them.
        ago = NOW - timedelta(hours=1)
        tracked("OLD", last_update=ago - timedelta(days=1), last_attempt_at=ago)
        tracked("NEW", last_update=None, last_attempt_at=ago)
        # It got an answer, and what of it is in quarantine need not be requested each minute.
        tracked("PART", last_update=ago, last_attempt_at=ago, last_error="quarantined")

        tasks.canary()

        assert set(SyncRun.objects.get().symbols) == {"OLD", "NEW"}

    def _unanswered(self, *symbols: str) -> None:
        for minutes, symbol in enumerate(symbols, 6):
            ago = NOW - timedelta(minutes=minutes)
            before = ago - timedelta(days=1)
            tracked(symbol, last_update=before, last_attempt_at=ago, last_error="no internet")

    def test_probes_with_one_symbol_while_the_provider_is_unreachable(
        self, provider: FakeProvider
    ) -> None:
        away(NOW - timedelta(hours=1))
        self._unanswered("AAA", "BBB")

        tasks.canary()

        assert SyncRun.objects.get().symbols == ["BBB"]

    @pytest.mark.parametrize(("ago", "sent"), [(29, 0), (30, 1)])
    def test_queues_nothing_while_the_circuit_breaker_is_open(
        self, provider: FakeProvider, ago: int, sent: int
    ) -> None:
        opened = NOW - timedelta(seconds=ago)
        away(opened)
        self._unanswered("AAA", "BBB")

        tasks.canary()

        assert SyncRun.objects.count() == sent

    def test_queues_nothing_while_the_provider_limits_requests(
        self, provider: FakeProvider
    ) -> None:
        services.provider_log().record_rate_limit(NOW + timedelta(seconds=1), "too many")
        self._unanswered("AAA")

        tasks.canary()

        assert not SyncRun.objects.exists()

    def test_probes_with_ten_symbols_during_an_outage(self, provider: FakeProvider) -> None:
        for _ in range(200):
            services.provider_log().count_answer(answered_empty=True, now=NOW - timedelta(hours=1))
        self._unanswered(*(f"S{number:02}" for number in range(12)))

        tasks.canary()

        # The symbols whose last attempt is the oldest.
        assert SyncRun.objects.get().symbols == [f"S{number:02}" for number in range(11, 1, -1)]
