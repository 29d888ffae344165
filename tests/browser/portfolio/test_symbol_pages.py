"""The page of a symbol in Chromium; browser and server format numbers alike."""

from datetime import UTC, date, datetime

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from portfolio.web import template_tags
from prices.domain.actions import Actions
from prices.domain.sessions import sessions_of
from tests.browser.portfolio.conftest import Visitor, chart_state, quoted, record_chart, stored
from tests.support.builders import published, tracked

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]


class TestSymbolPage:
    def test_shows_bars_actions_and_freshness(self, page: Page) -> None:
        days = stored()
        quoted("ACME", 131.5)

        page.goto("/portfolios/symbols/ACME/")

        expect(page.locator("[data-chart] canvas").first).to_be_visible()
        expect(page.locator("[data-legend]")).to_contain_text("Close $130.00")
        expect(page.get_by_text("$131.50")).to_be_visible()
        expect(page.get_by_text("+$1.50 (+1.15\u00a0%)")).to_be_visible()
        expect(page.get_by_text("301 daily bars")).to_be_visible()
        expect(page.get_by_text("1 session behind")).to_be_visible()
        events = page.get_by_role("region", name="Splits and dividends")
        expect(events).to_contain_text(f"{days[220]}")
        expect(events).to_contain_text("Split 2:1")
        expect(events).to_contain_text("Dividend $0.5000")

    def test_changes_range_and_adjustment(self, page: Page) -> None:
        days = stored()
        page.goto("/portfolios/symbols/ACME/")
        chart = page.locator("[data-chart]")

        page.get_by_role("button", name="Max").click()
        expect(chart).to_have_attribute(
            "aria-label",
            f"ACME from {days[0]} to {days[-1]}: from $100.00 to $130.00, between $99.00 and $131.00.",
        )
        page.get_by_role("button", name="nothing").click()

        # As traded: the highest is the last before the 2:1 split, twice 121.90 and 1; the lowest
        # the first after it, 122.00 less 1.
        expect(chart).to_have_attribute(
            "aria-label",
            f"ACME from {days[0]} to {days[-1]}: from $200.00 to $130.00, between $121.00 and $245.80.",
        )

    def test_arrow_keys_move_between_ranges(self, page: Page) -> None:
        stored()
        page.goto("/portfolios/symbols/ACME/")

        page.get_by_role("button", name="1Y").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")

        five = page.get_by_role("button", name="5Y")
        expect(five).to_be_focused()
        expect(five).to_have_attribute("aria-pressed", "true")

    def test_says_that_the_history_is_being_loaded(self, page: Page) -> None:
        tracked("NEWCO", last_update=None)

        page.goto("/portfolios/symbols/NEWCO/")

        expect(page.get_by_text("The history of NEWCO is being loaded")).to_be_visible()

    def test_answers_an_unknown_symbol_with_a_page(self, visitor: Visitor, page: Page) -> None:
        answer = page.goto("/portfolios/symbols/NOSUCH/")

        assert answer
        assert answer.status == 404
        expect(page.get_by_text("NOSUCH is not tracked")).to_be_visible()
        visitor.complaints.clear()  # the browser logs each 404


# The labels of the price axis are wider, the longer the range is: 80, then 3,000 in the years before,
# 800,000 at first. By the number of sessions before the end.
CLOSES = {5_200: 800_000.0, 1_200: 3_000.0, 240: 80.0, 0: 76.54}


def stored_for_decades(closes: dict[int, float]) -> date:
    """Stores bars up to the last closed session; a close holds from its session on.

    `closes` has the number of sessions before the end. Returns the last session.
    """
    calendar = sessions_of("XNYS")
    assert calendar
    last = calendar.last_closed(datetime.now(UTC))
    assert last
    rows, close = [], 0.0
    for before in range(max(closes), -1, -1):
        close = closes.get(before, close)
        rows.append((calendar.shift(last, -before), close, close + 1, close - 1, close, 1_000))
    tracked("ACME", last_update=datetime.now(UTC))
    published("ACME", rows, Actions())
    return last


