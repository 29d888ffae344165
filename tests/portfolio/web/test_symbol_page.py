"""The page of a symbol suggests a stored close, or says why there is none."""

import pytest
from django.test import Client

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"symbol": "ACME", "date": "soon"}, ""),
        ({"symbol": "ACME", "date": "0001-01-01"}, ""),
        ({"symbol": "A B", "date": "9999-12-31"}, "is not a symbol"),
        ({"symbol": "A B", "date": "2024-01-02"}, "is not a symbol"),
        ({"symbol": "NOSUCH", "date": "2024-01-02"}, "is not tracked yet"),
    ],
)
def test_says_why_no_close_is_suggested(
    as_alice: Client, query: dict[str, str], sentence: str
) -> None:
    assert sentence in as_alice.get("/portfolios/close/", query).json()["problem"]
