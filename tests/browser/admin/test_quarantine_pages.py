"""The pages of quarantined answers in a real Chromium: they fit, are readable, and both decisions work."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from prices.domain.actions import Actions, CapitalGain, Dividend, Split
from prices.domain.coverage import DateRange
from prices.domain.sessions import sessions_of
from prices.jobs import cluster_health
from prices.models import Quarantine, SyncRun, TrackedSymbol
from tests.support.builders import published, tracked
from tests.support.chromium import fits, in_one_view, low_contrast_texts
from tests.support.syncing import facts

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]


def _entry(kind: str, reason: str, *differences: list[object]) -> Quarantine:
    keys = [f"{kind} {d[0]} {d[1]} {d[3]:.5g}" for d in differences] or [f"{kind} x"]
    summary = {
        "asked_from": "1900-01-01",
        "bars": 70,
        "first": "2026-01-05",
        "last": "2026-04-15",
        "last_close": 5_025.5,
        "currency": "GBp",
        "exchange": "LSE",
        "name": "Acme Holdings Public Limited Company",
        "splits": ["2026-06-04: 2:1"],
        "dividends": 0,
        "fetched_at": "2026-06-09T12:00:00+00:00",
        "differences": list(differences),
        "keys": keys,
    }
    return Quarantine.objects.create(symbol="ACME", kind=kind, reason=reason, summary=summary)


def _stored() -> tuple[TrackedSymbol, list[str]]:
    """Tracks ACME with 120 sessions of every special kind. Returns it and its sessions."""
    cluster_health.record_canary(now=timezone.now())
    calendar = sessions_of("XNYS")
    assert calendar is not None
    closed = calendar.last_closed(timezone.now())
    assert closed is not None
    days = [calendar.shift(closed, -n) for n in range(119, -1, -1)]
    closes = [50 + at / 10 + (at * 7 % 5) / 3 for at in range(120)]
    row = tracked("ACME", last_update=timezone.now(), currency="GBp")
    published(
        rows=[(d, c, c + 1, c - 1, c, 1_000) for d, c in zip(days, closes, strict=True)],
        actions=Actions(
            (Split(days[60], 2, 1),),
            (
                Dividend(days[70], 0.5, converted_from="GBP"),
                Dividend(
                    days[90],
                    55.0,
                    suspicious="it is 110 times the usual amount, but the price did not fall by it",
                ),
            ),
            (CapitalGain(days[90], 0.25, in_dividend=True),),
        ),
        currency="GBp",
        fetched_at=timezone.now() - timedelta(hours=1),
        normalised=(DateRange(days[100], days[118]),),
        unconfirmed=(days[117],),
        held=frozenset({f"unit {days[119]} close 5000"}),
    )
    return row, [str(day) for day in days]


def _partial() -> tuple[TrackedSymbol, Quarantine, list[str]]:
    row, days = _stored()
    values = [[days[at], "close", 50 + at / 10, 5 + at / 100] for at in range(40, 100, 1)]
    reason = (
        f"the provider changed the close of {days[40]} from 54 to 5.4, which does not fit the "
        f"days around it; the stored values of {days[40]} stay"
    )
    return row, _entry("bar", reason, *values), days


def _open(page: Page, entry: Quarantine) -> None:
    page.goto(f"/admin/prices/quarantine/{entry.pk}/change/")


def _check_layout(page: Page) -> None:
    """Checks that the page fits, that nothing moved, and that every text is readable."""
    assert fits(page)
    assert low_contrast_texts(page) == []
    assert page.evaluate("window.shifted") < 0.02


class TestEntry:
    def test_shows_both_values_and_the_chart(self, page: Page) -> None:
        _, entry, _ = _partial()

        _open(page, entry)

        region = page.get_by_role("region", name="Stored beside the provider's")
        expect(region.locator("tbody tr")).to_have_count(50)
        expect(page.get_by_text("10 more are not listed.")).to_be_visible()
        expect(page.locator("[data-chart]")).to_have_attribute("data-drawn", "120")
        expect(page.locator("[data-chart] canvas").first).to_be_visible()
        _check_layout(page)
        page.get_by_text("The answer as it is recorded").click()
        assert fits(page)

    @in_one_view
    def test_follows_the_theme(self, page: Page) -> None:
        _, entry, _ = _partial()
        _open(page, entry)
        expect(page.locator("[data-chart]")).to_have_attribute("data-drawn", "120")

        for dark in (True, False):
            page.evaluate("(on) => document.documentElement.classList.toggle('dark', on)", dark)
            assert low_contrast_texts(page) == []

    def test_marks_a_dividend_in_the_chart(self, page: Page) -> None:
        _, days = _stored()
        entry = _entry("dividend", "the dividend is 110 times", [days[90], "dividend", None, 55.0])

        _open(page, entry)

        expect(page.locator("[data-chart]")).to_have_attribute("data-drawn", "70")
        _check_layout(page)

    def test_shows_a_whole_answer_beside_what_is_stored(self, page: Page) -> None:
        _, days = _stored()
        entry = _entry("basis", "prices are 100 times the stored ones, and no split explains it")
        entry.summary["latest_closes"] = [[day, 6_200.0] for day in days[60:]]
        entry.save()

        _open(page, entry)
        expect(page.get_by_role("region", name="Stored beside").locator("tbody tr")).to_have_count(
            10
        )
        expect(page.locator("[data-chart]")).to_have_attribute("data-drawn", "100")

        expect(page.get_by_text("The answer held 70 bars from 2026-01-05")).to_be_visible()
        expect(page.get_by_role("table", name="The answer beside what is stored")).to_be_visible()
        _check_layout(page)

    def test_offers_no_release_of_an_impossible_event(self, page: Page) -> None:
        _stored()
        _open(page, _entry("event", "the provider reports a split of 1:0 on 2026-06-04"))

        expect(page.get_by_role("button", name="Keep the stored values")).to_be_visible()
        expect(page.get_by_role("button", name="Take the provider's values")).to_have_count(0)
        _check_layout(page)


class TestDecisions:
    def test_keep_the_stored_values_of_some_sessions(self, page: Page) -> None:
        _, entry, days = _partial()
        _open(page, entry)

        page.get_by_role("checkbox", name=f"Decide about {days[41]}").check()
        page.get_by_role("button", name="Keep the stored values").click()
        expect(page.get_by_role("cell", name=days[41])).to_be_visible()
        _check_layout(page)
        page.get_by_role("button", name="Keep the stored values").click()

        expect(
            page.get_by_text(f"The stored values of ACME are kept for {days[41]}.")
        ).to_be_visible()
        expect(page.get_by_role("checkbox", name=f"Decide about {days[41]}")).to_have_count(0)
        assert len(facts().kept) == 1
        _check_layout(page)

    def test_take_the_providers_values(self, page: Page) -> None:
        _stored()
        entry = _entry("completeness", "the answer holds only 30% of the 120 stored sessions")
        _open(page, entry)

        page.get_by_role("button", name="Take the provider's values").click()
        expect(page.get_by_text("REPLACES 120 stored bars")).to_be_visible()
        _check_layout(page)
        page.get_by_role("link", name="Cancel").click()
        page.get_by_role("button", name="Take the provider's values").click()
        page.get_by_role("button", name="Take the provider's values").click()

        expect(page.get_by_text("are fetched and taken")).to_be_visible()
        assert SyncRun.objects.get().options == {"whole": True, "trusted": True}

    def test_of_several_entries_in_the_list(self, page: Page) -> None:
        _partial()
        _entry("completeness", "the answer holds only 30% of the 120 stored sessions")
        page.goto("/admin/prices/quarantine/")
        _check_layout(page)

        page.locator("#action-toggle").check()
        page.locator("select[name=action]").select_option("keep")
        page.get_by_role("button", name="Run", exact=True).click()
        _check_layout(page)
        page.get_by_role("button", name="Keep the stored values").click()

        expect(page.get_by_text("The stored values of ACME are kept.")).to_be_visible()
        assert not Quarantine.objects.filter(resolved_at=None).exists()


class TestSymbolPage:
    def test_shows_what_is_special_and_leads_to_a_decision(self, page: Page) -> None:
        row, entry, _ = _partial()
        page.goto(f"/admin/prices/trackedsymbol/{row.pk}/change/")

        expect(page.locator("[data-chart]")).to_have_attribute("data-drawn", "120")
        expect(page.get_by_text("unconfirmed").first).to_be_visible()
        expect(page.get_by_text("held back").first).to_be_visible()
        page.get_by_text("Splits, dividends and capital gains (4)").click()
        _check_layout(page)
        page.get_by_role("button", name=f"Keep the stored values of entry {entry.pk}").click()

        expect(page.get_by_text("The stored values stay as they are")).to_be_visible()
