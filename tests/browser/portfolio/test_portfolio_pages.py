"""The page of a portfolio in Chromium: figures, ranges, sorting and live prices."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from portfolio.models import Portfolio
from prices.domain.actions import Actions
from tests.browser.portfolio.conftest import (
    Visitor,
    chart_state,
    quoted,
    record_chart,
    sessions,
    stored,
)
from tests.support.builders import published, tracked
from tests.support.chromium import fits

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]

# Adds up the layout shifts of the page.
SHIFTS = """
    window.shifted = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) window.shifted += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
"""
RETURN = re.compile(r"Return from .* to .*: \+18\.6\d\u00a0%\.")


def add_purchase(portfolio: Portfolio, day: date, symbol: str = "ACME", quantity: int = 10) -> None:
    portfolio.transactions.create(
        kind="buy",
        date=day,
        symbol=symbol,
        quantity=Decimal(quantity),
        price=Decimal("110"),
        currency="USD",
    )


def create_portfolio(owner: User) -> Portfolio:
    """Returns a portfolio of ten shares at 110.00, bought 70 sessions before the last close, 130.00."""
    days = stored()
    portfolio = Portfolio.objects.create(owner=owner, name="Retirement", base_currency="USD")
    add_purchase(portfolio, days[230])
    return portfolio


def open_page(page: Page, portfolio: Portfolio) -> None:
    page.goto(f"/portfolios/{portfolio.pk}/")
    page.locator("[data-portfolio][data-ready]").wait_for(state="attached")


class TestPortfolioPage:
    def test_shows_value_profit_and_chart(self, page: Page, anna: User) -> None:
        open_page(page, create_portfolio(anna))

        summary = page.get_by_role("region", name="Summary")
        expect(summary).to_contain_text("$1,300.00")
        # 200.00 by the price, and a dividend of 10 times 0.50 that was paid out.
        expect(summary).to_contain_text("+$205.00")
        # 205 / 1,100; the dividend is the only money that was taken out.
        expect(summary).to_contain_text("+18.64\u00a0% on $1,100.00 put in")
        expect(summary).to_contain_text("$1,095.00 invested after $5.00 taken out")
        row = page.get_by_role("row", name="ACME").first
        expect(row).to_contain_text("$130.00")
        expect(page.locator("[data-chart] canvas").first).to_be_visible()
        expect(page.locator("#tv-attr-logo")).to_be_visible()
        expect(page.locator("[data-legend]")).to_contain_text("$1,300.00")

    def test_a_live_price_changes_the_cells_without_a_layout_shift(
        self, page: Page, anna: User
    ) -> None:
        open_page(page, create_portfolio(anna))
        cell = page.locator("tr[data-symbol=ACME] td[data-live=value]")
        expect(cell).to_have_text("$1,300.00")
        before = cell.bounding_box()

        quoted("ACME", 131.5)
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

        expect(cell).to_have_text("$1,315.00")
        expect(page.locator("tr[data-symbol=ACME] td[data-live=price]")).to_have_text("$131.50")
        expect(page.locator(".summary [data-live=value]")).to_have_text("$1,315.00")
        expect(page.locator(".summary [data-live=day_change]")).to_have_text("+$15.00")
        # 215 of price and 5 of dividends are 220; of 1,100 put in they are 20 %.
        for name, text in (
            ("profit", "+$220.00"),
            ("profit_percent", "+20.00\u00a0%"),
            ("unrealised", "+$215.00"),
            ("dividends", "+$5.00"),
        ):
            expect(page.locator(f".summary [data-live={name}]")).to_have_text(text)
        own = page.locator("tr[data-symbol=ACME] [data-live=profit_percent]")
        expect(own).to_have_text("+20.00\u00a0%")
        expect(cell).to_have_class("number rose")
        assert cell.bounding_box() == before

    def test_names_the_dividends_that_are_not_recorded(self, page: Page, anna: User) -> None:
        """10 shares got 0.50 each; a payment of months before is another dividend's."""
        portfolio = create_portfolio(anna)
        days = sessions()
        portfolio.transactions.create(
            kind="dividend", date=days[240], symbol="ACME", amount=Decimal(7), currency="USD"
        )

        open_page(page, portfolio)

        warnings = page.get_by_role("region", name="Warnings")
        expect(warnings).to_contain_text(f"1 dividend (ex-date {days[260]}) is not recorded")
        expect(page.locator(".summary [data-live=dividends]")).to_have_text("+$12.00")

    def test_shows_the_debt_of_a_currency(self, page: Page, anna: User) -> None:
        """2,000 euros were paid in, and 1,100 dollars of them spent: 10 shares at 130 are left.

        A euro is 2 dollars: 1,300 - 1,100 + 5 dollars are 102.50 of 2,102.50 euros, 4.9 %.
        """
        portfolio = create_portfolio(anna)
        days = sessions()
        tracked("EURUSD=X", market="FX", mic="", last_update=datetime.now(UTC))
        published("EURUSD=X", [(day, 2.0, 2.0, 2.0, 2.0, 0) for day in days], Actions())
        Portfolio.objects.update(base_currency="EUR")
        portfolio.transactions.create(
            kind="deposit", date=days[230], amount=Decimal(2000), currency="EUR"
        )

        open_page(page, portfolio)

        allocation = page.get_by_role("region", name="Allocation")
        expect(allocation).to_contain_text("EUR95.1\u00a0%")
        expect(allocation).to_contain_text("USD4.9\u00a0%")
        # The cash is 2,000 - 547.50, the shares 650 euros.
        expect(allocation).to_contain_text("Cash69.1\u00a0%")

    def test_changes_the_range(self, page: Page, anna: User) -> None:
        open_page(page, create_portfolio(anna))
        chart, ranges = page.locator("[data-chart]"), page.get_by_role("group", name="Range")
        label = chart.get_attribute("aria-label") or ""

        ranges.get_by_role("button", name="1M").click()

        expect(ranges.get_by_role("button", name="1M")).to_have_attribute("aria-pressed", "true")
        expect(ranges.get_by_role("button", name="1Y")).to_have_attribute("aria-pressed", "false")
        expect(chart).not_to_have_attribute("aria-label", label)

    @pytest.mark.parametrize("width", [1280, 1920])
    def test_every_range_ends_with_the_last_day(
        self, visitor: Visitor, anna: User, width: int
    ) -> None:
        """Of 190 shares after a 2:1 split, one is left: longer ranges have wider labels."""
        portfolio, days = create_portfolio(anna), sessions()
        for day, quantity in ((days[0], 90), (days[280], -189)):
            portfolio.transactions.create(
                kind="buy" if quantity > 0 else "sell",
                date=day,
                symbol="ACME",
                quantity=Decimal(abs(quantity)),
                price=Decimal("110"),
                currency="USD",
            )
        with visitor.page(anna, width=width) as page:
            record_chart(page)
            open_page(page, portfolio)
            for name in ("1M", "Max", "1Y", "5Y"):
                ranges = page.get_by_role("group", name="Range")
                ranges.get_by_role("button", name=name).click()
                page.locator("[data-chart]:not([aria-busy])").wait_for()

                visible, texts = chart_state(page)

                assert visible["to"] == str(days[-1]), name
                assert "130" in texts, name

    def test_draws_the_return(self, page: Page, anna: User) -> None:
        open_page(page, create_portfolio(anna))

        page.get_by_role("button", name="Return", exact=True).click()

        # Bought at 110.00 a day that closed at 123.00, with a dividend of 0.50 since.
        expect(page.locator("[data-legend]")).to_contain_text("Return +18.6")
        expect(page.locator("[data-legend]")).not_to_contain_text("Invested")
        expect(page.locator("[data-chart]")).to_have_attribute("aria-label", RETURN)

    def test_draws_a_benchmark(self, page: Page, anna: User) -> None:
        stored("SPY")
        open_page(page, create_portfolio(anna))

        page.get_by_label("Compare with").fill("spy")
        page.get_by_role("button", name="Compare").click()

        # From 123.0 on the day of the purchase to 130.0, and 0.50 reinvested at 125.90:
        # 130 / 123 / (1 - 0.5 / 125.9) = 1.0611.
        expect(page.locator("[data-period] [data-of=benchmark]")).to_have_text("+6.11\u00a0%")

    def test_reports_an_unknown_benchmark(self, page: Page, anna: User) -> None:
        open_page(page, create_portfolio(anna))

        page.get_by_label("Compare with").fill("NOSUCH")
        page.get_by_role("button", name="Compare").click()

        expect(page.locator("[data-chart-note]")).to_contain_text("NOSUCH is not tracked")

    def test_sorts_holdings_by_keyboard(self, page: Page, anna: User) -> None:
        portfolio = create_portfolio(anna)
        days = stored("BOLT")
        add_purchase(portfolio, days[230], "BOLT", 5)
        open_page(page, portfolio)
        rows = page.locator("table.holdings tbody tr")
        expect(rows.first).to_have_attribute("data-symbol", "ACME")

        page.locator("table").get_by_role("button", name="Value").focus()
        page.keyboard.press("Enter")

        header = page.locator("th[data-key=value]")
        expect(header).to_have_attribute("aria-sort", "ascending")
        expect(rows.first).to_have_attribute("data-symbol", "BOLT")
        expect(page.locator("[data-sorted]")).to_have_text("Sorted by value, ascending")

    def test_shows_a_new_symbol_as_loading(self, page: Page, anna: User) -> None:
        portfolio = create_portfolio(anna)
        page.goto(f"/portfolios/{portfolio.pk}/add/")
        page.get_by_label("Symbol").fill("newco")
        page.get_by_label("Quantity").fill("3")
        page.get_by_label("Price per share").fill("7.5")
        page.get_by_role("button", name="Save", exact=True).click()

        expect(page.locator("tr[data-symbol=NEWCO]")).to_contain_text("loading history")
        expect(page.get_by_role("region", name="Warnings")).to_contain_text("NEWCO")
        expect(page.locator(".summary [data-live=value]")).to_have_text("$1,300.00")


