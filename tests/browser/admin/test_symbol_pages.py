"""The pages of symbols in a real Chromium: they fit, are readable, and every button works."""

import re
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from prices import services
from prices.domain.actions import Actions, Dividend, Split
from prices.domain.answers import Fetched
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.coverage import DateRange, Gap
from prices.domain.sessions import sessions_of
from prices.jobs import cluster_health
from prices.models import SyncRun, Tag, TrackedSymbol
from prices.sync.publish import publish
from tests.support.builders import published, tracked
from tests.support.chromium import fits, in_one_view, low_contrast_texts, signed_in
from tests.support.syncing import facts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]

Kind, State = SyncRun.Kind, SyncRun.State


def _days() -> list[date]:
    """Returns the last eight closed sessions."""
    calendar = sessions_of("XNYS")
    assert calendar is not None
    closed = calendar.last_closed(timezone.now())
    assert closed is not None
    return [calendar.shift(closed, -n) for n in range(7, -1, -1)]


def _holed() -> TrackedSymbol:
    """Tracks ACME, whose fourth session is a gap, followed by a split and a dividend."""
    days = _days()
    cluster_health.record_canary(now=timezone.now())
    row = tracked("ACME", last_update=timezone.now(), reads=7)
    published(
        rows=[(day, 10.0, 11.0, 9.5, 10.5, 1_000) for n, day in enumerate(days) if n != 3],
        actions=Actions((Split(days[5], 2, 1),), (Dividend(days[6], 0.5),)),
        final_through=days[5],
        fetched_at=timezone.now() - timedelta(hours=1),
        gaps=(Gap(days[3], 5, None, "the provider has none"),),
        asked=(DateRange(days[0], days[-1] + timedelta(days=1)),),
    )
    return row


def _list(page: Page, query: str = "") -> None:
    page.goto(f"/admin/prices/trackedsymbol/{query}")


def _open(page: Page, row: TrackedSymbol) -> None:
    page.goto(f"/admin/prices/trackedsymbol/{row.pk}/change/")


def _check_layout(page: Page) -> None:
    """Checks that the page fits, that nothing moved, and that every text is readable."""
    assert fits(page)
    assert low_contrast_texts(page) == []
    assert page.evaluate("window.shifted") < 0.02


class TestList:
    def test_shows_figures_and_curves(self, page: Page) -> None:
        row = _holed()
        row.tags.add(Tag.objects.create(name="core", colour="info"))
        tracked("NEWCO", last_update=None, last_error="Yahoo says of NEWCO: No data found")

        _list(page)

        expect(page.get_by_text("87.5 %")).to_be_visible()
        expect(page.get_by_role("img", name="7 closes, +0.0 %")).to_be_visible()
        expect(page.get_by_text("No data found")).to_be_visible()
        expect(page.locator("#result_list").get_by_text("core")).to_be_visible()
        _check_layout(page)

    @in_one_view
    def test_sorts_and_filters_by_figures(self, page: Page) -> None:
        _holed()
        tracked("WHOLE", reads=1)
        published("WHOLE")

        _list(page)
        page.get_by_role("button", name="Filters").click()
        page.get_by_role("link", name="With gaps").click()

        expect(page.get_by_text("ACME", exact=True).first).to_be_visible()
        expect(page.get_by_text("WHOLE", exact=True)).to_have_count(0)
        _list(page, "?o=-10")
        assert page.locator("#result_list b").all_inner_texts() == ["ACME", "WHOLE"]

    @in_one_view
    def test_filters_by_keyboard(self, page: Page) -> None:
        _holed()
        _list(page)
        opener = page.get_by_role("button", name="Filters")
        panel = page.locator("#changelist-filter")

        opener.press("Enter")
        expect(panel.get_by_role("link").first).to_be_focused()
        page.keyboard.press("Escape")
        expect(panel).to_be_hidden()
        expect(opener).to_be_focused()
        opener.press("Enter")
        expect(panel.get_by_role("link").first).to_be_focused()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")

        expect(page).to_have_url(re.compile("state=fresh"))

    @in_one_view
    def test_opens_a_symbol_by_its_keyboard(self, page: Page) -> None:
        row = _holed()
        _list(page)

        page.get_by_role("link", name="ACME").first.focus()
        page.keyboard.press("Enter")

        page.wait_for_url(f"**/{row.pk}/change/**")
        expect(page.get_by_role("heading", name="ACME", exact=True)).to_be_visible()


