"""GET /cache/historical/{symbol}: the response, and the work that a read takes."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client, override_settings
from pytest_django import DjangoAssertNumQueries

from prices import services
from prices.domain.bars import SeriesKey
from prices.domain.quotes import Quote
from prices.store.mongo import StoreUnavailable
from prices.store.series_cache import SeriesCache
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.counting import counting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store", "fixed_now")]

PATH = "/cache/historical/ACME?days=365"


@pytest.fixture
def remembering() -> Iterator[None]:
    """Caches rows and versions for a while, as in production."""
    with override_settings(VERSION_TTL=60.0):
        services.forget()
        yield
    services.forget()


@pytest.mark.usefixtures("remembering")
class TestWork:
    def test_of_a_first_read(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        tracked()
        published()

        with django_assert_num_queries(1), counting() as work:
            client.get(PATH)

        # Manifest and block in one, the provider's state, the quotes.
        assert sorted(work.commands) == ["aggregate", "find", "find"]

    def test_of_a_cached_read(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        tracked()
        published()
        first = client.get(PATH)

        with django_assert_num_queries(0), counting() as work:
            again = client.get(PATH)

        assert again.content == first.content
        assert work.commands == ["find"]  # the version

    def test_of_a_read_with_the_current_tag(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        tracked()
        published()
        tag = client.get(PATH)["ETag"]

        with django_assert_num_queries(0), counting() as work:
            known = client.get(PATH, headers={"If-None-Match": tag})

        assert (known.status_code, known.content, known["ETag"]) == (304, b"", tag)
        assert work.commands == ["find"]

    def test_of_a_read_without_a_block_is_done_once(self, client: Client) -> None:
        tracked()
        published()
        services.blocks().delete(SeriesKey("ACME"))

        with counting() as work:
            client.get(PATH)
        services.forget()
        with counting() as later:
            client.get(PATH)

        assert work.commands.count("aggregate") == 2  # no block; the bars
        assert work.commands.count("update") == 1  # the block, made anew
        assert later.commands.count("aggregate") == 1

    def test_of_a_read_while_the_store_is_away_is_tried_once(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tracked()
        tries: list[object] = []

        def away(self: SeriesCache, key: SeriesKey) -> None:
            tries.append(key)
            raise StoreUnavailable("MongoDB does not answer")

        monkeypatch.setattr(SeriesCache, "read", away)

        answer = client.get(PATH)

        assert answer.status_code == 503
        assert answer["Content-Type"] == "application/problem+json"
        assert len(tries) == 1

    def test_of_an_unknown_symbol(self, client: Client) -> None:
        with counting() as work:
            client.get("/cache/historical/NOBODY")

        assert work.commands == []


class TestHistorical:
    def test_gives_the_stored_bars(self, client: Client) -> None:
        tracked()
        published()

        answer = client.get("/cache/historical/ACME")

        assert answer.status_code == 200
        body = answer.json()
        assert body["symbol"] == "ACME"
        assert body["interval"] == "1d"
        assert body["currency"] == "USD"
        assert body["adjust"] == "splits"
        assert body["count"] == 5
        assert body["as_of"] == "2026-06-09T12:00:00Z"
        assert body["stale"] is False
        assert body["stale_reason"] is None
        assert body["coverage"] == {"percent": 100.0, "expected": 5, "present": 5, "missing": []}
        assert body["data"][0] == {
            "date": "2026-06-02",
            "open": 10.0,
            "high": 11.0,
            "low": 9.5,
            "close": 10.5,
            "volume": 1000,
        }
        assert [row["close"] for row in body["data"]] == [10.5, 11.5, 11.25, 12.5, 12.25]

    def test_adjust_none_undoes_splits(self, client: Client) -> None:
        tracked()
        published()

        body = client.get("/cache/historical/ACME?adjust=none").json()

        assert [row["close"] for row in body["data"]] == [21.0, 23.0, 11.25, 12.5, 12.25]
        assert [row["volume"] for row in body["data"]] == [500, 1000, 3000, 4000, 5000]

    def test_adjust_all_takes_dividends_out(self, client: Client) -> None:
        tracked()
        published()

        body = client.get("/cache/historical/ACME?adjust=all").json()

        # 0.5 paid on the 8th after a close of 12.5: all before times 0.96.
        closes = [row["close"] for row in body["data"]]
        assert closes == pytest.approx([10.08, 11.04, 10.8, 12.0, 12.25])

    def test_takes_out_a_dividend_that_lies_after_the_range(self, client: Client) -> None:
        tracked()
        published()

        body = client.get("/cache/historical/ACME?adjust=all&end=2026-06-03").json()

        assert [row["close"] for row in body["data"]] == pytest.approx([10.08, 11.04])

    def test_counts_both_ends_of_a_range(self, client: Client) -> None:
        tracked()
        published()

        body = client.get("/cache/historical/ACME?start=2026-06-03&end=2026-06-05").json()

        assert [row["date"] for row in body["data"]] == ["2026-06-03", "2026-06-04", "2026-06-05"]
        assert body["coverage"]["expected"] == 3

    def test_counts_days_back_from_today(self, client: Client) -> None:
        tracked()
        published()

        body = client.get("/cache/historical/ACME?days=4").json()

        assert [row["date"] for row in body["data"]] == ["2026-06-05", "2026-06-08"]

    def test_counts_days_back_from_the_last_bar_of_a_series_that_ended_before(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tracked()
        published()
        monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(days=900))

        body = client.get("/cache/historical/ACME?days=3").json()

        assert [row["date"] for row in body["data"]] == ["2026-06-05", "2026-06-08"]
        assert body["stale"] is True

    @pytest.mark.parametrize("query", ["start=0001-01-01&end=9999-12-31", "days=50000"])
    def test_accepts_any_range(self, client: Client, query: str) -> None:
        tracked()
        published()

        body = client.get(f"/cache/historical/ACME?{query}").json()

        assert body["count"] == 5

    def test_is_found_in_lower_case_and_by_market(self, client: Client) -> None:
        tracked("TEVA.TA", market="TASE", mic="XTAE", currency="ILA")
        published("TEVA.TA")

        assert client.get("/cache/historical/teva.ta").json()["count"] == 5
        assert client.get("/cache/historical/TEVA?market=TASE").json()["symbol"] == "TEVA.TA"

    def test_lists_missing_sessions(self, client: Client) -> None:
        tracked()
        published(rows=(*WEEK[:2], *WEEK[3:]))

        body = client.get("/cache/historical/ACME").json()

        assert body["coverage"] == {
            "percent": 80.0,
            "expected": 5,
            "present": 4,
            "missing": ["2026-06-04"],
        }

    def test_says_why_it_is_stale(self, client: Client) -> None:
        tracked()
        published(rows=WEEK[:3])

        body = client.get("/cache/historical/ACME").json()

        assert body["stale"] is True
        assert body["stale_reason"] == "2 sessions behind, last bar 2026-06-04"

    def test_puts_the_quote_beside_the_bars(self, client: Client) -> None:
        tracked()
        published()
        at = NOW - timedelta(minutes=1)
        quote = Quote("ACME", 12.3, at, NOW, "PRE", currency="USD", previous_close=12.25)
        services.quotes().put([quote])

        body = client.get("/cache/historical/ACME").json()

        assert body["quote"] == {
            "price": 12.3,
            "currency": "USD",
            "market_time": "2026-06-09T11:59:00Z",
            "market_state": "PRE",
            "previous_close": 12.25,
            "fetched_at": "2026-06-09T12:00:00Z",
        }

    def test_is_empty_without_history(self, client: Client) -> None:
        tracked()

        body = client.get("/cache/historical/ACME").json()

        assert body["count"] == 0
        assert body["data"] == []
        assert body["stale_reason"] == "no history yet"

    def test_queries_the_database_once(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        tracked()
        published()

        with django_assert_num_queries(1):
            client.get("/cache/historical/ACME")
