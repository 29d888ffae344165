"""QuoteStore and coordination: shared by processes and threads, nothing torn, nothing lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from prices.domain.quotes import Quote
from prices.store import quotes as quotes_module
from prices.store.leases import Leases
from prices.store.mongo import Db
from prices.store.quotes import QuoteStore

NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)


def _quote(symbol: str, price: float, at: datetime = NOW) -> Quote:
    """All numbers say the same, so that a torn quote shows."""
    return Quote(
        symbol,
        price,
        at,
        at,
        "REGULAR",
        currency="USD",
        previous_close=price,
        open=price,
        high=price,
        low=price,
        volume=int(price),
    )


def _is_torn(quote: Quote) -> bool:
    return len({quote.price, quote.open, quote.high, float(quote.volume or 0)}) != 1


class TestQuoteStore:
    def test_gives_back_what_was_put(self, store: Db) -> None:
        quote = _quote("ACME", 5.0)

        QuoteStore(store).put([quote])

        assert QuoteStore(store).get(["ACME", "NOBODY"]) == {"ACME": quote}

    def test_an_earlier_quote_never_displaces_a_later_one(self, store: Db) -> None:
        mine, others = QuoteStore(store), QuoteStore(store)
        mine.put([_quote("ACME", 2.0, NOW)])

        others.put([_quote("ACME", 1.0, NOW - timedelta(minutes=1))])
        mine.put([_quote("ACME", 1.5, NOW - timedelta(seconds=1))])

        assert mine.get(["ACME"])["ACME"].price == 2.0
        assert QuoteStore(store).get(["ACME"])["ACME"].price == 2.0

    def test_sees_what_another_process_wrote(
        self, store: Db, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quotes_module, "COPY_SECONDS", 0.0)
        mine, others = QuoteStore(store), QuoteStore(store)
        mine.put([_quote("ACME", 1.0)])
        assert others.get(["ACME"])["ACME"].price == 1.0

        mine.put([_quote("ACME", 2.0, NOW + timedelta(minutes=15))])

        assert others.get(["ACME"])["ACME"].price == 2.0

    def test_300_readers_and_writers_tear_and_lose_nothing(
        self, store: Db, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(quotes_module, "COPY_SECONDS", 0.05)
        stores = [QuoteStore(store) for _ in range(3)]
        torn: list[Quote] = []
        start = threading.Barrier(300)

        def write(n: int) -> None:
            start.wait()
            for turn in range(3):
                at = NOW + timedelta(seconds=turn)
                stores[n % 3].put(
                    [_quote("SHARED", float(turn), at), _quote(f"S{n}", float(turn), at)]
                )

        def read(n: int) -> None:
            start.wait()
            for _ in range(20):
                torn.extend(filter(_is_torn, stores[n % 3].all().values()))

        threads = [threading.Thread(target=write if n % 2 else read, args=(n,)) for n in range(300)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        final = QuoteStore(store).all()
        assert torn == []
        assert len(final) == 151
        assert {quote.price for quote in final.values()} == {2.0}


class TestLeases:
    def test_have_one_holder(self, store: Db) -> None:
        def try_too() -> bool:
            with Leases(store).held("job") as theirs:
                return theirs

        with Leases(store).held("job") as mine, ThreadPoolExecutor(1) as other:
            assert (mine, other.submit(try_too).result()) == (True, False)

        with Leases(store).held("job") as again:
            assert again is True

    def test_of_a_dead_process_are_taken_over(self, store: Db) -> None:
        import socket

        far = datetime.now(UTC) + timedelta(hours=1)
        dead = f"{socket.gethostname()}/4194305/1"  # above the kernel's largest pid
        store["leases"].insert_one({"_id": "job", "holder": dead, "until": far})

        with Leases(store).held("job") as ours:
            assert ours is True

    def test_of_another_machine_end_with_their_time(self, store: Db) -> None:
        soon = datetime.now(UTC) + timedelta(hours=1)
        store["leases"].insert_one({"_id": "job", "holder": "elsewhere/1/1", "until": soon})
        with Leases(store).held("job") as early:
            assert early is False

        past = datetime.now(UTC) - timedelta(seconds=1)
        store["leases"].update_one({"_id": "job"}, {"$set": {"until": past}})
        with Leases(store).held("job") as late:
            assert late is True
