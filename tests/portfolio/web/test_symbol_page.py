"""The page of a symbol suggests a stored close, or says why there is none."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.support.builders import published, tracked

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


@pytest.mark.parametrize(
    ("source", "sentence", "absent"),
    [
        ("yahoo", "Last confirmed by the provider 3\u00a0hours ago.", "sample"),
        (
            "sample",
            "They are the sample&#x27;s, which the provider has not replaced yet.",
            "Last confirmed by the provider",
        ),
    ],
)
def test_says_who_confirmed_the_bars(
    as_alice: Client, source: str, sentence: str, absent: str
) -> None:
    tracked()
    age = timedelta(hours=3) if source == "yahoo" else timedelta(days=13 * 365)
    published(source=source, fetched_at=timezone.now() - age)

    page = as_alice.get("/portfolios/symbols/ACME/").content.decode()

    assert sentence in page
    assert absent not in page