class TestLayout:
    @pytest.mark.parametrize(
        ("width", "scheme"), [(1600, "light"), (1024, "dark"), (375, "light"), (375, "dark")]
    )
    def test_every_page_fits_without_layout_shifts(
        self, visitor: Visitor, anna: User, width: int, scheme: str
    ) -> None:
        portfolio = create_portfolio(anna)
        number = portfolio.transactions.get().pk
        with visitor.page(anna, width=width, scheme=scheme) as page:
            page.add_init_script(SHIFTS)
            for path in (
                "",
                "symbols/ACME/",
                f"{portfolio.pk}/",
                f"{portfolio.pk}/add/",
                f"{portfolio.pk}/import/",
                f"{portfolio.pk}/settings/",
                f"{portfolio.pk}/delete/",
                f"{portfolio.pk}/{number}/",
                f"{portfolio.pk}/{number}/delete/",
            ):
                page.goto(f"/portfolios/{path}")
                expect(page.get_by_role("heading", level=1)).to_be_visible()
                if page.locator("[data-chart]").count():
                    expect(page.locator("[data-chart] canvas").first).to_be_visible()
                assert fits(page)
                assert page.evaluate("shifted") < 0.01

    def test_keeps_the_theme(self, page: Page, anna: User) -> None:
        page.goto("/portfolios/")
        light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

        page.get_by_role("button", name="Dark theme").click()
        page.reload(wait_until="commit")

        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert dark != light
