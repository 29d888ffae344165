"""GET /cache/historical/{symbol}: bars, bases, ranges, coverage, freshness, errors."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client, override_settings
from pytest_django import DjangoAssertNumQueries

from prices import services
from prices.domain.quotes import Quote
from tests.support.builders import NOW, WEEK, published, tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


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

    def test_undoes_splits(self, client: Client) -> None:
        tracked()
        published()

        body = client.get("/cache/historical/ACME?adjust=none").json()

        assert [row["close"] for row in body["data"]] == [21.0, 23.0, 11.25, 12.5, 12.25]
        assert [row["volume"] for row in body["data"]] == [500, 1000, 3000, 4000, 5000]

    def test_takes_dividends_out(self, client: Client) -> None:
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
    def test_any_range_may_be_asked_for(self, client: Client, query: str) -> None:
        tracked()
        published()

        body = client.get(f"/cache/historical/ACME?{query}").json()

        assert body["count"] == 5

    def test_is_found_in_lower_case_and_by_market(self, client: Client) -> None:
        tracked("TEVA.TA", market="TASE", mic="XTAE", currency="ILA")
        published("TEVA.TA")

        assert client.get("/cache/historical/teva.ta").json()["count"] == 5
        assert client.get("/cache/historical/TEVA?market=TASE").json()["symbol"] == "TEVA.TA"

    def test_tells_what_is_missing(self, client: Client) -> None:
        tracked()
        published(rows=(*WEEK[:2], *WEEK[3:]))

        body = client.get("/cache/historical/ACME").json()

        assert body["coverage"] == {
            "percent": 80.0,
            "expected": 5,
            "present": 4,
            "missing": ["2026-06-04"],
        }

    def test_tells_why_it_is_stale(self, client: Client) -> None:
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

    def test_answers_without_history(self, client: Client) -> None:
        tracked()

        body = client.get("/cache/historical/ACME").json()

        assert body["count"] == 0
        assert body["data"] == []
        assert body["stale_reason"] == "no history yet"

    def test_asks_the_database_once(
        self, client: Client, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        tracked()
        published()

        with django_assert_num_queries(1):
            client.get("/cache/historical/ACME")


class TestErrors:
    @pytest.mark.parametrize(
        ("query", "parameter"),
        [
            ("start=yesterday", "start"),
            ("end=2026-13-01", "end"),
            ("start=2026-06-05&end=2026-06-01", "start"),
            ("days=0", "days"),
            ("days=many", "days"),
            ("days=5&start=2026-06-01", "days"),
            ("adjust=dividends", "adjust"),
            ("from=2026-01-01", "from"),
            ("market=MOON", "market"),
        ],
    )
    def test_names_the_wrong_parameter(self, client: Client, query: str, parameter: str) -> None:
        tracked()

        answer = client.get(f"/cache/historical/ACME?{query}")

        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
        body = answer.json()
        assert body["parameter"] == parameter
        assert body["status"] == 400
        assert body["detail"]

    def test_says_what_to_do_for_a_symbol_nobody_tracks(self, client: Client) -> None:
        answer = client.get("/cache/historical/NOBODY")

        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"
        assert "backfill-symbol" in answer.json()["detail"]

    def test_refuses_what_cannot_be_a_symbol(self, client: Client) -> None:
        answer = client.get("/cache/historical/A B")

        assert answer.status_code == 400
        assert answer.json()["parameter"] == "symbol"

    def test_is_no_500_when_the_store_is_away(self, client: Client) -> None:
        tracked()
        with override_settings(MONGODB_URI="mongodb://127.0.0.1:1/?directConnection=true"):
            services.forget()
            answer = client.get("/cache/historical/ACME")
        services.forget()

        assert answer.status_code == 503
        assert "MongoDB" in answer.json()["detail"]

    @pytest.mark.parametrize("path", ["/cache/status", "/cache/historical/ACME", "/readyz"])
    def test_tells_who_calls_it_by_another_name_what_to_set(
        self, client: Client, path: str
    ) -> None:
        answer = client.get(path, headers={"Host": "prices.example.com"})

        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"] == (
            "The host name “prices.example.com” is not allowed. Add it to "
            "PRICECACHE_ALLOWED_HOSTS, or use a host name that is listed there."
        )

    def test_tells_the_same_on_a_page(self, client: Client) -> None:
        answer = client.get("/admin/", headers={"Host": "<b>.example.com"})

        assert answer.status_code == 400
        assert "PRICECACHE_ALLOWED_HOSTS" in answer.content.decode()
        assert "<b>" not in answer.content.decode()

    def test_says_that_it_speaks_json_alone(self, client: Client) -> None:
        answer = client.get("/cache/status", headers={"Accept": "text/csv"})

        assert answer.status_code == 406
        assert "application/json" in answer.json()["detail"]

    def test_says_that_there_is_no_such_path(self, client: Client) -> None:
        answer = client.get("/cache/histrical/ACME")

        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"
        assert "/cache/docs" in answer.json()["detail"]

    def test_a_bug_is_a_problem_too(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        def breaks(*args: object, **kwargs: object) -> None:
            raise RuntimeError("a bug")

        tracked()
        monkeypatch.setattr(services.reader(), "history", breaks)
        client.raise_request_exception = False

        answer = client.get("/cache/historical/ACME")

        assert answer.status_code == 500
        assert answer["Content-Type"] == "application/problem+json"
        assert "a bug" not in answer.content.decode()

    def test_asks_who_reads_when_reads_are_not_public(self, client: Client) -> None:
        tracked()
        with override_settings(PUBLIC_READS=False):
            answer = client.get("/cache/historical/ACME")

        assert answer.status_code == 401
