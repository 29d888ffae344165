"""The admin's pages in a real Chromium: they open without errors, fit the screen, and their buttons work."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from prices import services
from prices.domain.sessions import sessions_of
from prices.jobs import cluster_health, schedules
from prices.models import CalendarOverride, SyncRun
from prices.reads.reader import SymbolReport
from tests.support.builders import published, tracked
from tests.support.chromium import fits, in_one_view

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]


def _state() -> SymbolReport:
    now = timezone.now()
    schedules.install(now=now)
    cluster_health.record_canary(now=now - timedelta(seconds=20))
    tracked("ACME")
    tracked("NEWCO", last_update=None, last_error="Yahoo says of NEWCO: No data found", failures=1)
    published("ACME")
    return services.reader().reports(["ACME"], now=now)[0]


class TestPages:
    @in_one_view
    def test_signs_in_by_name_and_password(self, page: Page) -> None:
        page.context.clear_cookies()
        page.goto("/admin/")

        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Log in").click()

        expect(page.get_by_text("Needs attention").first).to_be_visible()

    def test_dashboard_shows_the_figures(self, page: Page) -> None:
        _state()

        page.goto("/admin/")

        expect(page.get_by_text("1 of 2 symbols have no history yet")).to_be_visible()
        expect(page.get_by_text("Historical sync", exact=True)).to_be_visible()
        expect(page.get_by_text("cron 0 */3 * * *")).to_be_visible()
        assert fits(page)

    def test_list_says_why_a_symbol_is_stale(self, page: Page) -> None:
        report = _state()

        page.goto("/admin/prices/trackedsymbol/")

        assert report.stale_reason
        expect(page.get_by_text("ACME", exact=True).first).to_be_visible()
        expect(page.get_by_text("sessions behind").first).to_be_visible()
        expect(page.get_by_text("No data found").first).to_be_visible()
        assert fits(page)

    def test_declares_a_holiday_with_the_date_picker(self, page: Page) -> None:
        sessions_of("24/7")
        page.goto("/admin/prices/calendaroverride/add/")

        page.get_by_label("Exchange").fill("24/7")
        page.get_by_role("link", name="Choose Date").or_(page.locator("#calendarlink0")).click()
        page.locator(".calendar td a", has_text="15").first.click()
        page.locator("select[name=kind]").select_option("holiday")
        page.get_by_label("Why").fill("The bulletin")
        page.get_by_role("button", name="Save", exact=True).click()

        expect(page.get_by_text("The bulletin")).to_be_visible()
        row = CalendarOverride.objects.get()
        assert (row.mic, row.date.day, row.declared_by) == ("24/7", 15, "admin")
        assert fits(page)

    @in_one_view
    def test_tracks_a_symbol_by_its_market(self, page: Page) -> None:
        sessions_of("XTAE")  # Its first use takes seconds on a busy machine.
        page.goto("/admin/prices/trackedsymbol/add/")

        page.get_by_label("Symbol").fill("teva")
        page.locator("select[name=market]").select_option("TASE")
        page.get_by_role("button", name="Save", exact=True).click()

        expect(page.get_by_text("TEVA.TA").first).to_be_visible()
        assert SyncRun.objects.get().symbols == ["TEVA.TA"]

    @in_one_view
    def test_explains_an_invalid_symbol(self, page: Page) -> None:
        page.goto("/admin/prices/trackedsymbol/add/")

        page.get_by_label("Symbol").fill("A B")
        page.get_by_role("button", name="Save", exact=True).click()

        expect(page.get_by_text("is not a symbol").first).to_be_visible()

    def test_opens_runs_and_schedules(self, page: Page) -> None:
        _state()
        run = SyncRun.objects.create(
            kind="backfill", state="partial", updated=1, failed=1, errors={"NEWCO": "No data found"}
        )

        for path in (
            "prices/syncrun/",
            f"prices/syncrun/{run.pk}/change/",
            "django_q/schedule/",
            "django_q/ormq/",
            "django_q/failure/",
        ):
            page.goto(f"/admin/{path}")
            expect(page.locator("body")).not_to_contain_text("Server Error")
            assert fits(page)

    @in_one_view
    def test_api_docs_work_without_the_internet(self, page: Page) -> None:
        page.goto("/cache/docs")

        expect(page.get_by_text("/cache/historical/{symbol}").first).to_be_visible()
