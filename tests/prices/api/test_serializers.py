"""Invalid parameters of reads."""

import pytest
from django.test import Client

from tests.support.builders import tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


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
def test_names_the_wrong_parameter(client: Client, query: str, parameter: str) -> None:
    tracked()

    answer = client.get(f"/cache/historical/ACME?{query}")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["parameter"] == parameter
    assert body["status"] == 400
    assert body["detail"]
