"""The endpoints of portfolios, their transactions, and files of transactions."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portfolio.models import Portfolio, Transaction
from prices.domain.actions import Actions, Dividend
from tests.support.builders import published, tracked
from tests.support.fakes import FakeProvider
from tests.support.portfolio_api import JSON, book, buy_acme, post, send_file
from tests.support.portfolio_builders import day
from tests.support.portfolio_files import HEADER

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def test_creates_changes_lists_and_deletes_a_portfolio(as_alice: Client) -> None:
    made = post(as_alice, "/portfolio", name="Savings", base_currency="eur")

    assert made.status_code == 201
    path = made["Location"]
    assert made.json() == {
        "id": made.json()["id"],
        "name": "Savings",
        "base_currency": "EUR",
        "benchmark": "",
        "created_at": made.json()["created_at"],
        "transactions": 0,
    }
    changed = as_alice.patch(path, {"name": "Pension"}, content_type=JSON)
    assert changed.json()["name"] == "Pension"
    listed = as_alice.get("/portfolio").json()
    assert [one["name"] for one in listed["portfolios"]] == ["Pension"]
    assert as_alice.delete(path).status_code == 204
    assert as_alice.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"name": "Savings", "base_currency": "USD"}, "You already have a portfolio “Savings”"),
        ({"name": "Other", "base_currency": "XYZ"}, "“XYZ” is not a known currency"),
        ({"name": "Other", "base_currency": "GBp"}, "GBp is a unit of GBP. Choose GBP."),
        (
            {"name": "Other", "base_currency": "USD", "benchmark": "a b"},
            "“a b” is not a symbol",
        ),
        ({"name": "Other"}, "base_currency: This field is required."),
        ({"name": "Other", "base_currency": "USD", "colour": 1}, "colour: Unknown parameter"),
    ],
)
def test_refuses_an_invalid_portfolio_and_says_why(
    as_alice: Client, savings: Portfolio, body: dict[str, str], sentence: str
) -> None:
    answer = post(as_alice, "/portfolio", **body)

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert sentence in answer.json()["detail"]


def test_books_a_transaction_exactly_as_given(
    as_alice: Client, savings: Portfolio, acme: str
) -> None:
    made = buy_acme(as_alice, savings, quantity="10.50", fees="1.10", note="first")

    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"],
        "kind": "buy",
        "date": "2026-06-02",
        "symbol": "ACME",
        "quantity": "10.5",
        "price": "21",
        "amount": None,
        "currency": "USD",
        "fees": "1.1",
        "note": "first",
        "tracked": [],
    }
    again = as_alice.get(made["Location"]).json()
    assert again == {name: value for name, value in made.json().items() if name != "tracked"}


def test_changes_and_deletes_a_transaction(as_alice: Client, savings: Portfolio, acme: str) -> None:
    path = buy_acme(as_alice, savings)["Location"]

    patched = as_alice.patch(path, {"note": "changed"}, content_type=JSON)
    put = as_alice.put(
        path, {"kind": "fee", "date": "2026-06-03", "amount": "2"}, content_type=JSON
    )

    assert (patched.json()["note"], patched.json()["price"]) == ("changed", "21")
    assert (put.json()["kind"], put.json()["amount"], put.json()["note"]) == ("fee", "2", "")
    assert as_alice.delete(path).status_code == 204
    assert not Transaction.objects.exists()


def test_lists_transactions_by_pages(as_alice: Client, savings: Portfolio, acme: str) -> None:
    for date in ("2026-06-02", "2026-06-03", "2026-06-05"):
        buy_acme(as_alice, savings, date=date)

    page = as_alice.get(f"/portfolio/{savings.pk}/transactions?page=2&page_size=2").json()

    assert (page["count"], page["pages"], page["page"]) == (3, 2, 2)
    assert [row["date"] for row in page["results"]] == ["2026-06-02"]


@pytest.mark.parametrize("where", ["transactions", "complete"])
def test_lists_the_transactions_of_one_symbol(
    as_alice: Client, savings: Portfolio, acme: str, where: str
) -> None:
    buy_acme(as_alice, savings)
    book(as_alice, savings, kind="deposit", date="2026-06-01", amount="1000")

    body = as_alice.get(f"/portfolio/{savings.pk}/{where}?symbol=acme").json()

    page = body.get("transaction_page", body)
    assert [row["kind"] for row in page["results"]] == ["buy"]


@pytest.mark.parametrize("body", ["[1]", '"buy"', "7"])
def test_refuses_a_body_that_is_not_an_object(
    as_alice: Client, savings: Portfolio, body: str
) -> None:
    path = f"/portfolio/{savings.pk}/transactions"

    answer = as_alice.post(path, body, content_type=JSON)

    assert (answer.status_code, answer.json()["detail"]) == (400, "Send a JSON object.")


def test_refuses_a_session_request_without_csrf_token(alice: User, savings: Portfolio) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert post(client, "/portfolio", name="X", base_currency="USD").status_code == 403
    assert client.delete(f"/portfolio/{savings.pk}").status_code == 403
    assert Portfolio.objects.count() == 1


def test_answers_an_unknown_path_with_a_problem(as_alice: Client) -> None:
    answer = as_alice.get("/portfolio/x/complete")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.fixture
def body(as_alice: Client, savings: Portfolio, acme: str) -> dict[str, Any]:
    """10 at 21 before the split, 20 at 12.25 in the end; 20 x 0.50 of dividends."""
    buy_acme(as_alice, savings)
    answer = as_alice.get(f"/portfolio/{savings.pk}/complete?range=max")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def test_history_by_week_has_the_last_day_of_each_week(
    body: dict[str, Any], as_alice: Client, savings: Portfolio
) -> None:
    answer = as_alice.get(f"/portfolio/{savings.pk}/history?interval=1wk").json()

    # The first day, from which all is counted, and the last of each week.
    assert [p["date"] for p in answer["data"]] == ["2026-06-02", "2026-06-05", "2026-06-08"]


def test_benchmark_starts_with_the_portfolio_and_includes_dividends(
    body: dict[str, Any], as_alice: Client, savings: Portfolio
) -> None:
    """100 as the portfolio begins, 110 in the end, and half a dollar of dividend before."""
    tracked("INDEX")
    closes = [("2026-06-01", 90.0), ("2026-06-02", 100.0), ("2026-06-08", 110.0)]
    paid = Actions((), (Dividend(day("2026-06-08"), 0.5),))
    published("INDEX", [(day(d), c, c, c, c, 1) for d, c in closes], paid)

    answer = as_alice.get(f"/portfolio/{savings.pk}/complete?range=max&benchmark=index")

    series = answer.json()["benchmark_series"]
    assert series["data"][0] == {"date": "2026-06-02", "value": 210.0, "twr": 0.0}
    assert series["data"][-1]["twr"] == pytest.approx(110 / (100 * (1 - 0.5 / 100)) - 1, abs=1e-6)
    assert series["problem"] is None


def test_an_unknown_benchmark_says_what_to_do(
    body: dict[str, Any], as_alice: Client, savings: Portfolio
) -> None:
    answer = as_alice.get(f"/portfolio/{savings.pk}/complete?benchmark=NOPE").json()

    assert "NOPE is not tracked" in answer["benchmark_series"]["problem"]


def test_live_returns_values_and_prices(
    body: dict[str, Any], as_alice: Client, savings: Portfolio
) -> None:
    answer = as_alice.get(f"/portfolio/{savings.pk}/live").json()

    assert (answer["value"], answer["profit"]) == (245.0, 45.0)
    assert answer["holdings"][0]["live"] is False


@pytest.mark.parametrize(
    "query", ["range=2y", "interval=1h", "page=0", "colour=1", "benchmark=a%20b"]
)
def test_refuses_invalid_parameters(
    body: dict[str, Any], as_alice: Client, savings: Portfolio, query: str
) -> None:
    answer = as_alice.get(f"/portfolio/{savings.pk}/complete?{query}")

    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_reads_never_ask_the_provider(
    as_alice: Client, savings: Portfolio, acme: str, provider: FakeProvider
) -> None:
    buy_acme(as_alice, savings)
    for path in ("", "/complete", "/history", "/live", "/export", "/transactions"):
        assert as_alice.get(f"/portfolio/{savings.pk}{path}").status_code == 200

    assert provider.requests == 0


TEXT = HEADER + "buy,2026-06-02,ACME,10,21,,USD,0,\nsell,2026-06-05,ACME,20,12,,USD,0,\n"


def test_an_export_imports_to_the_same_transactions(
    as_alice: Client, savings: Portfolio, acme: str
) -> None:
    assert send_file(as_alice, savings, TEXT).json()["booked"] == 2
    Portfolio.objects.filter(pk=savings.pk).update(name='a"; x=1\r\nSet-Cookie: pwned=1')
    exported = as_alice.get(f"/portfolio/{savings.pk}/export")
    assert exported["Content-Type"] == "text/csv; charset=utf-8"
    name = "a-x1-set-cookie-pwned1.csv"
    assert exported["Content-Disposition"] == f'attachment; filename="{name}"'
    other = Portfolio.objects.create(owner=savings.owner, name="Copy", base_currency="USD")

    path = f"/portfolio/{other.pk}/import"
    answer = as_alice.post(path, exported.content, content_type="text/csv")

    assert answer.json()["booked"] == 2
    copied = as_alice.get(f"/portfolio/{other.pk}/export")
    assert copied.content == exported.content


def test_refuses_a_request_without_a_file(as_alice: Client, savings: Portfolio) -> None:
    answer = as_alice.post(f"/portfolio/{savings.pk}/import", {})

    assert answer.status_code == 400
    assert "form field “file”" in answer.json()["detail"]


def test_refuses_a_json_body(as_alice: Client, savings: Portfolio) -> None:
    answer = as_alice.post(f"/portfolio/{savings.pk}/import", "{}", content_type="application/json")

    assert answer.status_code == 415
