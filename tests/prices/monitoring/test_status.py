"""The state of the whole system: its word and its reasons, whatever does not answer."""

from datetime import UTC, datetime, timedelta

import pytest

from prices import services
from prices.jobs import cluster_health
from prices.models import SyncRun
from prices.monitoring.status import status
from tests.prices.domain.builders import sessions
from tests.support.builders import NOW, published, tracked
from tests.support.heartbeats import heartbeat

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.fixture(autouse=True)
def _jobs_run(store: object) -> None:
    heartbeat()
    cluster_health.record_canary(now=NOW)


def test_is_healthy_if_all_is_well() -> None:
    tracked()
    published()

    found = status(now=NOW)

    assert (found.word, found.reasons, found.error_rate) == ("healthy", (), None)


def test_is_degraded_by_each_kind_of_trouble(troubled: None) -> None:
    SyncRun.objects.create(kind="backfill", trigger="x", state="partial", updated=9, failed=1)
    SyncRun.objects.create(
        kind="verify",
        trigger="x",
        state="failed",
        finished_at=NOW,
        symbols=["ODD"],
        failed=1,
        total=1,
        errors={"ODD": "differs"},
        differing=["ODD"],
    )

    found = status(now=NOW)

    assert found.word == "degraded"
    assert found.reasons == (
        "1 of 6 symbols have no history yet: NEW.",
        "2 of 6 symbols are stale: NEW, OLD.",
        "1 of 6 symbols failed at their last fetch: FAILS.",
        "10% of the last day's fetches failed.",
        "Answers for 1 symbol are in quarantine.",
        "ODD: a verification found that the provider has other prices.",
    )
    assert found.error_rate == 0.1


def test_warns_of_a_calendar_that_ends_within_sixty_days() -> None:
    """NOW is far from the end of Bombay's calendar, which the library knows to 2026-12-31."""
    tracked("RELIANCE.NS", mic="XBOM")
    published("RELIANCE.NS")
    end = sessions("XBOM").known_until
    warning = f"The calendar of XBOM ends on {end}. Update exchange-calendars"

    def warnings(days_before: int) -> list[str]:
        now = datetime(end.year, end.month, end.day, 12, tzinfo=UTC) - timedelta(days=days_before)
        return [reason for reason in status(now=now).reasons if reason.startswith(warning)]

    assert len(warnings(59)) == 1
    assert warnings(61) == []


def test_accepts_an_error_rate_within_the_target() -> None:
    SyncRun.objects.create(kind="backfill", trigger="x", state="partial", updated=95, failed=5)

    assert status(now=NOW).word == "healthy"


def test_says_why_the_provider_gives_no_new_prices() -> None:
    services.provider_log().record_rate_limit(NOW + timedelta(minutes=5), "Yahoo says 429")

    reason = "Rate limited until 2026-06-09 12:05 UTC (Yahoo says 429)."
    assert status(now=NOW).reasons == (reason,)


def test_is_unhealthy_while_no_jobs_run_and_says_what_to_do() -> None:
    cluster_health.record_canary(now=NOW - timedelta(minutes=4))

    found = status(now=NOW)

    assert found.word == "unhealthy"
    assert found.down[0].startswith("Cluster ")
    assert "has not run a job for 4 min. manage.py up restarts it" in found.down[0]


def test_answers_while_the_store_does_not(no_store: None) -> None:
    found = status(now=NOW)

    assert found.word == "unhealthy"
    assert "MongoDB does not answer" in found.down[0]
    assert (found.totals, found.live, found.survey, found.provider) == (None, None, None, None)
