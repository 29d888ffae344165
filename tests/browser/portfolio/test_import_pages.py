"""Importing in Chromium: preview, correction, booking, and importing an export."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from portfolio.models import Portfolio, Transaction
from tests.browser.portfolio.conftest import stored
from tests.support.chromium import fits

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("store")]

HEADER = "kind,date,symbol,quantity,price,amount,currency,fees,note\n"


@pytest.fixture
def portfolio(anna: User) -> Portfolio:
    stored()
    return Portfolio.objects.create(owner=anna, name="Retirement", base_currency="USD")


@pytest.fixture
def form(page: Page, portfolio: Portfolio) -> Page:
    page.goto(f"/portfolios/{portfolio.pk}/import/")
    return page


def preview(page: Page) -> None:
    page.locator("button[name=preview]").click()


class TestImport:
    def test_reports_an_error_with_its_line_until_it_is_corrected(self, form: Page) -> None:
        lines = "buy,2024-03-01,ACME,10,110,,USD,1.5,\nbuy,2024-03-32,ACME,5,110,,USD,,\n"
        form.get_by_label("or paste its text").fill(HEADER + lines)
        preview(form)

        expect(form.get_by_role("heading", name="Nothing can be booked yet")).to_be_visible()
        expect(form.get_by_role("alert")).to_contain_text("Line 3:")
        expect(form.get_by_role("alert")).to_contain_text("2024-03-32")
        expect(form.locator("button[name=book]")).to_have_count(0)
        assert not Transaction.objects.exists()

        text = form.get_by_label("Text of the file")
        text.fill(text.input_value().replace("03-32", "03-12"))
        preview(form)

        expect(form.get_by_role("row", name="2024-03-12 Buy ACME")).to_be_visible()
        assert not Transaction.objects.exists()
        form.get_by_role("button", name="Book 2 transactions").click()

        expect(form.get_by_text("2 transactions booked.")).to_be_visible()
        small, large = Transaction.objects.order_by("quantity")
        assert (small.quantity, small.fees) == (Decimal(5), Decimal(0))
        assert (large.quantity, large.fees) == (Decimal(10), Decimal("1.5"))

    def test_skips_duplicates_on_request(self, form: Page, portfolio: Portfolio) -> None:
        portfolio.transactions.create(kind="deposit", date="2024-01-02", amount=100, currency="USD")
        lines = "deposit,2024-01-02,,,,100,USD,,\ndeposit,2024-01-03,,,,200,USD,,\n"
        form.get_by_label("or paste its text").fill(HEADER + lines)
        preview(form)
        expect(form.get_by_role("alert")).to_contain_text(
            "Line 2: This transaction is booked already"
        )

        form.get_by_label("Lines that are booked already").select_option("skip")
        preview(form)
        form.get_by_role("button", name="Book 1 transaction", exact=True).click()

        expect(form.get_by_text("1 transaction booked. 1 line skipped.")).to_be_visible()
        assert Transaction.objects.count() == 2

    def test_imports_an_export(
        self, form: Page, portfolio: Portfolio, anna: User, tmp_path: Path
    ) -> None:
        portfolio.transactions.create(
            kind="buy", date="2024-03-01", symbol="ACME", quantity="2.5", price="110",
            currency="USD", note="one, with a comma",
        )  # fmt: skip
        other = Portfolio.objects.create(owner=anna, name="Copy", base_currency="USD")
        form.goto(f"/portfolios/{portfolio.pk}/")
        with form.expect_download() as download:
            form.get_by_role("link", name="Export").click()
        file = tmp_path / "transactions.csv"
        download.value.save_as(file)

        form.goto(f"/portfolios/{other.pk}/import/")
        form.get_by_label("CSV file").set_input_files(file)
        preview(form)
        form.get_by_role("button", name="Book 1 transaction").click()

        expect(form.get_by_text("1 transaction booked.")).to_be_visible()
        assert other.transactions.get().entry == portfolio.transactions.get().entry

    def test_a_long_line_fits_a_narrow_screen(self, form: Page) -> None:
        form.set_viewport_size({"width": 375, "height": 800})
        lines = "buy,2024-03-01,LONGNAME.L,1234567.12345678,1234567.5,,USD,1234.5,\n"
        form.get_by_label("or paste its text").fill(HEADER + lines)
        preview(form)

        expect(form.get_by_role("button", name="Book 1 transaction")).to_be_visible()
        assert fits(form)

    def test_reports_a_file_that_is_not_text(self, form: Page, tmp_path: Path) -> None:
        file = tmp_path / "picture.csv"
        file.write_bytes(b"\x89PNG\x00\x00\x00\x00")
        form.get_by_label("CSV file").set_input_files(file)
        preview(form)

        expect(form.get_by_role("alert")).to_contain_text("The file is not a text file")

    def test_reports_a_missing_file(self, form: Page) -> None:
        preview(form)

        expect(form.get_by_role("alert")).to_contain_text("Choose a file, or paste its text")
