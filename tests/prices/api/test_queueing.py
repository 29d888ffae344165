"""The POST endpoints: what they validate, what they queue, and how to follow it."""

import threading
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ
from pytest_django import Settings

from pricecache_site.operations.models import issue_token
from prices import services
from prices.api import views
from prices.models import SyncRun, TrackedSymbol
from tests.support.builders import tracked
from tests.support.outages import away
from tests.support.tokens import operator, staff_user, token_headers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.fixture
def staff() -> dict[str, str]:
    user = operator()
    return {"Authorization": f"Token {issue_token(user)}"}


class TestBackfillSymbol:
    def test_tracks_and_queues(self, client: Client, staff: dict[str, str]) -> None:
        body = {"symbol": "teva", "market": "TASE"}

        answer = client.post(
            "/cache/backfill-symbol", body, content_type="application/json", headers=staff
        )

        assert answer.status_code == 202
        row = TrackedSymbol.objects.get()
        assert (row.symbol, row.market, row.mic, row.currency) == ("TEVA.TA", "TASE", "XTAE", "ILA")
        run = SyncRun.objects.get()
        assert (run.kind, run.symbols, run.options) == ("backfill", ["TEVA.TA"], {"whole": True})
        assert answer.json()["id"] == run.pk
        assert answer.json()["url"] == answer["Location"] == f"/cache/runs/{run.pk}"
        assert client.get(answer["Location"]).json()["state"] == "queued"
        assert OrmQ.objects.count() == 1

    def test_accepts_json_that_curl_labels_a_form(
        self, client: Client, staff: dict[str, str]
    ) -> None:
        answer = client.post(
            "/cache/backfill-symbol",
            b'{"symbol": "AAPL", "market": "US"}',
            content_type="application/x-www-form-urlencoded",
            headers=staff,
        )

        assert answer.status_code == 202

    def test_answers_400_to_invalid_json(self, client: Client, staff: dict[str, str]) -> None:
        answer = client.post(
            "/cache/backfill-symbol", "{nonsense", content_type="application/json", headers=staff
        )

        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize(
        ("body", "status", "sentence"),
        [
            (b"[" * 100_000, 400, "The body is not valid JSON: it is nested too deeply. "),
            (b" " * 6_000_001, 413, "The request is larger than 6 MB. Send it in parts."),
        ],
        ids=["deep", "large"],
    )
    def test_refuses_json_that_is_too_deep_or_too_large(
        self, client: Client, staff: dict[str, str], body: bytes, status: int, sentence: str
    ) -> None:
        answer = client.post(
            "/cache/sync-historical", body, content_type="application/json", headers=staff
        )

        assert answer.status_code == status
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"].startswith(sentence)

    @pytest.mark.parametrize("path", ["backfill-symbol", "backfill-all", "sync-historical"])
    @pytest.mark.parametrize("body", [b"[1]", b'"AAPL"', b"7"])
    def test_accepts_only_a_json_object(
        self, client: Client, staff: dict[str, str], path: str, body: bytes
    ) -> None:
        answer = client.post(f"/cache/{path}", body, content_type="application/json", headers=staff)

        assert answer.status_code == 400
        assert answer.json()["detail"] == "Send a JSON object."

    @pytest.mark.parametrize(
        ("body", "parameter"),
        [
            ({}, "symbol"),
            ({"symbol": "A B"}, "symbol"),
            ({"symbol": "AAPL", "market": "MOON"}, "market"),
            ({"symbol": "VOD.L", "market": "XETRA"}, "symbol"),
            ({"symbol": "AAPL", "start": "soon"}, "start"),
            ({"symbol": "AAPL", "start": "9999-12-31"}, "start"),
            ({"symbol": "ß"}, "symbol"),
            ({"symbol": "AAPL", "\ud800": 1}, "\ud800"),
            ({"symbol": "AAPL", "sart": "2020-01-01"}, "sart"),
        ],
    )
    def test_names_what_is_wrong_and_tracks_nothing(
        self, client: Client, staff: dict[str, str], body: dict[str, str], parameter: str
    ) -> None:
        answer = client.post(
            "/cache/backfill-symbol", body, content_type="application/json", headers=staff
        )

        assert answer.status_code == 400
        assert answer.json()["parameter"] == parameter
        assert not TrackedSymbol.objects.exists()
        assert not SyncRun.objects.exists()

    @pytest.mark.parametrize("symbol", ["1e400", "-1e400", "5", "1.5", "true", '["A"]', "{}"])
    @pytest.mark.parametrize("market", ['""', "7"])
    def test_takes_only_strings(
        self, client: Client, staff: dict[str, str], symbol: str, market: str
    ) -> None:
        """1e400 is infinite, which would be the symbol INF."""
        body = f'{{"symbol": {symbol}, "market": {market}}}'

        answer = client.post(
            "/cache/backfill-symbol", body, content_type="application/json", headers=staff
        )

        assert answer.status_code == 400
        assert answer.json()["errors"]["symbol"] == 'Not a string. Send it in quotes, as in "AAPL".'
        assert ("market" in answer.json()["errors"]) == (market == "7")
        assert not TrackedSymbol.objects.exists()

    def test_says_that_a_symbol_may_not_be_null(
        self, client: Client, staff: dict[str, str]
    ) -> None:
        answer = client.post(
            "/cache/backfill-symbol",
            '{"symbol": null}',
            content_type="application/json",
            headers=staff,
        )

        assert (answer.status_code, answer.json()["parameter"]) == (400, "symbol")

    @pytest.mark.parametrize(
        ("symbol", "market", "canonical"),
        [("BAJAJ-AUTO", "NSE", "BAJAJ-AUTO.NS"), ("BP.", "LSE", "BP.L"), ("BRK.B", "US", "BRK-B")],
    )
    def test_takes_symbols_as_people_write_them(
        self, client: Client, staff: dict[str, str], symbol: str, market: str, canonical: str
    ) -> None:
        answer = client.post(
            "/cache/backfill-symbol",
            {"symbol": symbol, "market": market},
            content_type="application/json",
            headers=staff,
        )

        assert answer.status_code == 202
        assert TrackedSymbol.objects.get().symbol == canonical

    def test_names_yahoos_spelling_of_a_share_class(
        self, client: Client, staff: dict[str, str]
    ) -> None:
        answer = client.post(
            "/cache/backfill-symbol",
            {"symbol": "BRK.B"},
            content_type="application/json",
            headers=staff,
        )

        assert answer.status_code == 400
        assert answer.json()["detail"] == (
            "Yahoo has no symbol “BRK.B”. Yahoo spells share classes and units with a dash: try "
            "BRK-B."
        )
        assert not TrackedSymbol.objects.exists()


