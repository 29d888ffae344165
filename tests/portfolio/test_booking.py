"""Checks against what is booked, and tracking of new symbols."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from portfolio import booking
from portfolio.models import Portfolio, Transaction, prepare_insert
from prices.jobs import tasks
from prices.models import SymbolAlias, SyncRun, TrackedSymbol
from prices.symbols import tracking
from prices.symbols.tracking import track
from tests.support.builders import NOW, published
from tests.support.fakes import FakeProvider
from tests.support.jobs import run_queue
from tests.support.portfolio_api import JSON, book, buy_acme, send_file
from tests.support.portfolio_files import HEADER

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def test_refuses_to_sell_more_than_is_held(as_alice: Client, savings: Portfolio, acme: str) -> None:
    """10 were bought before the 2:1 split of the 4th: 10 were held on the 3rd, 20 on the 4th."""
    buy_acme(as_alice, savings)
    sale = {"kind": "sell", "symbol": "ACME", "price": "12"}

    early = book(as_alice, savings, **sale, date="2026-06-03", quantity="11")
    late = book(as_alice, savings, **sale, date="2026-06-04", quantity="21")
    fine = book(as_alice, savings, **sale, date="2026-06-04", quantity="20")

    assert early.json()["detail"] == (
        "11 ACME cannot be sold on 2026-06-03: 10 were held on that day (after splits)."
    )
    assert "20 were held" in late.json()["detail"]
    assert fine.status_code == 201


def test_refuses_to_change_or_delete_what_a_later_sale_needs(
    as_alice: Client, savings: Portfolio, acme: str
) -> None:
    path = buy_acme(as_alice, savings)["Location"]
    sale = {"kind": "sell", "symbol": "ACME", "price": "12"}
    book(as_alice, savings, **sale, date="2026-06-05", quantity="20")

    deleted = as_alice.delete(path)
    changed = as_alice.patch(path, {"quantity": "9"}, content_type=JSON)

    assert deleted.status_code == changed.status_code == 400
    assert "18 were held" in changed.json()["detail"]
    assert as_alice.get(path).json()["quantity"] == "10"


def test_counts_shares_bought_under_a_former_symbol(
    as_alice: Client, savings: Portfolio, acme: str
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


def test_tracks_a_new_symbol_and_queues_its_backfill(
    as_alice: Client, savings: Portfolio, provider: FakeProvider
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
    # Null and not 0: the value is not known yet.
    assert (body["summary"]["value"], body["summary"]["profit"]) == (None, None)
    complete = as_alice.get(f"/portfolio/{savings.pk}/complete").json()
    assert complete["history"]["data"] == []
    assert provider.requests == 0


def test_tracks_the_benchmark(as_alice: Client, savings: Portfolio) -> None:
    as_alice.patch(f"/portfolio/{savings.pk}", {"benchmark": "^gspc"}, content_type=JSON)

    assert TrackedSymbol.objects.filter(symbol="^GSPC").exists()


def test_refuses_a_sale_that_another_one_makes_impossible_meanwhile(
    as_alice: Client, savings: Portfolio, acme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy_acme(as_alice, savings)
    sale = {"kind": "sell", "symbol": "ACME", "date": "2026-06-05", "quantity": "20", "price": "9"}

    def after_the_check(rows: Sequence[Transaction]) -> Callable[[], object]:
        monkeypatch.undo()
        assert book(as_alice, savings, **sale).status_code == 201
        return prepare_insert(rows)

    monkeypatch.setattr(booking, "prepare_insert", after_the_check)
    slower = book(as_alice, savings, **sale)

    assert slower.json()["detail"].startswith(
        "20 ACME cannot be sold on 2026-06-05: none were held"
    )
    assert Transaction.objects.count() == 2


class TestManySymbols:
    """A booking keeps all others from writing only for as long as the database takes."""

    def send(self, client: Client, portfolio: Portfolio, symbols: int) -> list[str]:
        """Sends 1,200 lines. Returns the statements of the server."""
        lines = (f"buy,2026-06-02,N{n % symbols},{n + 1},1,,USD,," for n in range(1_200))
        with CaptureQueriesContext(connection) as queries:
            answer = send_file(client, portfolio, "\n".join([HEADER.strip(), *lines]))
        assert answer.json()["booked"] == 1_200
        return [query["sql"] for query in queries]

    def test_cost_the_transaction_no_statement_more_than_few(
        self, as_alice: Client, savings: Portfolio, alice: User, settings: Settings
    ) -> None:
        settings.SYMBOLS_PER_USER = 0
        other = Portfolio.objects.create(owner=alice, name="Other", base_currency="USD")

        few, many = self.send(as_alice, other, 2), self.send(as_alice, savings, 1_200)
        booked = _booking_transaction(many)

        assert len(_booking_transaction(few)) == len(booked) < 20
        assert any('INTO "prices_syncrun"' in one for one in booked)
        assert not any('INTO "prices_trackedsymbol"' in one for one in booked)
        assert TrackedSymbol.objects.filter(added_by=alice).count() == 1_200
        assert len(SyncRun.objects.latest("id").symbols) == 1_198

    @pytest.mark.django_db(transaction=True)
    def test_let_others_write_between_their_batches(
        self,
        as_alice: Client,
        savings: Portfolio,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        settings.SYMBOLS_PER_USER = 0
        tracked: list[int] = []

        def write_meanwhile(_: float) -> None:
            with closing(sqlite3.connect(settings.DATABASES["default"]["NAME"], 0)) as other:
                other.execute("BEGIN IMMEDIATE")
                rows = other.execute("SELECT count(*) FROM prices_trackedsymbol")
                tracked.append(rows.fetchone()[0])

        monkeypatch.setattr("prices.symbols.tracking.sleep", write_meanwhile)
        self.send(as_alice, savings, 1_200)
        as_alice.delete(f"/portfolio/{savings.pk}")

        assert tracked == [500, 1_000, 700, 200]
        assert not TrackedSymbol.objects.exists()


class TestInterruptedOnboarding:
    @pytest.fixture(autouse=True)
    def _interrupted(
        self, as_alice: Client, savings: Portfolio, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The database is locked right after the commit."""

        def fail(*_: object, **__: object) -> None:
            raise OperationalError("database is locked")

        with monkeypatch.context() as patched:
            patched.setattr(tracking, "add_rows", fail)
            assert buy_acme(as_alice, savings, symbol="NIX").json()["tracked"] == ["NIX"]
        assert not TrackedSymbol.objects.exists()

    def test_is_completed_by_the_run(self, provider: FakeProvider, alice: User) -> None:
        run_queue()

        row = TrackedSymbol.objects.get()
        assert (row.symbol, row.added_by, row.on_its_own) == ("NIX", alice, False)
        assert row.last_attempt_at is not None

    def test_ends_if_nobody_needs_the_symbol_any_more(
        self, as_alice: Client, savings: Portfolio, provider: FakeProvider
    ) -> None:
        as_alice.delete(f"/portfolio/{savings.pk}")

        run_queue()

        assert not TrackedSymbol.objects.exists()


