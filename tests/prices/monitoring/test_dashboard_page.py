"""The page of the dashboard: its parts, links and policy, who sees what, and constant work."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from prices import services
from prices.models import SyncRun, TrackedSymbol
from tests.support.admin_pages import DASHBOARD, LIVE, tiles
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.counting import counting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store", "fixed_now")]

Kind, State = SyncRun.Kind, SyncRun.State


class TestPage:
    def test_refreshes_its_parts(self, admin_client: Client, troubled: None) -> None:
        page = admin_client.get(DASHBOARD).content.decode()
        part = admin_client.get(LIVE).content.decode()

        assert f'data-live="{LIVE}"' in page
        assert "<html" not in part
        assert 'data-part="needs"' in part
        assert part.split("As of")[0].strip() in page

    def test_has_a_content_security_policy_and_bars_have_none(self, admin_client: Client) -> None:
        name = "Content-Security-Policy"

        assert name in admin_client.get(DASHBOARD)
        assert name in admin_client.get("/nowhere/")
        assert name not in admin_client.get("/cache/historical/ACME")

    def test_allows_only_what_it_needs(self, admin_client: Client) -> None:
        policy = admin_client.get(DASHBOARD)["Content-Security-Policy"]

        rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
        assert rules["default-src"] == "'none'"
        assert rules["script-src"] == "'self' 'unsafe-eval'"
        assert "unsafe-inline" not in rules["style-src-elem"]
        assert rules["frame-ancestors"] == "'none'"

    def test_has_no_inline_script_or_style(self, admin_client: Client, troubled: None) -> None:
        for part in (LIVE, reverse("desk:scheduler") + "?live"):
            page = admin_client.get(part).content.decode()
            assert "<script" not in page
            assert "style=" not in page
            assert "onclick" not in page

    def test_shows_buttons_only_to_those_who_may_press_them(
        self, client: Client, staff: User, troubled: None
    ) -> None:
        page = client.get(DASHBOARD).content.decode()

        assert "2 sessions behind" in page
        assert "formaction" not in page
        old = TrackedSymbol.objects.get(symbol="OLD")
        url = reverse("admin:prices_trackedsymbol_act", args=[old.pk])
        answer = client.post(url, {"do": "sync"})
        assert answer.status_code == 403
        assert not SyncRun.objects.exists()
        assert not LogEntry.objects.exists()

    def test_requires_a_login(self, client: Client) -> None:
        assert client.get(LIVE).status_code == 302
        assert client.get(DASHBOARD).status_code == 302

    @pytest.mark.parametrize(
        ("title", "listed"),
        [
            ("Lagging", {"NEW", "OLD"}),
            ("Failing", {"FAILS"}),
            ("Gaps open", {"GAP"}),
            ("Symbols", {"FULL", "GAP", "NEW", "OLD", "FAILS", "GONE", "SLEEPS", "ODD"}),
        ],
    )
    def test_links_each_figure_to_its_symbols(
        self, admin_client: Client, troubled: None, title: str, listed: set[str]
    ) -> None:
        answer = admin_client.get(tiles(admin_client)[title].link)

        assert {row.symbol for row in answer.context["cl"].result_list} == listed

    @pytest.mark.parametrize("may_change", [True, False])
    def test_links_coverage_to_the_least_covered_symbols(
        self, client: Client, admin_user: User, staff: User, troubled: None, may_change: bool
    ) -> None:
        client.force_login(admin_user if may_change else staff)

        answer = client.get(tiles(client)["Coverage"].link)

        listed = [row.symbol for row in answer.context["cl"].result_list]
        assert listed[:2] == ["OLD", "GAP"]

    def test_has_no_broken_link(self, admin_client: Client, troubled: None) -> None:
        for tile in tiles(admin_client).values():
            if tile.link:
                assert admin_client.get(tile.link).status_code == 200, tile.link

    def test_opens_without_mongodb_and_reports_it(
        self, admin_client: Client, no_store: None
    ) -> None:
        tracked()

        page = admin_client.get(DASHBOARD).content.decode()

        assert "A part of the system is down." in page
        assert "MongoDB does not answer" in page
        assert "Not known while the store does not answer." in page

    @pytest.mark.parametrize(
        ("url", "text"),
        [
            (reverse("desk:scheduler"), "not known: MongoDB does not answer"),
            (reverse("desk:corrections"), "The store does not answer"),
            (reverse("admin:prices_syncrun_changelist"), "Sync runs"),
            (reverse("admin:prices_readcount_changelist"), "Reads"),
            (reverse("admin:admin_logentry_changelist"), "Log"),
        ],
    )
    def test_lets_the_other_pages_open_without_mongodb(
        self, admin_client: Client, no_store: None, url: str, text: str
    ) -> None:
        answer = admin_client.get(url)

        assert answer.status_code == 200
        assert text in answer.content.decode()

    def test_reports_that_no_jobs_run(self, admin_client: Client) -> None:
        page = admin_client.get(DASHBOARD).content.decode()

        assert "No jobs run: no cluster sends a heartbeat, and the canary has never run." in page

    def test_lists_only_viewable_pages_in_the_sidebar(self, client: Client) -> None:
        user = User.objects.create_user("dave", is_staff=True)
        user.user_permissions.add(Permission.objects.get(codename="view_syncrun"))
        client.force_login(user)

        page = client.get(DASHBOARD).content.decode()

        assert "Sync runs" in page
        assert reverse("admin:auth_user_changelist") not in page
        assert reverse("admin:admin_logentry_changelist") not in page
        assert reverse("docs") in page

    @pytest.mark.parametrize("url", [DASHBOARD, LIVE])
    def test_takes_as_many_queries_for_many_symbols_as_for_few(
        self, admin_client: Client, url: str
    ) -> None:
        def asked() -> tuple[int, list[str]]:
            admin_client.get(url)  # what is loaded once a process
            with CaptureQueriesContext(connection) as queries, counting() as work:
                assert admin_client.get(url).status_code == 200
            return len(queries), work.commands

        _many(20)
        few = asked()
        _many(2_000)

        assert asked() == few


def _many(count: int) -> None:
    """Replaces the symbols by so many failing ones, up to twenty of them with a short history."""
    TrackedSymbol.objects.all().delete()
    TrackedSymbol.objects.bulk_create(
        TrackedSymbol(
            symbol=f"S{number}", market="US", mic="XNYS", last_error="HTTP 500", last_update=NOW
        )
        for number in range(count)
    )
    for number in range(0, min(count, 40), 2):
        if services.catalog().all().get(f"S{number}") is None:
            published(f"S{number}", rows=WEEK[: 1 + number % 5])
