"""The admin's page of declared sessions and holidays."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from prices import services
from prices.domain.bars import SeriesKey
from prices.domain.coverage import Gap
from prices.models import CalendarOverride, SyncRun
from tests.prices.domain.builders import sessions
from tests.support.builders import WEEK, published, tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

LIST = reverse("admin:prices_calendaroverride_changelist")
ADD = reverse("admin:prices_calendaroverride_add")
GAP = Gap(date(2026, 6, 3), 1, None, "the provider has none")
Committed = Callable[..., AbstractContextManager[Any]]


def post(client: Client, **changes: str) -> Any:
    data = {"mic": "XNYS", "date": "2026-06-03", "kind": "holiday", "note": "Storm", **changes}
    return client.post(ADD, data, follow=True)


def test_records_who_declared_what_and_why(admin_client: Client, admin_user: User) -> None:
    post(admin_client, mic=" xnys ")

    row = CalendarOverride.objects.get()
    assert (row.mic, row.date, row.kind, row.note) == (
        *("XNYS", date(2026, 6, 3), "holiday", "Storm"),
    )
    assert row.declared_by == admin_user.username
    page = admin_client.get(LIST).content.decode()
    assert "2026-06-03, Wednesday" in page
    assert "Storm" in page


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        (
            {"mic": "XXXX"},
            "mic",
            "“XXXX” is not an exchange with a calendar. Give a MIC, as on the page of a symbol: "
            "XNYS, XLON or XBOM.",
        ),
        (
            {"mic": "NSE"},
            "mic",
            "“NSE” is not an exchange with a calendar. The MIC of NSE is XBOM.",
        ),
        (
            {"mic": "FUNDS"},
            "mic",
            "“FUNDS” is not an exchange with a calendar. Give a MIC, as on the page of a symbol: "
            "XNYS, XLON or XBOM.",
        ),
        (
            {"kind": "session"},
            "date",
            "Wednesday, 2026-06-03 is already a session of XNYS, so it need not be declared.",
        ),
        (
            {"date": "2026-06-06"},
            "date",
            "Saturday, 2026-06-06 is no session of XNYS, so no bar is expected anyway.",
        ),
        ({"date": "1989-12-29"}, "date", "Choose a day from 1990 to "),
        ({"date": "soon"}, "date", "Enter a valid date."),
        ({"note": ""}, "note", "This field is required."),
    ],
)
def test_says_what_is_wrong(
    admin_client: Client, changes: dict[str, str], field: str, sentence: str
) -> None:
    answer = post(admin_client, **changes)

    assert CalendarOverride.objects.count() == 0
    (error,) = answer.context["adminform"].form.errors[field]
    assert error.startswith(sentence)


def test_refuses_the_same_day_twice(admin_client: Client) -> None:
    post(admin_client)

    answer = post(admin_client, note="Again")

    assert CalendarOverride.objects.count() == 1
    assert "This day of the exchange is already declared." in answer.content.decode()


@pytest.mark.parametrize("kind", ["session", "holiday"])
def test_accepts_both_beyond_the_end_of_a_calendar(admin_client: Client, kind: str) -> None:
    """2030-01-01 is a Tuesday; the library knows Riyadh to 2029."""
    post(admin_client, mic="XSAU", date="2030-01-01", kind=kind)

    assert CalendarOverride.objects.get().kind == kind


def test_a_declared_holiday_removes_its_gap_with_the_sync_that_it_queues(
    admin_client: Client, django_capture_on_commit_callbacks: Committed
) -> None:
    tracked("HOLED")
    published("HOLED", rows=(WEEK[0], *WEEK[2:]), gaps=(GAP,))
    tracked("WHOLE")
    published("WHOLE")

    with django_capture_on_commit_callbacks(execute=True):
        post(admin_client)

    run = SyncRun.objects.get()
    assert (run.kind, run.symbols, run.trigger) == ("historical_sync", ["HOLED"], "admin (admin)")
    assert not sessions("XNYS").is_session(date(2026, 6, 3))


def test_a_declared_session_syncs_the_symbols_that_may_have_a_bar(
    admin_client: Client, django_capture_on_commit_callbacks: Committed
) -> None:
    """2026-06-06 is a Saturday."""
    tracked("OLDER")
    published("OLDER")
    tracked("YOUNGER")
    published("YOUNGER", rows=WEEK[4:])  # from the 8th on
    tracked("ELSEWHERE", mic="XLON")
    published("ELSEWHERE")
    tracked("SUSPENDED", active=False)
    published("SUSPENDED")

    with django_capture_on_commit_callbacks(execute=True):
        post(admin_client, date="2026-06-06", kind="session")

    assert SyncRun.objects.get().symbols == ["OLDER"]


def test_a_session_to_come_needs_no_sync(
    admin_client: Client, django_capture_on_commit_callbacks: Committed
) -> None:
    tracked()
    published()

    with django_capture_on_commit_callbacks(execute=True):
        post(admin_client, date="2028-06-10", kind="session")

    assert not SyncRun.objects.exists()
    assert sessions("XNYS").is_session(date(2028, 6, 10))


def test_several_can_be_withdrawn_together(
    admin_client: Client, django_capture_on_commit_callbacks: Committed
) -> None:
    tracked()
    published()
    post(admin_client)
    post(admin_client, date="2026-06-04")
    keys = list(CalendarOverride.objects.values_list("pk", flat=True))
    chosen = {"action": "delete_selected", "_selected_action": keys, "post": "yes"}

    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(LIST, chosen)

    assert not CalendarOverride.objects.exists()
    assert sessions("XNYS").is_session(date(2026, 6, 3))
    (run,) = SyncRun.objects.all()
    assert run.symbols == ["ACME"]


def test_a_moved_day_concerns_both_days(
    admin_client: Client, django_capture_on_commit_callbacks: Committed
) -> None:
    tracked()
    published()
    post(admin_client)
    row = CalendarOverride.objects.get()
    url = reverse("admin:prices_calendaroverride_change", args=[row.pk])

    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(
            url, {"mic": "XNYS", "date": "2026-06-04", "kind": "holiday", "note": "Storm"}
        )

    assert sessions("XNYS").is_session(date(2026, 6, 3))
    assert not sessions("XNYS").is_session(date(2026, 6, 4))
    assert services.bars().manifest(SeriesKey("ACME")) is not None
    assert SyncRun.objects.get().symbols == ["ACME"]


def test_viewers_change_nothing(client: Client, staff: User) -> None:
    assert client.get(LIST).status_code == 200
    assert client.get(ADD).status_code == 403