class TestOtherEndpoints:
    @pytest.mark.parametrize("path", ["refresh-live", "sync-historical"])
    @pytest.mark.parametrize("symbol", ["1e400", "5", "false", "null", "[]"])
    def test_take_only_strings(
        self, client: Client, staff: dict[str, str], path: str, symbol: str
    ) -> None:
        tracked("INF")

        answer = client.post(
            f"/cache/{path}",
            f'{{"symbols": [{symbol}]}}',
            content_type="application/json",
            headers=staff,
        )

        assert (answer.status_code, answer.json()["parameter"]) == (400, "symbols")
        assert not SyncRun.objects.exists()

    @pytest.mark.parametrize("path", ["refresh-live", "sync-historical"])
    def test_name_yahoos_spelling_of_a_share_class(
        self, client: Client, staff: dict[str, str], path: str
    ) -> None:
        answer = client.post(
            f"/cache/{path}",
            {"symbols": ["BRK.B"]},
            content_type="application/json",
            headers=staff,
        )

        assert answer.status_code == 404
        assert answer.json()["detail"] == (
            "Not tracked: BRK.B. Yahoo spells share classes and units with a dash: try BRK-B."
        )

    @pytest.mark.parametrize(
        ("path", "kind", "options"),
        [
            ("refresh-live", "live_price_update", {"all": True}),
            ("sync-historical", "historical_sync", {}),
            ("backfill-all", "backfill", {"whole": True}),
        ],
    )
    def test_queue_a_run(
        self,
        client: Client,
        staff: dict[str, str],
        path: str,
        kind: str,
        options: dict[str, bool],
    ) -> None:
        answer = client.post(f"/cache/{path}", content_type="application/json", headers=staff)

        assert answer.status_code == 202
        run = SyncRun.objects.get()
        assert (run.kind, run.symbols, run.options, run.trigger) == (
            kind,
            [],
            options,
            "API (alice)",
        )

    @pytest.mark.parametrize("path", ["refresh-live", "sync-historical"])
    def test_accept_symbols(self, client: Client, staff: dict[str, str], path: str) -> None:
        tracked("AAPL")

        answer = client.post(
            f"/cache/{path}", {"symbols": ["aapl"]}, content_type="application/json", headers=staff
        )

        assert answer.status_code == 202
        assert SyncRun.objects.get().symbols == ["AAPL"]

    @pytest.mark.parametrize("path", ["refresh-live", "sync-historical"])
    def test_refuse_untracked_symbols(
        self, client: Client, staff: dict[str, str], path: str
    ) -> None:
        answer = client.post(
            f"/cache/{path}",
            {"symbols": ["NOBODY"]},
            content_type="application/json",
            headers=staff,
        )

        assert answer.status_code == 404
        assert "NOBODY" in answer.json()["detail"]

    def test_answer_202_when_the_time_to_wait_runs_out(
        self, client: Client, staff: dict[str, str]
    ) -> None:
        answer = client.post("/cache/backfill-all?wait=0.2", b"", content_type="", headers=staff)

        assert answer.status_code == 202
        assert answer.json()["state"] == "queued"

    def test_do_not_wait_where_as_many_as_possible_wait_already(
        self, client: Client, staff: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken = threading.Semaphore(0)
        monkeypatch.setattr(views, "_waiting_places", taken)

        answer = client.post("/cache/backfill-all?wait=300", b"", content_type="", headers=staff)

        assert answer.status_code == 202
        assert answer.json()["notice"].startswith("The result was not waited for, because")
        assert answer.json()["url"] == answer["Location"]
        answer = client.post("/cache/backfill-all", b"", content_type="", headers=staff)
        assert "notice" not in answer.json()

    def test_refuse_an_invalid_wait(self, client: Client, staff: dict[str, str]) -> None:
        answer = client.post("/cache/backfill-all?wait=long", headers=staff)

        assert answer.status_code == 400
        assert answer.json()["parameter"] == "wait"
        assert not SyncRun.objects.exists()

    def test_a_run_that_does_not_exist_is_404(self, client: Client) -> None:
        assert client.get("/cache/runs/4711").status_code == 404


class TestTryNow:
    def test_closes_the_breakers_and_queues_a_sync(self, client: Client) -> None:
        away(timezone.now())
        headers = token_headers(staff_user("bob", "django_q.change_schedule"))

        answer = client.post("/cache/try-now", content_type="application/json", headers=headers)

        assert answer.status_code == 202
        assert SyncRun.objects.get().kind == "historical_sync"
        assert services.provider_log().state().unreachable_since is None

    def test_is_for_staff_who_may_change_jobs(self, client: Client, staff: dict[str, str]) -> None:
        assert client.post("/cache/try-now").status_code == 401
        assert client.post("/cache/try-now", headers=staff).status_code == 403
        assert not SyncRun.objects.exists()


class TestQuota:
    def test_is_of_each_user(
        self, client: Client, staff: dict[str, str], settings: Settings
    ) -> None:
        settings.SYMBOLS_PER_USER = 1
        tracked("OTHERS")

        def backfill(symbol: str) -> Any:
            return client.post(
                "/cache/backfill-symbol",
                {"symbol": symbol},
                content_type="application/json",
                headers=staff,
            )

        first, again, second, known = map(backfill, ("AAPL", "AAPL", "MSFT", "OTHERS"))

        assert [first.status_code, again.status_code, known.status_code] == [202] * 3
        assert (second.status_code, second["Content-Type"]) == (403, "application/problem+json")
        assert second.json()["detail"].startswith("You track 1 symbol and may track 1, so another")
        row = TrackedSymbol.objects.get(symbol="AAPL")
        assert (str(row.added_by), row.on_its_own) == ("alice", True)