def _choose(page: Page, action: str) -> None:
    """Selects every row and an action, which opens the confirmation page."""
    page.locator("#action-toggle").check()
    page.locator("select[name=action]").select_option(action)
    page.get_by_role("button", name="Run", exact=True).click()


class TestBulkActions:
    def test_show_the_progress_until_the_run_ends(self, page: Page) -> None:
        run = SyncRun.objects.create(kind=Kind.BACKFILL, trigger="test", symbols=["A", "B"])
        page.clock.install()
        page.goto(f"/admin/prices/trackedsymbol/progress/{run.pk}/?q=acme")

        words = page.get_by_role("status").filter(has_text="done")
        expect(words).to_have_text("Queued: 0 of 2 done.")
        _check_layout(page)
        SyncRun.objects.filter(pk=run.pk).update(state=State.RUNNING, updated=1, total=2)
        page.clock.run_for(10_000)
        expect(words).to_have_text("Running: 1 of 2 done.")
        assert page.get_by_role("progressbar").get_attribute("value") == "1"
        SyncRun.objects.filter(pk=run.pk).update(state=State.PARTIAL, failed=1)
        page.clock.run_for(10_000)
        expect(words).to_have_text("Partly failed: 2 of 2 done, 1 failed.")
        expect(page.get_by_text("Reload the page")).to_be_visible()
        page.get_by_role("link", name="Back to the list").click()
        page.wait_for_url("**/trackedsymbol/?q=acme")

    def test_ask_for_confirmation_and_queue_a_run(self, page: Page) -> None:
        tracked()
        tracked("OTHER")
        for action, button, kind in (
            ("sync_now", "Sync 2 symbols", Kind.HISTORICAL_SYNC),
            ("backfill", "Backfill 2 symbols", Kind.BACKFILL),
            ("verify", "Verify 2 symbols", Kind.VERIFY),
        ):
            _list(page)

            _choose(page, action)
            expect(page.get_by_text("ACME, OTHER")).to_be_visible()
            _check_layout(page)
            page.get_by_role("button", name=button).click()

            expect(page.get_by_text("Queued: 0 of 2 done.")).to_be_visible()
            run = SyncRun.objects.latest("pk")
            assert (run.kind, run.symbols) == (kind, ["ACME", "OTHER"])
            SyncRun.objects.update(state=State.SUCCEEDED)

    @in_one_view
    def test_suspend_and_resume(self, page: Page) -> None:
        tracked()
        tracked("OTHER")
        for action, said, after in (
            ("suspend", "Suspended", False),
            ("resume", "Resumed", True),
        ):
            _list(page)

            _choose(page, action)
            page.get_by_role("button", name=f"{action.capitalize()} 2 symbols").click()

            expect(page.get_by_text(f"{said} ACME, OTHER.")).to_be_visible()
            assert set(TrackedSymbol.objects.values_list("active", flat=True)) == {after}

    def test_tag(self, page: Page) -> None:
        row = tracked()
        row.tags.add(Tag.objects.create(name="old"))
        _list(page)

        _choose(page, "tag")
        _check_layout(page)
        page.get_by_role("group", name="Remove").get_by_label("old").check()
        page.get_by_label("New tag").fill("core")
        page.get_by_role("button", name="Tag 1 symbol").click()

        expect(page.get_by_text("1 symbol: tagged core, untagged old.")).to_be_visible()
        assert [tag.name for tag in row.tags.all()] == ["core"]

    @in_one_view
    def test_export(self, page: Page) -> None:
        _holed()
        _list(page)

        with page.expect_download() as download:
            _choose(page, "export")

        lines = Path(download.value.path()).read_text().splitlines()
        assert download.value.suggested_filename.endswith(".csv")
        assert lines[1].startswith("ACME,Acme Corporation,US,XNYS,USD,fresh,")

    @in_one_view
    def test_can_be_cancelled(self, page: Page) -> None:
        tracked()
        _list(page, "?q=acme")

        _choose(page, "suspend")
        page.get_by_role("link", name="Cancel").click()

        page.wait_for_url("**/?q=acme")
        assert TrackedSymbol.objects.get().active