def _booking_transaction(statements: list[str]) -> list[str]:
    """Returns the statements from the begin to the end of the transaction that books."""
    book = next(n for n, one in enumerate(statements) if 'INTO "portfolio_transaction"' in one)
    begin = max(n for n, one in enumerate(statements[:book]) if one.startswith("SAVEPOINT"))
    name = statements[begin].split()[-1]
    return statements[begin : statements.index(f"RELEASE SAVEPOINT {name}")]


class TestRelease:
    """Symbols that never had a price are tracked for as long as a portfolio needs them."""

    def symbols(self) -> set[str]:
        return set(TrackedSymbol.objects.values_list("symbol", flat=True))

    def test_follows_the_last_transaction(self, as_alice: Client, savings: Portfolio) -> None:
        first = buy_acme(as_alice, savings, symbol="NIX.L", currency="GBP")["Location"]
        second = buy_acme(as_alice, savings, symbol="NIX.L", currency="GBP")["Location"]
        row = TrackedSymbol.objects.get(symbol="NIX.L")

        as_alice.delete(first)
        between = self.symbols()
        as_alice.delete(second)

        assert (str(row.added_by), row.on_its_own) == ("alice", False)
        assert between == {"NIX.L", "GBPUSD=X"}
        assert self.symbols() == set()

    def test_follows_a_transaction_that_changes(self, as_alice: Client, savings: Portfolio) -> None:
        path = buy_acme(as_alice, savings, symbol="NIX")["Location"]

        as_alice.patch(path, {"symbol": "NAX"}, content_type=JSON)

        assert self.symbols() == {"NAX"}

    def test_follows_the_portfolio(self, as_alice: Client, savings: Portfolio) -> None:
        as_alice.patch(f"/portfolio/{savings.pk}", {"benchmark": "NOX"}, content_type=JSON)
        buy_acme(as_alice, savings, symbol="NIX")

        as_alice.delete(f"/portfolio/{savings.pk}")

        assert self.symbols() == set()

    def test_spares_what_is_needed_or_had_a_price(
        self, as_alice: Client, savings: Portfolio, alice: User
    ) -> None:
        other = Portfolio.objects.create(owner=alice, name="Other", base_currency="USD")
        other.benchmark = "BENCH"
        other.save()
        for symbol in ("BENCH", "HELD", "PRICED", "STORED", "ASKED", "NIX"):
            buy_acme(as_alice, savings, symbol=symbol)
        buy_acme(as_alice, other, symbol="HELD")
        TrackedSymbol.objects.filter(symbol="PRICED").update(last_update=NOW)
        published("STORED")
        track("ASKED", now=NOW)

        as_alice.delete(f"/portfolio/{savings.pk}")

        assert self.symbols() == {"BENCH", "HELD", "PRICED", "STORED", "ASKED"}

    def test_is_made_up_for_by_the_nightly_sweep(
        self, as_alice: Client, savings: Portfolio, alice: User
    ) -> None:
        """A user with portfolios is deleted."""
        buy_acme(as_alice, savings, symbol="NIX")
        alice.delete()
        left = self.symbols()

        tasks.store_sweep()

        assert (left, self.symbols()) == ({"NIX"}, set())
        assert SyncRun.objects.first().message.endswith("dropped, as nobody needs them: NIX")  # type: ignore[union-attr]


