"""The portfolio's endpoints, over stored prices that are written down by hand."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from portfolio.api import answers
from portfolio.models import Portfolio, Transaction
from prices.domain.actions import Actions, Dividend
from prices.models import SymbolAlias, SyncRun, TrackedSymbol
from tests.support.builders import published, tracked
from tests.support.fakes import FakeProvider
from tests.support.portfolio_builders import day

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

JSON = "application/json"


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, body, content_type=JSON)


def book(client: Client, portfolio: Portfolio, **body: Any) -> Any:
    return post(client, f"/portfolio/{portfolio.pk}/transactions", **body)


def buy_acme(client: Client, portfolio: Portfolio, **parts: Any) -> Any:
    told = {"kind": "buy", "date": "2026-06-02", "symbol": "ACME", "quantity": "10", "price": "21"}
    return book(client, portfolio, **{**told, **parts})


class TestPortfolios:
    def test_made_changed_listed_deleted(self, as_alice: Client) -> None:
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
            ({"name": "Savings", "base_currency": "USD"}, "name: You have a portfolio “Savings”"),
            ({"name": "Other", "base_currency": "XYZ"}, "“XYZ” is no currency that is known"),
            ({"name": "Other", "base_currency": "GBp"}, "GBp is a part of GBP: choose GBP."),
            (
                {"name": "Other", "base_currency": "USD", "benchmark": "a b"},
                "“a b” is not a symbol",
            ),
            ({"name": "Other"}, "base_currency: This field is required."),
            ({"name": "Other", "base_currency": "USD", "colour": 1}, "colour: Unknown parameter"),
        ],
    )
    def test_what_is_wrong_is_told(
        self, as_alice: Client, savings: Portfolio, body: dict[str, str], sentence: str
    ) -> None:
        answer = post(as_alice, "/portfolio", **body)

        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
        assert sentence.removeprefix("name: ") in answer.json()["detail"]

    def test_a_benchmark_is_tracked(self, as_alice: Client, savings: Portfolio) -> None:
        as_alice.patch(f"/portfolio/{savings.pk}", {"benchmark": "^gspc"}, content_type=JSON)

        assert TrackedSymbol.objects.filter(symbol="^GSPC").exists()

    def test_empty_is_no_error(self, as_alice: Client, savings: Portfolio) -> None:
        body = as_alice.get(f"/portfolio/{savings.pk}/complete").json()

        assert body["summary"]["value"] == 0
        assert body["holdings"] == body["history"]["data"] == body["warnings"] == []


class TestTransactions:
    def test_booked_as_it_was_given(self, as_alice: Client, savings: Portfolio, acme: str) -> None:
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

    def test_fifteen_digits_are_kept_exactly(
        self, as_alice: Client, savings: Portfolio, acme: str
    ) -> None:
        path = buy_acme(as_alice, savings, quantity="1234567.12345678", price="999999999999.999")

        told = as_alice.get(path["Location"]).json()
        assert (told["quantity"], told["price"]) == ("1234567.12345678", "999999999999.999")

    def test_an_unknown_symbol_is_tracked_and_its_history_on_its_way(
        self, as_alice: Client, savings: Portfolio, provider: FakeProvider
    ) -> None:
        made = book(
            as_alice,
            savings,
            kind="buy",
            date="2026-06-02",
            symbol="vod",
            market="LSE",
            quantity="10",
            price="70",
        )

        assert made.json()["currency"] == "GBp"
        assert made.json()["tracked"] == ["VOD.L", "GBPUSD=X"]
        run = SyncRun.objects.get(kind=SyncRun.Kind.BACKFILL)
        assert (run.symbols, run.trigger) == (["VOD.L", "GBPUSD=X"], "portfolio")
        body = as_alice.get(f"/portfolio/{savings.pk}").json()
        assert body["holdings"][0]["status"] == "loading"
        assert [warning["code"] for warning in body["warnings"]] == ["loading"]
        # Not a zero: nobody knows yet.
        assert (body["summary"]["value"], body["summary"]["profit"]) == (None, None)
        complete = as_alice.get(f"/portfolio/{savings.pk}/complete").json()
        assert complete["history"]["data"] == []
        assert provider.requests == 0

    @pytest.mark.parametrize(
        ("parts", "sentence"),
        [
            ({"kind": "split"}, "A split is no transaction"),
            ({"kind": "gift"}, "“gift” is none of buy, sell"),
            ({"quantity": "0"}, "The quantity must be more than 0."),
            ({"quantity": "-1"}, "The quantity must be more than 0."),
            ({"quantity": None}, "A buy needs a quantity."),
            ({"price": None}, "A buy needs a price."),
            ({"amount": "5"}, "leave the amount empty"),
            ({"fees": "-1"}, "The fees must not be negative."),
            ({"date": "2999-01-01"}, "2999-01-01 lies in the future."),
            ({"date": "1969-12-31"}, "lies before 1970-01-01"),
            ({"currency": "ABC"}, "“ABC” is no currency"),
            ({"symbol": "no such"}, "“no such” is not a symbol"),
            ({"symbol": ""}, "A buy needs a symbol"),
            ({"symbol": "EURUSD=X"}, "is an exchange rate, which a portfolio cannot hold"),
            ({"symbol": "VOD", "market": "MARS"}, "“MARS” is not a market"),
            ({"kind": "deposit"}, "leave the quantity empty"),
            ({"quantity": "1.123456789"}, "8 decimal places"),
            ({"quantity": "NaN"}, "A valid number is required."),
            ({"price": "1e30"}, "digits"),
            ({"quantity": "123456789.12345678"}, "more than 15 digits: please round it"),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, as_alice: Client, savings: Portfolio, acme: str, parts: dict[str, Any], sentence: str
    ) -> None:
        answer = buy_acme(as_alice, savings, **parts)

        assert answer.status_code == 400, answer.content
        assert sentence in answer.json()["detail"]
        assert not Transaction.objects.exists()

    def test_no_more_is_sold_than_was_held(
        self, as_alice: Client, savings: Portfolio, acme: str
    ) -> None:
        """10 were bought before the 2:1 split of the 4th: 10 were held on the 3rd, 20 on the 4th."""
        buy_acme(as_alice, savings)
        sale = {"kind": "sell", "symbol": "ACME", "price": "12"}

        early = book(as_alice, savings, **sale, date="2026-06-03", quantity="11")
        late = book(as_alice, savings, **sale, date="2026-06-04", quantity="21")
        fine = book(as_alice, savings, **sale, date="2026-06-04", quantity="20")

        assert early.json()["detail"] == (
            "11 ACME cannot be sold on 2026-06-03: 10 were held that day (splits considered)."
        )
        assert "20 were held" in late.json()["detail"]
        assert fine.status_code == 201

    def test_what_a_later_sale_needs_stays(
        self, as_alice: Client, savings: Portfolio, acme: str
    ) -> None:
        path = buy_acme(as_alice, savings)["Location"]
        sale = {"kind": "sell", "symbol": "ACME", "price": "12"}
        book(as_alice, savings, **sale, date="2026-06-05", quantity="20")

        deleted = as_alice.delete(path)
        changed = as_alice.patch(path, {"quantity": "9"}, content_type=JSON)

        assert deleted.status_code == changed.status_code == 400
        assert "18 were held" in changed.json()["detail"]
        assert as_alice.get(path).json()["quantity"] == "10"

    def test_bought_by_a_former_name_and_sold_by_todays(
        self, as_alice: Client, savings: Portfolio, acme: str
    ) -> None:
        bought = buy_acme(as_alice, savings)
        Transaction.objects.update(symbol="OLD")
        SymbolAlias.objects.create(symbol="OLD", target=TrackedSymbol.objects.get(symbol="ACME"))

        sold = book(
            as_alice,
            savings,
            kind="sell",
            symbol="ACME",
            date="2026-06-05",
            quantity="20",
            price="12",
        )

        assert (bought.status_code, sold.status_code) == (201, 201)
        body = as_alice.get(f"/portfolio/{savings.pk}").json()
        assert [one["symbol"] for one in body["closed"]] == ["ACME"]
        assert body["warnings"] == []

    def test_changed_and_deleted(self, as_alice: Client, savings: Portfolio, acme: str) -> None:
        path = buy_acme(as_alice, savings)["Location"]

        patched = as_alice.patch(path, {"note": "as told"}, content_type=JSON)
        put = as_alice.put(
            path, {"kind": "fee", "date": "2026-06-03", "amount": "2"}, content_type=JSON
        )

        assert (patched.json()["note"], patched.json()["price"]) == ("as told", "21")
        assert (put.json()["kind"], put.json()["amount"], put.json()["note"]) == ("fee", "2", "")
        assert as_alice.delete(path).status_code == 204
        assert not Transaction.objects.exists()

    def test_pages(self, as_alice: Client, savings: Portfolio, acme: str) -> None:
        for date in ("2026-06-02", "2026-06-03", "2026-06-05"):
            buy_acme(as_alice, savings, date=date)

        page = as_alice.get(f"/portfolio/{savings.pk}/transactions?page=2&page_size=2").json()

        assert (page["count"], page["pages"], page["page"]) == (3, 2, 2)
        assert [row["date"] for row in page["results"]] == ["2026-06-02"]

    @pytest.mark.parametrize("where", ["transactions", "complete"])
    def test_of_one_symbol(
        self, as_alice: Client, savings: Portfolio, acme: str, where: str
    ) -> None:
        buy_acme(as_alice, savings)
        book(as_alice, savings, kind="deposit", date="2026-06-01", amount="1000")

        body = as_alice.get(f"/portfolio/{savings.pk}/{where}?symbol=acme").json()

        page = body.get("transaction_page", body)
        assert [row["kind"] for row in page["results"]] == ["buy"]

    @pytest.mark.parametrize("body", ["[1]", '"buy"', "7"])
    def test_a_body_that_is_no_object(
        self, as_alice: Client, savings: Portfolio, body: str
    ) -> None:
        path = f"/portfolio/{savings.pk}/transactions"

        answer = as_alice.post(path, body, content_type=JSON)

        assert (answer.status_code, answer.json()["detail"]) == (400, "Send a JSON object.")


class TestComplete:
    @pytest.fixture
    def body(self, as_alice: Client, savings: Portfolio, acme: str) -> dict[str, Any]:
        """10 at 21 before the split, 20 at 12.25 in the end; 20 x 0.50 of dividends."""
        buy_acme(as_alice, savings)
        answer = as_alice.get(f"/portfolio/{savings.pk}/complete?range=max")
        assert answer.status_code == 200
        body: dict[str, Any] = answer.json()
        return body

    def test_keeps_to_the_schema(self, body: dict[str, Any]) -> None:
        told: Any = answers.CompleteOut().fields

        assert set(body) == set(told)
        for part in ("summary", "period", "history", "allocation", "transaction_page"):
            assert set(body[part]) == set(told[part].fields), part
        assert set(body["holdings"][0]) == set(told["holdings"].child.fields)

    def test_summary(self, body: dict[str, Any]) -> None:
        """245 - 210 = 35 of price, 10 of dividends; out of 210 put in."""
        summary = body["summary"]

        assert summary["as_of"] == "2026-06-08"
        assert (summary["value"], summary["invested"]) == (245.0, 200.0)
        assert (summary["unrealised"], summary["dividends"], summary["profit"]) == (
            35.0,
            10.0,
            45.0,
        )
        assert summary["profit_percent"] == pytest.approx(45 / 210)
        assert (summary["cash_tracked"], summary["cash"]) == (False, None)
        # (210 → 210) (230) (225) (250) (245 + 10)
        assert summary["twr"] == pytest.approx(255 / 210 - 1)

    def test_holding(self, body: dict[str, Any]) -> None:
        (holding,) = body["holdings"]

        assert (holding["symbol"], holding["name"]) == ("ACME", "Acme Corporation")
        assert (holding["quantity"], holding["price"], holding["value"]) == (20, 12.25, 245.0)
        assert (holding["cost"], holding["average_price"]) == (210.0, 10.5)
        assert holding["weight"] == 1.0
        assert holding["sparkline"] == [10.5, 11.5, 11.25, 12.5, 12.25]

    def test_history(self, body: dict[str, Any]) -> None:
        assert [(p["date"], p["value"], p["invested"]) for p in body["history"]["data"]] == [
            ("2026-06-02", 210.0, 210.0),
            ("2026-06-03", 230.0, 210.0),
            ("2026-06-04", 225.0, 210.0),
            ("2026-06-05", 250.0, 210.0),
            ("2026-06-08", 245.0, 200.0),  # 10 of dividends taken out
        ]

    def test_allocation(self, body: dict[str, Any]) -> None:
        assert body["allocation"]["currency"] == [{"name": "USD", "value": 245.0, "weight": 1.0}]
        assert body["allocation"]["market"][0]["name"] == "United States"

    def test_weeks(self, body: dict[str, Any], as_alice: Client, savings: Portfolio) -> None:
        answer = as_alice.get(f"/portfolio/{savings.pk}/history?interval=1wk").json()

        # The first day, from which all is counted, and the last of each week.
        assert [p["date"] for p in answer["data"]] == ["2026-06-02", "2026-06-05", "2026-06-08"]

    def test_benchmark(self, body: dict[str, Any], as_alice: Client, savings: Portfolio) -> None:
        """100 as the portfolio begins, 110 in the end, and half a dollar of dividend before."""
        tracked("INDEX")
        closes = [("2026-06-01", 90.0), ("2026-06-02", 100.0), ("2026-06-08", 110.0)]
        paid = Actions((), (Dividend(day("2026-06-08"), 0.5),))
        published("INDEX", [(day(d), c, c, c, c, 1) for d, c in closes], paid)

        answer = as_alice.get(f"/portfolio/{savings.pk}/complete?range=max&benchmark=index")

        series = answer.json()["benchmark_series"]
        assert series["data"][0] == {"date": "2026-06-02", "value": 210.0, "twr": 0.0}
        assert series["data"][-1]["twr"] == pytest.approx(
            110 / (100 * (1 - 0.5 / 100)) - 1, abs=1e-6
        )
        assert series["problem"] is None

    def test_a_symbol_that_the_provider_does_not_know(
        self, as_alice: Client, savings: Portfolio
    ) -> None:
        """While a failure passes, this one has no history to wait for."""
        buy_acme(as_alice, savings, symbol="LATE")
        buy_acme(as_alice, savings, symbol="GHOST")
        symbols = TrackedSymbol.objects
        symbols.filter(symbol="LATE").update(last_error="unreachable", failures=1)
        symbols.filter(symbol="GHOST").update(last_error="none", missing_reason="Nobody knows it")

        body = as_alice.get(f"/portfolio/{savings.pk}").json()

        assert {one["symbol"]: one["status"] for one in body["holdings"]} == {
            "GHOST": "unpriced",
            "LATE": "loading",
        }
        assert [warning["text"].split(";")[0] for warning in body["warnings"]] == [
            "LATE: the history is being fetched (the last try: unreachable)",
            "GHOST: there are no prices (Nobody knows it)",
        ]

    def test_an_unknown_benchmark_says_what_to_do(
        self, body: dict[str, Any], as_alice: Client, savings: Portfolio
    ) -> None:
        answer = as_alice.get(f"/portfolio/{savings.pk}/complete?benchmark=NOPE").json()

        assert "NOPE is not tracked" in answer["benchmark_series"]["problem"]

    def test_live(self, body: dict[str, Any], as_alice: Client, savings: Portfolio) -> None:
        answer = as_alice.get(f"/portfolio/{savings.pk}/live").json()

        assert (answer["value"], answer["profit"]) == (245.0, 45.0)
        assert answer["holdings"][0]["live"] is False

    @pytest.mark.parametrize(
        "query", ["range=2y", "interval=1h", "page=0", "colour=1", "benchmark=a%20b"]
    )
    def test_wrong_parameters(
        self, body: dict[str, Any], as_alice: Client, savings: Portfolio, query: str
    ) -> None:
        answer = as_alice.get(f"/portfolio/{savings.pk}/complete?{query}")

        assert answer.status_code == 400
        assert answer.json()["detail"]


def test_reading_asks_the_provider_for_nothing(
    as_alice: Client, savings: Portfolio, acme: str, provider: FakeProvider
) -> None:
    buy_acme(as_alice, savings)
    for path in ("", "/complete", "/history", "/live", "/export", "/transactions"):
        assert as_alice.get(f"/portfolio/{savings.pk}{path}").status_code == 200

    assert provider.requests == 0


def test_a_forged_request_of_a_session_is_refused(alice: User, savings: Portfolio) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)

    assert post(client, "/portfolio", name="X", base_currency="USD").status_code == 403
    assert client.delete(f"/portfolio/{savings.pk}").status_code == 403
    assert Portfolio.objects.count() == 1


def test_a_path_that_is_not_there_is_a_problem(as_alice: Client) -> None:
    answer = as_alice.get("/portfolio/x/complete")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
