"""The dashboard: its figures as counted by hand, and its buttons."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from django_q.models import OrmQ

from prices import services
from prices.domain.provider_health import Channel
from prices.jobs import cluster_health, runs, schedules
from prices.models import ReadCount, SyncRun, TrackedSymbol
from prices.monitoring.attention import Remedy
from prices.store.mongo import Db
from tests.support.admin_pages import DASHBOARD, tiles
from tests.support.builders import NOW, published, tracked
from tests.support.heartbeats import heartbeat
from tests.support.outages import away

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store", "fixed_now")]

Kind, State = SyncRun.Kind, SyncRun.State


def figures(client: Client) -> dict[str, str]:
    return {title: str(tile.figure) for title, tile in tiles(client).items()}


class TestFigures:
    def test_shows_the_symbols_by_their_state(
        self, admin_client: Client, troubled: None, store: Db
    ) -> None:
        found = figures(admin_client)

        # Active: FULL, GAP, NEW, OLD, FAILS, ODD. Of their 5 sessions OLD lacks 2, GAP one.
        assert found["Symbols"] == str(TrackedSymbol.objects.filter(active=True).count()) == "6"
        assert found["Coverage"] == "88 %"  # 22 of 25
        assert found["Lagging"] == "2"
        assert found["Failing"] == "1"
        stored = store["series"].find({"gaps.0": {"$exists": True}})
        assert found["Gaps open"] == str(sum(len(series["gaps"]) for series in stored)) == "1"
        assert found["Quarantined"] == "1"

    def test_shows_the_coverage_of_each_market(self, admin_client: Client, troubled: None) -> None:
        markets = admin_client.get(DASHBOARD).context["board"].markets

        found = {
            name: (totals.symbols, totals.coverage_percent) for name, totals in markets.items()
        }
        assert found == {"LSE": (1, 80.0), "US": (5, 90.0)}

    def test_shows_the_corrections_of_seven_days(self, admin_client: Client, store: Db) -> None:
        days = (0, 3, 6, 8)
        store["corrections"].insert_many(
            [{"symbol": "ACME", "seen_at": NOW - timedelta(days=day)} for day in days]
        )

        assert figures(admin_client)["Corrections"] == "3"

    def test_shows_hit_rate_and_median_of_the_last_day(self, admin_client: Client) -> None:
        hour = NOW.replace(minute=0)
        # Three reads of 2^8 to 2^8.25 µs, one of a second.
        ReadCount.objects.create(hour=hour, hits=3, misses=1, timings={"32": 3, "79": 1})
        ReadCount.objects.create(hour=hour - timedelta(days=2), hits=0, misses=50)

        found = figures(admin_client)

        assert (found["Hit rate"], found["Read, p50"]) == ("75 %", "0.28 ms")

    def test_shows_no_rates_without_reads_and_fetches(self, admin_client: Client) -> None:
        found = figures(admin_client)

        assert (found["Hit rate"], found["Read, p50"], found["Sync errors"]) == ("-", "-", "-")

    @pytest.mark.parametrize(
        ("failed", "figure", "tone"), [(1, "5 %", "good"), (2, "10 %", "poor")]
    )
    def test_compares_failed_fetches_with_their_target(
        self, admin_client: Client, failed: int, figure: str, tone: str
    ) -> None:
        SyncRun.objects.create(
            kind=Kind.HISTORICAL_SYNC, trigger="x", updated=12, unchanged=8 - failed, failed=failed
        )

        tile = tiles(admin_client)["Sync errors"]

        assert (tile.figure, tile.tone) == (figure, tone)
        assert "target of 5 %" in tile.note

    def test_shows_workers_and_queue_while_jobs_run(self, admin_client: Client) -> None:
        heartbeat()
        cluster_health.record_canary(now=NOW - timedelta(seconds=20))
        OrmQ.objects.create(key="pricecache", payload="x", lock=NOW - timedelta(minutes=3))
        OrmQ.objects.create(key="pricecache", payload="x", lock=NOW)
        OrmQ.objects.create(key="pricecache", payload="x", lock=NOW + timedelta(minutes=20))

        found = tiles(admin_client)

        assert (found["Workers"].figure, found["Workers"].tone) == ("2", "good")
        assert "running" in found["Workers"].note
        assert found["Queue"].figure == "2"
        assert "oldest: " in found["Queue"].note
        assert "3\xa0minutes ago" in found["Queue"].note

    @pytest.mark.parametrize(
        ("silent_for", "beats", "word"), [(7, True, "hung"), (7, False, "stopped")]
    )
    def test_shows_no_workers_of_a_hung_or_stopped_cluster(
        self, admin_client: Client, silent_for: int, beats: bool, word: str
    ) -> None:
        cluster_health.record_canary(now=NOW - timedelta(minutes=silent_for))
        if beats:
            heartbeat()

        tile = tiles(admin_client)["Workers"]

        assert (tile.figure, tile.tone) == ("0", "poor")
        assert word in tile.note

    def test_shows_the_next_run_that_is_not_paused(self, admin_client: Client) -> None:
        schedules.install(now=NOW)
        for job in ("live_price_update", "nightly_verify", "store_sweep"):
            schedules.pause(schedules.pausable(job), by="carol", now=NOW)

        tile = tiles(admin_client)["Next run"]

        assert tile.note == "Historical sync, 3 paused"


class TestProvider:
    def test_is_shown_to_answer(self, admin_client: Client) -> None:
        services.provider_log().record_answer(Channel.CHARTS, "AAPL", NOW - timedelta(minutes=2))

        tile = tiles(admin_client)["Provider"]

        assert (tile.figure, tile.tone) == ("answers", "good")

    def test_is_shown_to_be_unreachable_with_reason_and_time(self, admin_client: Client) -> None:
        away(NOW, "no route to Yahoo")

        tile = tiles(admin_client)["Provider"]

        assert (tile.figure, tile.tone) == ("unreachable", "poor")
        assert tile.note == "since 2026-06-09 12:00 UTC: no route to Yahoo"

    def test_is_shown_to_be_rate_limited_with_the_end(self, admin_client: Client) -> None:
        services.provider_log().record_rate_limit(NOW + timedelta(minutes=5), "Yahoo says 429")

        tile = tiles(admin_client)["Provider"]

        assert (tile.figure, tile.note) == (
            "rate limited",
            "until 2026-06-09 12:05 UTC: Yahoo says 429",
        )


class TestAttention:
    def test_needs_nothing_if_all_is_well(self, admin_client: Client) -> None:
        heartbeat()
        cluster_health.record_canary(now=NOW)
        tracked()
        published()

        page = admin_client.get(DASHBOARD).content.decode()

        assert "Nothing: every symbol is complete and fresh." in page
        assert "All symbols are complete and fresh, and jobs run." in page

    @pytest.mark.parametrize(
        ("symbol", "remedy", "runs_of", "said"),
        [
            ("OLD", Remedy.SYNC, [(Kind.HISTORICAL_SYNC, {})], "Queued a sync: run {}."),
            (
                "NEW",
                Remedy.BACKFILL,
                [(Kind.BACKFILL, {"whole": True})],
                "Queued a backfill: run {}.",
            ),
            ("GONE", Remedy.RESUME, [], "Resumed."),
            ("GAP", Remedy.GAPS, [(Kind.HISTORICAL_SYNC, {})], "Requested 1 gap again."),
        ],
    )
    def test_repairs_by_a_button_and_logs_who_pressed_it(
        self,
        admin_client: Client,
        troubled: None,
        symbol: str,
        remedy: Remedy,
        runs_of: list[tuple[str, dict[str, Any]]],
        said: str,
    ) -> None:
        row = TrackedSymbol.objects.get(symbol=symbol)
        url = reverse("admin:prices_trackedsymbol_act", args=[row.pk])
        page = admin_client.get(DASHBOARD).content.decode()

        answer = admin_client.post(url, {"do": remedy}, follow=True)

        assert f'formaction="{url}"' in page
        assert f'name="do" value="{remedy}"' in page
        assert answer.status_code == 200
        queued = SyncRun.objects.values_list("kind", "options", "symbols", "trigger")
        assert list(queued) == [(*run, [symbol], "admin (admin)") for run in runs_of]
        row.refresh_from_db()
        assert row.active
        logged = LogEntry.objects.get(object_repr=symbol)
        assert logged.user.get_username() == "admin"
        run = SyncRun.objects.last()
        assert logged.get_change_message() == said.format(run.pk if run else "")


class TestDays:
    def test_counts_whole_runs_by_day_and_end(self, admin_client: Client) -> None:
        today, early = NOW, datetime(2026, 5, 11, 0, 0, tzinfo=UTC)
        for when, state, kind in (
            (today, State.SUCCEEDED, Kind.HISTORICAL_SYNC),
            (today, State.PARTIAL, Kind.HISTORICAL_SYNC),
            (today, State.FAILED, Kind.BACKFILL),
            (today, State.CANCELLED, Kind.BACKFILL),
            (today, State.SUCCEEDED, Kind.LIVE_PRICE_UPDATE),
            (early, State.SUCCEEDED, Kind.HISTORICAL_SYNC),
            (early - timedelta(seconds=1), State.FAILED, Kind.HISTORICAL_SYNC),
        ):
            SyncRun.objects.create(kind=kind, state=state, trigger="x", created_at=when)
        whole = SyncRun.objects.filter(state=State.SUCCEEDED)[0]
        SyncRun.objects.create(kind=Kind.BACKFILL, state=State.FAILED, trigger="x", parent=whole)

        answer = admin_client.get(DASHBOARD)

        days = answer.context["board"].days
        found = {d.day: (d.good, d.partial, d.failed, d.other) for d in days if d.total}
        assert found == {date(2026, 5, 11): (1, 0, 0, 0), date(2026, 6, 9): (1, 1, 1, 1)}
        assert len(days) == 30
        page = answer.content.decode()
        assert "5 syncs in the last 30 days: 2 good, 1 partly failed, 1 failed." in page
        assert "2026-06-09: 1 good, 1 partly failed, 1 failed, 1 cancelled or open" in page
        assert 'data-label="Failed">1</td>' in page


class TestPausedJobs:
    def test_are_marked_in_the_table_of_jobs(self, admin_client: Client) -> None:
        schedules.install(now=NOW)
        schedules.pause(schedules.pausable("historical_sync"), by="carol", now=NOW)
        runs.begin(Kind.HISTORICAL_SYNC, trigger="schedule", now=NOW)

        page = admin_client.get(DASHBOARD).content.decode()

        assert "by carol" in page
        assert reverse("admin:prices_syncrun_change", args=[SyncRun.objects.get().pk]) in page