class TestQuota:
    @pytest.fixture(autouse=True)
    def _one(self, settings: Settings) -> None:
        settings.SYMBOLS_PER_USER = 1

    def test_refuses_a_booking(self, as_alice: Client, savings: Portfolio) -> None:
        first = buy_acme(as_alice, savings, symbol="NIX")
        second = buy_acme(as_alice, savings, symbol="NAX")

        assert (first.status_code, second.status_code) == (201, 400)
        assert second.json()["detail"].startswith("You track 1 symbol and may track 1, so")
        assert Transaction.objects.count() == 1

    @pytest.mark.parametrize("query", ["", "?preview=true"])
    def test_refuses_an_import_as_a_whole(
        self, as_alice: Client, savings: Portfolio, query: str
    ) -> None:
        lines = "".join(f"buy,2026-06-02,N{n},10,21,,USD,0,\n" for n in range(3))

        body = send_file(as_alice, savings, HEADER + lines, query).json()

        assert body["errors"][0]["text"].startswith(
            "You track 0 symbols and may track 1, so 3 new ones do not fit."
        )
        assert not Transaction.objects.exists()
        assert not TrackedSymbol.objects.exists()

    def test_is_none_for_superusers(
        self, as_alice: Client, savings: Portfolio, alice: User
    ) -> None:
        User.objects.update(is_superuser=True)

        made = [buy_acme(as_alice, savings, symbol=symbol) for symbol in ("NIX", "NAX")]

        assert [answer.status_code for answer in made] == [201, 201]
