"""Booking in Chromium: adding, changing and deleting portfolios and transactions."""

from datetime import date
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from portfolio.models import Portfolio, Transaction
from prices.models import SyncRun, TrackedSymbol
from tests.browser.portfolio.conftest import Visitor, stored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]


@pytest.fixture
def portfolio(anna: User) -> Portfolio:
    return Portfolio.objects.create(owner=anna, name="Retirement", base_currency="USD")


def open_page(page: Page, portfolio: Portfolio, path: str = "") -> None:
    page.goto(f"/portfolios/{portfolio.pk}/{path}")


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


class TestTransactions:
    def test_adds_a_transaction_at_the_suggested_price(
        self, page: Page, portfolio: Portfolio
    ) -> None:
        days = stored()
        open_page(page, portfolio)
        page.get_by_role("link", name="Add transaction").click()

        page.get_by_label("Symbol").fill("acme")
        page.get_by_label("Date").fill(days[200].isoformat())
        page.get_by_label("Quantity").fill("10")
        # 120.00 after the later 2:1 split, so 240.00 as traded.
        expect(page.get_by_text(f"The close of {days[200]} was $240.00.")).to_be_visible()
        page.get_by_role("button", name="Use it").click()
        save(page)

        expect(page.get_by_text(f"Booked: buy 10 ACME of {days[200]}.")).to_be_visible()
        booked = Transaction.objects.get()
        assert (booked.quantity, booked.price) == (Decimal(10), Decimal(240))
        assert booked.currency == "USD"
        # Twenty shares after the split, at 130.00.
        expect(page.locator(".summary [data-live=value]")).to_have_text("$2,600.00")

    def test_tracks_a_new_symbol(self, page: Page, portfolio: Portfolio) -> None:
        open_page(page, portfolio, "add/")
        page.get_by_label("Symbol").fill("newco")
        page.get_by_label("Quantity").fill("3")
        page.get_by_label("Price per share").fill("7.5")
        expect(page.get_by_text("NEWCO is not tracked yet")).to_be_visible()
        save(page)

        expect(page.get_by_text("The history of NEWCO is being loaded.")).to_be_visible()
        assert TrackedSymbol.objects.filter(symbol="NEWCO").exists()
        assert "NEWCO" in SyncRun.objects.get().symbols

    def test_shows_the_fields_of_the_kind(self, page: Page, portfolio: Portfolio) -> None:
        open_page(page, portfolio, "add/")
        expect(page.get_by_label("Amount")).to_be_hidden()

        page.get_by_label("Kind").select_option("deposit")

        expect(page.get_by_label("Symbol")).to_be_hidden()
        expect(page.get_by_label("Quantity")).to_be_hidden()
        page.get_by_label("Amount").fill("1000")
        save(page)
        expect(page.locator(".summary [data-live=value]")).to_have_text("$1,000.00")

    def test_shows_errors_beside_their_fields(self, page: Page, portfolio: Portfolio) -> None:
        stored()
        open_page(page, portfolio, "add/")
        page.get_by_label("Symbol").fill("ACME")
        page.get_by_label("Quantity").fill("ten")
        page.get_by_label("Price per share").fill("120")
        save(page)

        field = page.get_by_label("Quantity")
        expect(page.locator("[data-field=quantity] .error")).to_have_text(
            "Enter a number such as 1234.50."
        )
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(
            "Number of shares, as traded on that day. Enter a number such as 1234.50."
        )
        expect(field).to_be_focused()
        expect(page.get_by_label("Price per share")).to_have_value("120")
        assert not Transaction.objects.exists()

    def test_refuses_to_sell_more_than_is_held(self, page: Page, portfolio: Portfolio) -> None:
        stored()
        open_page(page, portfolio, "add/")
        page.get_by_label("Kind").select_option("sell")
        page.get_by_label("Symbol").fill("ACME")
        page.get_by_label("Quantity").fill("5")
        page.get_by_label("Price per share").fill("120")
        save(page)

        expect(page.locator("[data-field=quantity] .error")).to_contain_text("ACME")
        assert not Transaction.objects.exists()

    def test_changes_and_deletes_a_transaction(self, page: Page, portfolio: Portfolio) -> None:
        days = stored()
        portfolio.transactions.create(
            kind="buy", date=days[230], symbol="ACME", quantity=10, price=110, currency="USD"
        )
        open_page(page, portfolio)

        page.get_by_role("link", name="Edit buy ACME").click()
        expect(page.get_by_label("Quantity")).to_have_value("10")
        page.get_by_label("Quantity").fill("20")
        save(page)
        expect(page.locator(".summary [data-live=value]")).to_have_text("$2,600.00")

        page.get_by_role("link", name="Delete buy ACME").click()
        expect(page.get_by_text("Buy 20 ACME of")).to_be_visible()
        page.get_by_role("button", name="Delete transaction").click()
        expect(page.get_by_text("No transactions yet")).to_be_visible()
        assert not Transaction.objects.exists()


