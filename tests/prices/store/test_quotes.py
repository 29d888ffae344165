"""QuoteStore: shared by processes and threads; no quote is torn or lost."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from prices.domain.quotes import Quote
from prices.store import quotes as quotes_module
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
    def test_returns_what_was_put(self, store: Db) -> None:
        quote = _quote("ACME", 5.0)

        QuoteStore(store).put([quote])

        assert QuoteStore(store).get(["ACME", "NOBODY"]) == {"ACME": quote}

    def test_an_older_quote_never_replaces_a_newer_one(self, store: Db) -> None:
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
