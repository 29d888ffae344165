"""Dashboard and scheduler page in a real Chromium: they update themselves and fit, and their buttons work."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from django_q.models import OrmQ, Task
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from prices.jobs import cluster_health, runs, schedules
from prices.models import PausedJob, SyncRun, TrackedSymbol
from tests.support.builders import WEEK, published, tracked
from tests.support.chromium import VIEWS, fits, in_one_view, low_contrast_texts, signed_in
from tests.support.heartbeats import heartbeat
from tests.support.outages import away

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]

Kind, State = SyncRun.Kind, SyncRun.State
UNREACHABLE = "ERR_FAILED"


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("admin")


@pytest.fixture(params=VIEWS.values(), ids=list(VIEWS))
def page(
    browser: Browser, live_server: LiveServer, boss: User, request: pytest.FixtureRequest
) -> Iterator[Page]:
    width, scheme = request.param
    with signed_in(
        browser, live_server.url, boss, width=width, scheme=scheme, allowed=UNREACHABLE
    ) as page:
        yield page


@pytest.fixture
def wide(browser: Browser, live_server: LiveServer, boss: User) -> Iterator[Page]:
    """A page for tests that do not depend on width and theme."""
    with signed_in(
        browser, live_server.url, boss, width=1440, scheme="light", allowed=UNREACHABLE
    ) as page:
        yield page


@pytest.fixture
def state(boss: User) -> None:
    """One row for each part of both pages."""
    now = timezone.now()
    schedules.install(now=now)
    cluster_health.record_canary(now=now - timedelta(seconds=20))
    heartbeat(now=now)
    tracked("ACME")
    published("ACME", rows=WEEK[:4])
    tracked("NEWCO", last_update=None, last_error="Yahoo says of NEWCO: No data found", failures=1)
    tracked("GONE", active=False, suspended_reason="Yahoo knows no GONE")
    for kind, when, ended in (
        (Kind.HISTORICAL_SYNC, 0, State.SUCCEEDED),
        (Kind.HISTORICAL_SYNC, 1, State.PARTIAL),
        (Kind.BACKFILL, 2, State.FAILED),
    ):
        SyncRun.objects.create(
            kind=kind,
            state=ended,
            trigger="schedule",
            created_at=now - timedelta(days=when),
            finished_at=now,
            errors={"NEWCO": "No data found"} if ended != State.SUCCEEDED else {},
        )
    Task.objects.create(
        **{"id": "b" * 32, "name": "failed", "func": "prices.jobs.tasks.canary", "success": False},
        **{"result": "boom : Traceback (most recent call last): line 7", "group": "canary"},
        started=now,
        stopped=now,
    )


def advance(page: Page, seconds: int) -> None:
    """Advances the clock of the page, which `page.clock.install` stopped."""
    with page.expect_response(lambda answer: "live" in answer.url):
        page.clock.run_for(seconds * 1000)


class TestPages:
    def test_open_without_errors_fit_and_are_readable(self, page: Page, state: None) -> None:
        run = SyncRun.objects.filter(state=State.PARTIAL)[0]
        for path in (
            "/admin/",
            "/admin/scheduler/",
            f"/admin/prices/syncrun/{run.pk}/change/",
            "/admin/corrections/",
            "/admin/prices/readcount/",
            "/admin/admin/logentry/",
            "/admin/django_q/schedule/",
        ):
            page.goto(path)
            assert fits(page), path
            assert low_contrast_texts(page) == [], path
            assert page.evaluate("window.shifted") < 0.05, path

    def test_keep_the_words_of_a_tile_on_one_line(self, page: Page, state: None) -> None:
        away(timezone.now())
        page.goto("/admin/")

        figure = page.locator(".pc-tile", has_text="Provider").locator(".pc-figure")
        expect(figure).to_have_text("unreachable")
        lines = "e => { const r = new Range(); r.selectNodeContents(e); return r.getClientRects().length; }"
        assert figure.evaluate(lines) == 1

    def test_fit_a_very_wide_screen(
        self, browser: Browser, live_server: LiveServer, boss: User, state: None
    ) -> None:
        with signed_in(browser, live_server.url, boss, width=1920, scheme="dark") as page:
            for path in ("/admin/", "/admin/scheduler/"):
                page.goto(path)
                assert fits(page)
                assert low_contrast_texts(page) == []

    @in_one_view
    def test_can_be_used_by_keyboard(self, page: Page, state: None) -> None:
        page.goto("/admin/")

        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")

        first = page.locator(".pc-tile a").first
        expect(first).to_be_focused()
        outline = first.evaluate(
            "e => getComputedStyle(e).outlineStyle + e.matches(':focus-visible')"
        )
        assert outline == "solidtrue"

    def test_describe_their_content_to_screen_readers(self, wide: Page, state: None) -> None:
        wide.goto("/admin/")

        expect(wide.get_by_role("heading", name="Needs attention")).to_be_visible()
        expect(wide.get_by_role("table", name="Needs attention")).to_be_visible()
        expect(wide.get_by_role("columnheader", name="What to do")).to_be_visible()
        expect(wide.get_by_role("button", name="Sync now for ACME")).to_be_visible()
        words = "3 syncs in the last 30 days: 1 good, 1 partly failed, 1 failed."
        expect(wide.get_by_role("img", name=words)).to_be_visible()
        wide.get_by_text("The numbers").click()
        expect(wide.get_by_role("table", name="Syncs by day")).to_be_visible()

    def test_show_no_button_to_users_who_may_only_view(
        self, browser: Browser, live_server: LiveServer, state: None
    ) -> None:
        user = User.objects.create_user("carol", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
        with signed_in(browser, live_server.url, user, width=1440, scheme="light") as page:
            for path in ("/admin/", "/admin/scheduler/"):
                page.goto(path)
                expect(page.locator(".pc-page").get_by_role("button")).to_have_count(0)
                expect(page.locator(".pc-card").first).to_be_visible()


class TestUpdates:
    def test_shows_what_changed_without_a_reload(self, page: Page, state: None) -> None:
        page.clock.install()
        page.goto("/admin/")
        page.evaluate("window.marked = true")
        lagging = page.locator(".pc-tile", has_text="Failing").locator(".pc-figure")
        expect(lagging).to_have_text("1")
        before = page.evaluate("window.shifted")

        TrackedSymbol.objects.filter(symbol="ACME").update(last_error="HTTP 500")
        advance(page, 10)

        expect(lagging).to_have_text("2")
        assert page.evaluate("window.marked") is True
        assert page.evaluate("window.shifted") - before < 0.02

    def test_keeps_the_focus_and_unfolded_details(self, wide: Page, state: None) -> None:
        wide.clock.install()
        wide.goto("/admin/")
        wide.get_by_text("The numbers").click()
        button = wide.get_by_role("button", name="Resume for GONE")
        button.focus()

        TrackedSymbol.objects.filter(symbol="ACME").update(last_error="HTTP 500", active=False)
        SyncRun.objects.create(kind=Kind.BACKFILL, state=State.FAILED, trigger="x")
        advance(wide, 10)

        expect(wide.get_by_text("4 syncs in the last 30 days")).to_be_visible()
        expect(wide.get_by_role("table", name="Syncs by day")).to_be_visible()
        expect(button).to_be_focused()

    def test_pauses_while_the_page_is_hidden(self, wide: Page, state: None) -> None:
        asked: list[str] = []
        wide.clock.install()
        wide.goto("/admin/")
        wide.on(
            "request",
            lambda request: asked.append(request.url) if request.url.endswith("/live") else None,
        )

        wide.evaluate("Object.defineProperty(document, 'hidden', { value: true, writable: true })")
        wide.clock.run_for(60_000)
        assert asked == []

        with wide.expect_response("**/admin/live"):
            wide.evaluate(
                "document.hidden = false; document.dispatchEvent(new Event('visibilitychange'))"
            )
            wide.clock.run_for(10)

    def test_shows_since_when_the_server_is_unreachable(self, page: Page, state: None) -> None:
        page.clock.install()
        page.goto("/admin/")
        note = page.locator("[data-live-note]")
        before = page.locator(".pc-tiles").first.bounding_box()

        page.route("**/admin/live", lambda route: route.abort())
        page.clock.run_for(10_000)

        expect(note).to_contain_text("The server has not been reachable since")
        expect(page.get_by_text("Needs attention").first).to_be_visible()
        assert fits(page)
        if page.viewport_size and page.viewport_size["width"] > 1000:
            assert page.locator(".pc-tiles").first.bounding_box() == before

        page.unroute("**/admin/live")
        advance(page, 10)

        expect(note).to_have_text("")

    def test_shows_that_the_user_is_signed_out(self, wide: Page, state: None) -> None:
        wide.clock.install()
        wide.goto("/admin/")

        wide.context.clear_cookies()
        advance(wide, 10)

        expect(wide.locator("[data-live-note]")).to_contain_text("You are signed out")


class TestDashboardButtons:
    @pytest.mark.parametrize(
        ("button", "kind", "symbol"),
        [
            ("Sync now for ACME", Kind.HISTORICAL_SYNC, "ACME"),
            ("Backfill for NEWCO", Kind.BACKFILL, "NEWCO"),
        ],
    )
    @in_one_view
    def test_queue_the_remedy(
        self, page: Page, state: None, button: str, kind: str, symbol: str
    ) -> None:
        page.goto("/admin/")

        page.get_by_role("button", name=button).click()

        expect(page.get_by_text("is queued").first).to_be_visible()
        run = SyncRun.objects.get(state=State.QUEUED)
        assert (run.kind, run.symbols) == (kind, [symbol])

    @in_one_view
    def test_resume(self, page: Page, state: None) -> None:
        page.goto("/admin/")

        page.get_by_role("button", name="Resume for GONE").click()

        expect(page.get_by_text("Resumed GONE.")).to_be_visible()
        assert TrackedSymbol.objects.get(symbol="GONE").active


class TestSchedulerButtons:
    @in_one_view
    def test_pause_and_resume_a_job(self, page: Page, state: None) -> None:
        page.goto("/admin/scheduler/")

        page.get_by_role("button", name="Pause Historical sync").click()
        expect(page.get_by_text("is paused until somebody resumes it")).to_be_visible()
        expect(page.get_by_text("by admin").first).to_be_visible()
        assert PausedJob.objects.get().job == "historical_sync"

        page.get_by_role("button", name="Resume Historical sync").click()
        expect(page.get_by_text("is resumed and runs at its next scheduled time")).to_be_visible()
        assert not PausedJob.objects.exists()

    @in_one_view
    def test_run_a_job_now(self, page: Page, state: None) -> None:
        page.goto("/admin/scheduler/")

        page.get_by_role("button", name="Run now Store sweep").click()

        expect(page.get_by_text("Store sweep is queued for the cluster")).to_be_visible()
        assert OrmQ.objects.get().func() == "prices.jobs.tasks.store_sweep"

    @in_one_view
    def test_repeat_what_failed(self, page: Page, state: None) -> None:
        page.goto("/admin/scheduler/")
        page.get_by_text("Traceback", exact=True).click()
        expect(page.get_by_text("line 7").first).to_be_visible()

        page.get_by_role("button", name="Try again prices.jobs.tasks.canary").click()
        expect(page.get_by_text("prices.jobs.tasks.canary is queued again.").first).to_be_visible()

        failed = SyncRun.objects.filter(state=State.FAILED)[0]
        page.get_by_role("button", name=f"Try again run {failed.pk}").click()
        expect(page.get_by_text(f"what Backfill #{failed.pk} failed for").first).to_be_visible()
        assert OrmQ.objects.count() == 2

    @pytest.mark.parametrize("path", ["/admin/scheduler/", "/admin/prices/syncrun/{}/change/"])
    def test_follow_a_run_and_cancel_it(self, page: Page, state: None, path: str) -> None:
        now = timezone.now()
        run = runs.begin(Kind.BACKFILL, trigger="x", symbols=["ACME"], now=now)
        SyncRun.objects.filter(pk=run.pk).update(total=8, updated=2)
        page.clock.install()
        page.goto(path.format(run.pk))
        bar = page.get_by_role("progressbar", name=f"Progress of run {run.pk}")
        expect(bar).to_have_attribute("value", "2")

        SyncRun.objects.filter(pk=run.pk).update(updated=5)
        advance(page, 3)
        expect(bar).to_have_attribute("value", "5")

        page.get_by_role("button", name=f"Cancel run {run.pk}").click()

        expect(page.get_by_text("stops after the symbols in progress")).to_be_visible()
        expect(page.get_by_text("stopping").first).to_be_visible()
        assert fits(page)
        run.refresh_from_db()
        assert run.cancelled_by == "admin (admin)"
