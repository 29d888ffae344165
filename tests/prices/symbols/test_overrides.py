"""How a process learns of the days that people declared."""

from datetime import date

import pytest
from django.db import OperationalError
from django.test import Client

from prices.models import CalendarOverride
from prices.symbols import overrides
from tests.prices.domain.builders import day, sessions

pytestmark = pytest.mark.django_db

# A Sunday and a Tuesday of 2026.
SUNDAY, TUESDAY = day("2026-11-15"), day("2026-11-17")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, whose last entry is the time."""
    times = [1_000.0]
    monkeypatch.setattr("prices.symbols.overrides.time.monotonic", lambda: times[-1])
    monkeypatch.setattr(overrides, "_next_check", 0.0)
    return times


def declare(day: date, kind: str) -> None:
    """As another process does it: without a signal."""
    row = CalendarOverride(mic="XBOM", date=day, kind=kind, note="NSE", declared_by="ada")
    CalendarOverride.objects.bulk_create([row])


def test_loads_sessions_and_holidays() -> None:
    declare(SUNDAY, "session")
    declare(TUESDAY, "holiday")

    overrides.refresh()

    assert sessions("XBOM").is_session(SUNDAY)
    assert not sessions("XBOM").is_session(TUESDAY)


def test_looks_at_most_every_thirty_seconds(clock: list[float], django_assert_num_queries) -> None:
    overrides.refresh()
    declare(SUNDAY, "session")
    clock.append(1_029.9)
    with django_assert_num_queries(0):
        overrides.refresh()
    assert not sessions("XBOM").is_session(SUNDAY)

    clock.append(1_030.0)
    with django_assert_num_queries(1):
        overrides.refresh()

    assert sessions("XBOM").is_session(SUNDAY)


def test_a_request_is_answered_with_what_is_declared(client: Client) -> None:
    declare(TUESDAY, "holiday")

    client.get("/healthz")

    assert not sessions("XBOM").is_session(TUESDAY)


def test_the_process_that_changes_it_follows_at_once(
    django_capture_on_commit_callbacks,
) -> None:
    overrides.refresh()
    with django_capture_on_commit_callbacks(execute=True):
        row = CalendarOverride.objects.create(
            mic="XBOM", date=TUESDAY, kind="holiday", note="NSE", declared_by="ada"
        )
    assert not sessions("XBOM").is_session(TUESDAY)

    with django_capture_on_commit_callbacks(execute=True):
        row.delete()

    assert sessions("XBOM").is_session(TUESDAY)


def test_keeps_what_is_known_while_the_database_is_away(
    clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(TUESDAY, "holiday")
    overrides.refresh()

    def fail(*_: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(CalendarOverride.objects, "values_list", fail)
    clock.append(2_000.0)
    overrides.refresh()

    assert not sessions("XBOM").is_session(TUESDAY)
