"""The schema of both APIs and its page."""

import pytest
from django.core.management import call_command
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def test_schema_is_valid_and_complete(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")

    schema = client.get("/cache/schema?format=json").json()
    assert set(schema["paths"]) == {
        "/cache/status",
        "/cache/scheduler/status",
        "/cache/historical/{symbol}",
        "/cache/actions/{symbol}",
        "/cache/corrections/{symbol}",
        "/cache/quarantine",
        "/cache/quarantine/keep",
        "/cache/quarantine/release",
        "/cache/refresh-live",
        "/cache/sync-historical",
        "/cache/try-now",
        "/cache/backfill-symbol",
        "/cache/backfill-all",
        "/cache/runs/{run_id}",
        "/portfolio",
        "/portfolio/{portfolio_id}",
        "/portfolio/{portfolio_id}/complete",
        "/portfolio/{portfolio_id}/export",
        "/portfolio/{portfolio_id}/history",
        "/portfolio/{portfolio_id}/import",
        "/portfolio/{portfolio_id}/live",
        "/portfolio/{portfolio_id}/transactions",
        "/portfolio/{portfolio_id}/transactions/{transaction_id}",
    }


def test_schema_lists_the_statuses_of_a_post(client: Client) -> None:
    paths = client.get("/cache/schema?format=json").json()["paths"]

    responses = paths["/cache/sync-historical"]["post"]["responses"]
    assert " ".join(responses) == "200 202 400 401 403 404 406 408 413 503"
    assert list(responses["202"]["content"]) == ["application/json"]
    assert list(responses["404"]["content"]) == ["application/problem+json"]
    assert " ".join(paths["/cache/status"]["get"]["responses"]) == "200 400 401 406 503"


def test_docs_page_opens(client: Client) -> None:
    answer = client.get("/cache/docs")

    assert answer.status_code == 200
    assert b"cdn" not in answer.content