class TestKeyboard:
    def test_from_login_to_the_first_transaction(self, visitor: Visitor, anna: User) -> None:
        stored()
        with visitor.page() as page:
            page.goto("/portfolios/")
            expect(page.get_by_label("User name")).to_be_focused()
            page.keyboard.type("anna")
            page.keyboard.press("Tab")
            page.keyboard.type("correct horse")
            page.keyboard.press("Enter")

            expect(page.get_by_text("No portfolio yet")).to_be_visible()
            page.keyboard.press("Tab")
            expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
            page.keyboard.press("Enter")
            expect(page.locator("#main")).to_be_focused()
            page.keyboard.press("Tab")
            page.keyboard.type("Savings")
            page.keyboard.press("Enter")

            expect(page.get_by_role("heading", name="Savings")).to_be_visible()
            link = page.get_by_role("link", name="Add transaction")
            for _ in range(12):
                page.keyboard.press("Tab")
                if link.evaluate("one => one === document.activeElement"):
                    break
            page.keyboard.press("Enter")
            self._book(page)

            expect(page.locator("tr[data-symbol=ACME]")).to_contain_text("$130.00")

    def _book(self, page: Page) -> None:
        expect(page.get_by_label("Kind")).to_be_visible()
        for label, text in (("Symbol", "ACME"), ("Quantity", "2"), ("Price per share", "120")):
            field = page.get_by_label(label)
            for _ in range(20):
                if field.evaluate("one => one === document.activeElement"):
                    break
                page.keyboard.press("Tab")
            page.keyboard.type(text)
        page.keyboard.press("Enter")


class TestOwners:
    def test_answers_404_for_another_users_portfolio(
        self, visitor: Visitor, anna: User, portfolio: Portfolio
    ) -> None:
        ben = User.objects.create_user("ben", is_staff=True, is_superuser=True)
        row = portfolio.transactions.create(
            kind="deposit", date=date(2024, 1, 2), amount=Decimal(5), currency="USD"
        )
        paths = ("", "add/", "import/", "settings/", "delete/", f"{row.pk}/", f"{row.pk}/delete/")
        with visitor.page(ben) as page:
            for path in paths:
                answer = page.goto(f"/portfolios/{portfolio.pk}/{path}")
                assert answer
                assert answer.status == 404
                expect(page.get_by_text("You have no portfolio with this number")).to_be_visible()
                expect(page.get_by_text("Retirement")).to_have_count(0)
        assert len(visitor.complaints) == len(paths)
        visitor.complaints.clear()  # the browser logs each 404

    def test_logging_in_returns_to_the_page(self, visitor: Visitor, portfolio: Portfolio) -> None:
        with visitor.page() as page:
            page.goto(f"/portfolios/{portfolio.pk}/settings/")
            page.get_by_label("User name").fill("anna")
            page.get_by_label("Password").fill("wrong")
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("alert")).to_contain_text(
                "The user name or the password is wrong"
            )

            page.get_by_label("Password").fill("correct horse")
            page.get_by_role("button", name="Log in").click()

            expect(page.get_by_role("heading", name="Settings")).to_be_visible()
            page.get_by_role("button", name="Log out").click()
            expect(page.get_by_role("heading", name="Log in")).to_be_visible()
