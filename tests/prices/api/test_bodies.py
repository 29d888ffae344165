"""Bodies: bars, GET /cache/status and /cache/scheduler/status."""

from datetime import timedelta

import pytest
from django.test import Client

from prices import services
from prices.domain.quotes import Quote
from prices.jobs import cluster_health, schedules
from prices.models import ReadCount, SyncRun
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.unreachable import unreachable_store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store", "fixed_now")]


def test_bars_are_written_as_they_are_stored(client: Client) -> None:
    """Prices read back to the last bit, and volumes beyond 32 bits."""
    odd = (
        (WEEK[0][0], 0.1, 1e9, 0.000123456789, 0.30000000000000004, 3_000_000_000),
        (WEEK[1][0], 31.645, 32.0, 31.0, 31.645000457763672, 0),
    )
    tracked()
    published(rows=odd)

    rows = client.get("/cache/historical/ACME").json()["data"]

    assert [tuple(row.values())[1:] for row in rows] == [bar[1:] for bar in odd]
    assert [row["date"] for row in rows] == ["2026-06-02", "2026-06-03"]
    empty = client.get("/cache/historical/ACME?start=2020-01-01&end=2020-02-01").json()
    assert empty["data"] == []


class TestStatus:
    def test_is_healthy_when_all_is_well(self, client: Client) -> None:
        tracked()
        published()
        cluster_health.record_canary(now=NOW - timedelta(seconds=60))

        body = client.get("/cache/status").json()

        assert body["status"] == "healthy"
        assert body["reasons"] == []
        assert body["historical_data"] == {
            "symbols": 1,
            "symbols_with_history": 1,
            "oldest_data": "2026-06-02",
            "newest_data": "2026-06-08",
            "coverage_percent": 100.0,
            "lagging": 0,
            "failing": 0,
            "stale": 0,
            "quarantined": 0,
        }

    def test_is_degraded_by_stale_and_failing_symbols(self, client: Client) -> None:
        tracked(last_update=NOW - timedelta(hours=4), last_error="Yahoo says no")
        tracked("NEWCO", last_update=None, added_at=NOW - timedelta(hours=4))
        published(rows=WEEK[:4])
        cluster_health.record_canary(now=NOW)

        body = client.get("/cache/status").json()

        assert body["status"] == "degraded"
        assert body["reasons"] == [
            "1 of 2 symbols have no history yet: NEWCO.",
            "2 of 2 symbols are stale: ACME, NEWCO.",
            "1 of 2 symbols failed at their last fetch: ACME.",
        ]
        data = body["historical_data"]
        assert (data["lagging"], data["failing"], data["coverage_percent"]) == (2, 1, 80.0)

    def test_is_unhealthy_when_no_job_runs(self, client: Client) -> None:
        cluster_health.record_canary(now=NOW - timedelta(minutes=4))

        body = client.get("/cache/status").json()

        assert body["status"] == "unhealthy"
        assert "canary" in body["reasons"][0]

    def test_answers_when_the_store_is_away(self, client: Client) -> None:
        cluster_health.record_canary(now=NOW)
        with unreachable_store():
            answer = client.get("/cache/status")

        assert answer.status_code == 200
        assert answer.json()["status"] == "unhealthy"
        assert "MongoDB" in answer.json()["reasons"][0]
        assert answer.json()["historical_data"] is None

    def test_counts_quotes_by_market(self, client: Client) -> None:
        tracked()
        tracked("VOD.L", market="LSE")
        early, late = NOW - timedelta(minutes=9), NOW - timedelta(minutes=1)
        services.quotes().put(
            [
                Quote("ACME", 1.0, early, early, "REGULAR"),
                Quote("VOD.L", 2.0, late, late, "REGULAR"),
            ]
        )

        live = client.get("/cache/status").json()["live_cache"]

        assert live == {
            "total_symbols": 2,
            "markets": {"LSE": 1, "US": 1},
            "oldest_update": "2026-06-09T11:51:00Z",
            "newest_update": "2026-06-09T11:59:00Z",
        }

    def test_gives_hit_rate_and_error_rate_of_a_day(self, client: Client) -> None:
        ReadCount.objects.create(hour=NOW - timedelta(hours=2), hits=3, misses=1)
        ReadCount.objects.create(hour=NOW - timedelta(hours=30), hits=0, misses=100)
        SyncRun.objects.create(
            kind="historical_sync",
            state="partial",
            updated=8,
            unchanged=1,
            failed=1,
            created_at=NOW,
        )
        SyncRun.objects.create(kind="live_price_update", state="failed", failed=50, created_at=NOW)

        body = client.get("/cache/status").json()

        assert body["hit_rate"] == 0.75
        assert body["sync"]["error_rate_24h"] == 0.1
        assert body["sync"]["last_run"]["kind"] == "historical_sync"

    def test_counts_reads_as_hits_and_misses(self, client: Client) -> None:
        row = tracked()
        published()
        client.get("/cache/historical/ACME")
        client.get("/cache/historical/NOBODY")

        services.usage().flush(now=NOW)

        row.refresh_from_db()
        assert client.get("/cache/status").json()["hit_rate"] == 0.5
        assert row.last_queried_at == NOW


class TestScheduler:
    def test_lists_the_jobs(self, client: Client) -> None:
        schedules.install(now=NOW)
        SyncRun.objects.create(
            kind="historical_sync",
            state="succeeded",
            started_at=NOW - timedelta(seconds=90),
            finished_at=NOW - timedelta(seconds=60),
        )

        body = client.get("/cache/scheduler/status").json()

        assert body["scheduler_running"] is False
        assert (body["workers"], body["queue_depth"]) == (0, 0)
        jobs = {job["id"]: job for job in body["jobs"]}
        assert list(jobs) == [
            "historical_sync",
            "live_price_update",
            "nightly_verify",
            "store_sweep",
            "canary",
        ]
        assert jobs["historical_sync"] == {
            "id": "historical_sync",
            "name": "Historical sync",
            "trigger": "cron 0 */3 * * *",
            "next_run": "2026-06-09T15:00:00Z",
            "last_run": "2026-06-09T11:58:30Z",
            "paused": False,
            "paused_by": None,
            "paused_at": None,
            "last_status": "succeeded",
            "last_duration": 30.0,
        }

    def test_schedules_are_kept_equal_to_the_list(self) -> None:
        from django_q.models import Schedule

        Schedule.objects.create(name="an_old_job", func="os.getcwd")
        Schedule.objects.create(name="live_price_update", func="prices.jobs.tasks.old", minutes=3)

        schedules.install(now=NOW)
        schedules.install(now=NOW)

        assert sorted(Schedule.objects.values_list("name", "func", "minutes", "cron")) == [
            ("canary", "prices.jobs.tasks.canary", 1, None),
            ("historical_sync", "prices.jobs.tasks.historical_sync", None, "0 */3 * * *"),
            ("live_price_update", "prices.jobs.tasks.live_price_update", 15, None),
            ("nightly_verify", "prices.jobs.tasks.nightly_verify", None, "0 2 * * *"),
            ("store_sweep", "prices.jobs.tasks.store_sweep", None, "30 4 * * *"),
        ]