class TestSymbol:
    def test_shows_map_chart_and_tables(self, page: Page) -> None:
        row = _holed()

        _open(page, row)

        gap = _days()[3]
        expect(page.locator("[data-chart]")).to_have_attribute("data-drawn", "7")
        expect(page.locator("[data-chart] canvas").first).to_be_visible()
        expect(page.locator("#tv-attr-logo")).to_be_visible()  # required by the library
        expect(page.get_by_role("img", name="7 of 8 sessions stored, 1 gap").last).to_be_visible()
        title = page.locator("path.pc-gap title").last
        assert (title.text_content() or "").startswith(f"{gap}: gap, the provider has none")
        expect(page.get_by_role("region", name="Bars").get_by_text("10.5").first).to_be_visible()
        _check_layout(page)
        page.get_by_text("Show as a table").click()
        expect(page.get_by_role("region", name="Sessions by year")).to_be_visible()

    @in_one_view
    def test_follows_the_theme(self, page: Page) -> None:
        _open(page, _holed())
        expect(page.locator("[data-chart]")).to_have_attribute("data-drawn", "7")

        for dark in (True, False):
            page.evaluate("(on) => document.documentElement.classList.toggle('dark', on)", dark)
            assert low_contrast_texts(page) == []

    @in_one_view
    def test_fits_a_large_screen(self, page: Page) -> None:
        row = _holed()
        page.set_viewport_size({"width": 1920, "height": 1000})

        _open(page, row)
        _check_layout(page)
        _list(page)
        _check_layout(page)

    def test_explains_that_there_is_no_history(self, page: Page) -> None:
        _open(page, tracked(last_update=None))

        expect(page.get_by_text("There is no history yet. The next sync")).to_be_visible()
        _check_layout(page)

    @in_one_view
    def test_queues_and_shows_the_progress(self, page: Page) -> None:
        row = _holed()
        for button, kind in (
            ("Sync now", Kind.HISTORICAL_SYNC),
            ("Backfill whole history", Kind.BACKFILL),
            ("Verify", Kind.VERIFY),
            ("Request all gaps again", Kind.HISTORICAL_SYNC),
        ):
            _open(page, row)

            page.get_by_role("button", name=button, exact=True).click()

            expect(page.get_by_text("Queued: 0 of 1 done.")).to_be_visible()
            run = SyncRun.objects.latest("pk")
            assert (run.kind, run.symbols) == (kind, ["ACME"])
            SyncRun.objects.update(state=State.SUCCEEDED)

    @in_one_view
    def test_suspends_and_resumes(self, page: Page) -> None:
        _open(page, _holed())

        page.get_by_role("button", name="Suspend").click()
        expect(page.get_by_text("Suspended ACME.").first).to_be_visible()
        page.get_by_role("button", name="Resume").click()
        expect(page.get_by_text("Resumed ACME.").first).to_be_visible()

    @in_one_view
    def test_requests_one_gap_again(self, page: Page) -> None:
        gap = _days()[3]
        _open(page, _holed())

        page.get_by_role("button", name=f"Request again {gap}").click()

        expect(page.get_by_text(f"a new request for {gap} of ACME")).to_be_visible()
        assert facts().gaps[0].tries == 0

    def test_fills_a_gap_and_accepts_the_providers_bar(self, page: Page) -> None:
        """A different bar of the provider is shown and accepted."""
        gap, row = _days()[3], _holed()
        _open(page, row)

        page.get_by_role("link", name=f"Fill {gap} by hand").click()
        _check_layout(page)
        for label, value in (("Open", "10"), ("High", "9"), ("Low", "9.5"), ("Close", "10.25")):
            page.get_by_label(label, exact=True).fill(value)
        page.get_by_label("Volume").fill("900")
        page.get_by_label("Source").fill("the exchange's bulletin")
        page.get_by_role("button", name="Fill", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("between its low and its high")
        page.get_by_label("High", exact=True).fill("11")
        page.get_by_role("button", name="Fill", exact=True).click()

        expect(page.get_by_text(f"{gap} is filled. No sync will change it.")).to_be_visible()
        expect(page.get_by_role("region", name="Filled by hand")).to_contain_text("nothing else")
        _provider_says(11.0)
        page.reload()
        by_hand = page.get_by_role("region", name="Filled by hand")
        expect(by_hand).to_contain_text("close 11,")
        expect(by_hand).to_contain_text("10.25")
        _check_layout(page)
        page.get_by_role("button", name=f"Take the provider's {gap}").click()

        expect(page.get_by_text(f"{gap} now has the provider's bar")).to_be_visible()
        expect(page.get_by_role("region", name="Corrections")).to_contain_text("released by hand")
        assert facts().by_hand == ()

    @in_one_view
    def test_withdraws_a_bar_filled_by_hand(self, page: Page) -> None:
        gap, row = _days()[3], _holed()
        services.repair_service().fill(
            *("ACME", gap, (10.0, 11.0, 9.5, 10.5, 5)), by="alice", note="x", now=timezone.now()
        )
        _open(page, row)

        page.get_by_role("button", name=f"Withdraw {gap}").click()

        expect(page.get_by_text(f"{gap} is a gap again")).to_be_visible()

    @in_one_view
    def test_bars_of_a_range(self, page: Page) -> None:
        days = _days()
        _open(page, _holed())

        page.get_by_role("textbox", name="From").fill(days[1].isoformat())
        page.get_by_role("textbox", name="To").fill(days[2].isoformat())
        page.get_by_role("button", name="Show").click()

        expect(page.get_by_role("region", name="Bars").locator("tbody tr")).to_have_count(2)


def _provider_says(close: float) -> None:
    """Publishes the whole history, with another close for the session that was filled."""
    days, series = _days(), SeriesKey("ACME")
    stored = services.bars().read(series)
    assert stored is not None
    rows = [(day, 10.0, 11.0, 9.5, close if n == 3 else 10.5, 1_000) for n, day in enumerate(days)]
    answer = Fetched(
        DateRange(days[0], days[-1] + timedelta(days=1)),
        BarSeries.from_rows(rows),
        stored.manifest.facts.actions,
        timezone.now(),
        "yahoo",
        "USD",
        "NMS",
        "America/New_York",
    )
    publish(services.bars(), series, answer, sessions_of("XNYS"), now=timezone.now())


class TestRights:
    def test_shows_no_button_to_users_who_may_only_view(
        self, browser: Browser, live_server: LiveServer
    ) -> None:
        row = _holed()
        staff = User.objects.create_user("carol", is_staff=True)
        staff.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
        with signed_in(browser, live_server.url, staff, width=1440, scheme="light") as page:
            _open(page, row)
            expect(page.get_by_text("the provider has none").last).to_be_visible()
            assert page.locator("#content button").all_inner_texts() == ["Show"]  # of a range
            _list(page)
            page.locator("#action-toggle").check()
            options = page.locator("select[name=action] option").all_inner_texts()
            assert [text.strip() for text in options if text.strip("- ")][-1] == (
                "Export figures (CSV)"
            )
            assert "Suspend" not in options
