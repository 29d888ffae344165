"""The page of one entry: stored beside the provider's values, in words, and its chart."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from prices.models import Quarantine
from tests.prices.admin.quarantine.conftest import SUMMARY, entry
from tests.support.admin_pages import open_page
from tests.support.builders import NOW, WEEK, published, tracked

pytestmark = pytest.mark.django_db


def url(one: Quarantine, name: str = "change") -> str:
    return reverse(f"admin:prices_quarantine_{name}", args=[one.pk])


def cells(client: Client, one: Quarantine, table: str) -> list[list[str]]:
    found = client.get(url(one)).context[table]
    return [[str(cell) for cell in row] for row in found.rows]


class TestDifferences:
    def test_are_shown_beside_the_stored_values(
        self, admin_client: Client, partial: Quarantine
    ) -> None:
        found = cells(admin_client, partial, "differences")

        assert 'value="2026-06-03"' in found[0][0]
        assert [cell.replace("</span>", "").split(">")[-1] for cell in found[0][1:]] == [
            *("2026-06-03", "close", "11.5", "1.15", "0.1"),
        ]
        page = open_page(admin_client, url(partial))
        assert "do not fit the sessions beside them. The stored values stay" in page
        assert "the decision is about all: 2 differences." in page
        assert "more are not listed" not in page

    def test_are_shown_up_to_a_limit(self, admin_client: Client, store: object) -> None:
        days = [str((NOW - timedelta(days=at)).date()) for at in range(60, 0, -1)]
        one = entry("bar", *(["2026-06-01", "close", 1.0, 2.0] for _ in days))

        assert len(cells(admin_client, one, "differences")) == 50
        assert "10 more are not listed" in open_page(admin_client, url(one))

    def test_show_what_one_side_lacks(self, admin_client: Client, store: object) -> None:
        one = entry("unit", ["2026-06-04", "close", None, 1125.0])

        row = cells(admin_client, one, "differences")[0]

        assert "none" in row[3]
        assert "1,125" in row[4]
        assert "pc-subtle" in row[5]

    def test_of_a_step_are_beside_the_close_before(
        self, admin_client: Client, store: object
    ) -> None:
        one = entry("step", ["2026-06-08", "close", 12.5, 6.1])

        page = open_page(admin_client, url(one))

        assert "Close before" in page
        assert "This resolves by itself" in page


class TestWholeAnswer:
    def test_is_described_in_words_and_beside_what_is_stored(
        self, admin_client: Client, whole: Quarantine
    ) -> None:
        page = open_page(admin_client, url(whole))

        assert (
            "The answer held 5 bars from 2026-06-02 to 2026-06-08 in USD. Stored are 5 bars from "
            "2026-06-02 to 2026-06-08 in USD." in page
        )
        found = {row[0]: row[1:] for row in cells(admin_client, whole, "answer")}
        assert found["Last close"] == ["24.5", "12.25"]
        assert found["Latest splits"] == ["2026-06-04: 2:1", "2026-06-04: 2:1"]
        assert found["Dividends"] == ["0", "1"]
        assert found["Name"] == ["Acme Holdings", "Acme Corporation"]
        assert "&quot;last_close&quot;: 24.5" in page

    def test_for_a_part_says_so(self, admin_client: Client, store: object) -> None:
        published(rows=WEEK)
        one = entry("basis", summary={**SUMMARY, "asked_from": "2026-06-04"})

        assert "It was requested from 2026-06-04 on only." in open_page(admin_client, url(one))

    def test_beside_nothing(self, admin_client: Client, store: object) -> None:
        one = entry("currency", symbol="NOBODY")

        assert "Nothing is stored." in open_page(admin_client, url(one))

    def test_recorded_by_an_earlier_version(self, admin_client: Client, store: object) -> None:
        one = entry("gone", summary={"closes": "half"})

        page = open_page(admin_client, url(one))

        assert "The answer held no bars. Nothing is stored." in page
        assert "&quot;closes&quot;: &quot;half&quot;" in page


class TestState:
    def test_names_the_decision_and_who_made_it(self, admin_client: Client, store: object) -> None:
        tracked()
        one = entry("bar", resolved_at=NOW, resolution="kept", decided_by="admin (alice)")

        page = open_page(admin_client, url(one))

        assert "the stored values were kept by hand" in page
        assert "admin (alice)" in page
        assert 'id="decide"' not in page

    def test_says_that_an_impossible_event_can_only_be_kept(
        self, admin_client: Client, store: object
    ) -> None:
        one = entry("event", reason="a split of 1:0 on 2026-06-04")

        page = open_page(admin_client, url(one))

        assert "An impossible event cannot be taken." in page
        assert 'value="keep"' in page
        assert 'value="release"' not in page

    def test_opens_without_mongodb_and_explains_it(
        self, admin_client: Client, no_store: None
    ) -> None:
        page = open_page(admin_client, url(entry("basis")))

        assert "The store does not answer" in page
        assert "A reason of ACME." in page

    def test_redirects_for_an_unknown_entry(self, admin_client: Client) -> None:
        gone = reverse("admin:prices_quarantine_change", args=[999])

        assert admin_client.get(gone).status_code == 302


class TestLatestCloses:
    """Of an answer that was refused as a whole."""

    @pytest.fixture
    def restated(self, store: object) -> Quarantine:
        published(rows=WEEK)
        one = entry("basis")
        one.summary["latest_closes"] = [["2026-06-05", 1250.0], ["2026-06-09", 1300.0]]
        one.save()
        return one

    def test_are_shown_beside_the_stored_ones(
        self, admin_client: Client, restated: Quarantine
    ) -> None:
        newest, oldest = cells(admin_client, restated, "closes")

        assert "2026-06-09" in newest[0]
        assert "none" in newest[2]  # It is not stored.
        assert "1,300" in newest[3]
        assert "2026-06-05" in oldest[0]
        assert ">12.5<" in oldest[2]
        assert ">100<" in oldest[4]

    def test_are_in_the_chart(self, admin_client: Client, restated: Quarantine) -> None:
        data = admin_client.get(url(restated, "chart")).json()

        assert data["provider"] == [["2026-06-05", 1250.0], ["2026-06-09", 1300.0]]
        assert data["time"] == [str(row[0]) for row in WEEK]


class TestChart:
    def test_returns_stored_closes_and_the_providers_values(
        self, admin_client: Client, partial: Quarantine
    ) -> None:
        data = admin_client.get(url(partial, "chart")).json()

        assert data["time"] == [str(row[0]) for row in WEEK]
        assert data["close"] == [row[4] for row in WEEK]
        assert data["provider"] == [["2026-06-03", 1.15], ["2026-06-05", 125.0]]
        assert data["marks"] == []

    def test_is_about_the_sessions_around(self, admin_client: Client, store: object) -> None:
        days = [(NOW - timedelta(days=at)).date() for at in range(300, 0, -1)]
        published(rows=[(day, 10.0, 11.0, 9.0, 10.0, 1) for day in days])
        one = entry("bar", [str(days[100]), "close", 10.0, 1.0])

        time = admin_client.get(url(one, "chart")).json()["time"]

        assert (time[0], time[-1]) == (str(days[60]), str(days[140]))

    def test_marks_dividends(self, admin_client: Client, store: object) -> None:
        published(rows=WEEK)
        one = entry("dividend", ["2026-06-08", "dividend", 0.5, 50.0])

        data = admin_client.get(url(one, "chart")).json()

        assert data["marks"] == [["2026-06-08", "dividend 50 instead of 0.5"]]
        assert data["provider"] == []

    def test_is_empty_without_history(self, admin_client: Client, store: object) -> None:
        one = entry("unit", ["2026-06-08", "close", None, 50.0])

        assert admin_client.get(url(one, "chart")).json()["time"] == []

    def test_reports_that_the_store_does_not_answer(
        self, admin_client: Client, no_store: None
    ) -> None:
        assert admin_client.get(url(entry("basis"), "chart")).status_code == 503


class TestRights:
    def test_viewers_see_no_buttons(self, client: Client, staff: User, partial: Quarantine) -> None:
        page = open_page(client, url(partial))

        assert "A reason of ACME." in page
        assert 'id="decide"' not in page
        assert "checkbox" not in page
        assert client.get(url(partial, "chart")).status_code == 200
        assert client.post(url(partial)).status_code == 403

    def test_others_see_nothing(self, client: Client, partial: Quarantine) -> None:
        client.force_login(User.objects.create_user("dave", is_staff=True))

        assert client.get(url(partial)).status_code == 403
        assert client.get(url(partial, "chart")).status_code == 403