class TestRanges:
    RANGES = ("1M", "3M", "YTD", "1Y", "5Y", "Max")

    @pytest.mark.parametrize("width", [390, 1280, 1440, 1920])
    def test_every_range_ends_with_the_last_bar(
        self, visitor: Visitor, anna: User, width: int
    ) -> None:
        last = stored_for_decades(CLOSES)
        with visitor.page(anna, width=width) as page:
            record_chart(page)
            for name in self.RANGES:
                page.goto("/portfolios/symbols/ACME/")
                self.choose(page, name)

                self.assert_ends_with(last, page, name)

    def test_every_range_ends_with_the_last_bar_after_the_whole_history(self, page: Page) -> None:
        last = stored_for_decades(CLOSES)
        record_chart(page)
        page.goto("/portfolios/symbols/ACME/")
        for name in self.RANGES:
            self.choose(page, "Max")
            self.choose(page, name)

            self.assert_ends_with(last, page, name)

    @staticmethod
    def choose(page: Page, name: str) -> None:
        """Presses a range and waits until the chart shows it."""
        page.get_by_role("group", name="Range").get_by_role("button", name=name).click()
        page.locator("[data-chart]:not([aria-busy])").wait_for()

    @staticmethod
    def assert_ends_with(last: date, page: Page, name: str) -> None:
        visible, texts = chart_state(page)
        assert visible["to"] == str(last), name
        assert "76.54" in texts, name  # the label of the last price on the axis
        expect(page.locator("[data-legend]")).to_contain_text(str(last))
        expect(page.locator("[data-legend]")).to_contain_text("Close $76.54")

    def test_a_smaller_window_still_shows_all_bars(self, page: Page) -> None:
        last = stored_for_decades(CLOSES)
        record_chart(page)
        page.goto("/portfolios/symbols/ACME/")
        self.choose(page, "Max")
        before, _ = chart_state(page)

        page.set_viewport_size({"width": 1000, "height": 900})

        assert chart_state(page)[0] == before
        assert before["to"] == str(last)

    def test_the_range_chosen_last_is_shown(self, page: Page) -> None:
        """The answer to the range chosen before comes later."""
        days, late = stored(), list[Route]()

        def hold(route: Route) -> None:
            if late or "days=31" in route.request.url:
                route.continue_()
            else:
                late.append(route)

        page.goto("/portfolios/symbols/ACME/")
        chart = page.locator("[data-chart]:not([aria-busy])")
        chart.wait_for()
        page.route("**/cache/historical/**", hold)
        page.get_by_role("button", name="Max").click()
        page.get_by_role("button", name="1M").click()
        chart.wait_for()
        label = chart.get_attribute("aria-label") or ""
        with page.expect_event("requestfinished"):
            late[0].continue_()

        assert chart.get_attribute("aria-label") == label
        assert f"ACME from {days[0]}" not in label


class TestFormat:
    VALUES = (0, 1, -1, 1234.5, -1234567.891, 0.005, -0.004, 0.0123, 99999999.995, 2.0**90)

    def test_browser_and_server_format_numbers_alike(self, page: Page) -> None:
        page.goto("/portfolios/")
        currencies = ["USD", "EUR", "GBP", "JPY", "CHF", "GBp", "ILS", "CAD", "SEK", "KRW", "INR"]
        script = """async ([values, currencies]) => {
            const format = await import("/static/portfolio/format.js");
            return currencies.map((currency) => values.map((value) => [
                format.money(value, currency), format.price(value, currency),
                format.signedMoney(value, currency), format.signedPercent(value),
            ]));
        }"""

        found = page.evaluate(script, [list(self.VALUES), currencies])

        for currency, browsers in zip(currencies, found, strict=True):
            assert browsers == [
                [
                    template_tags.money(value, currency),
                    template_tags.price(value, currency),
                    template_tags.signed_money(value, currency),
                    template_tags.signed_percent(value),
                ]
                for value in self.VALUES
            ]
