"""The page of a symbol shows its latest price, and suggests a stored close or says why not."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.support.builders import published, tracked
from tests.support.portfolio_api import quote_acme

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
    ("session", "shown", "hidden"),
    [
        ("2026-06-09", "$13.00", "close of"),
        ("2026-06-08", "$13.00", "close of"),
        ("2026-06-05", '$12.25</b> <span class="quiet small">close of 2026-06-08', "$13.00"),
    ],
)
def test_shows_the_newer_of_quote_and_close(
    as_alice: Client, acme: str, session: str, shown: str, hidden: str
) -> None:
    """The last close is 12.25 on 2026-06-08."""
    quote_acme(13.0, 12.25, session)

    page = as_alice.get(f"/portfolios/symbols/{acme}/").content.decode()

    assert shown in page
    assert hidden not in page


def test_shows_the_last_close_without_a_quote(as_alice: Client, acme: str) -> None:
    page = as_alice.get(f"/portfolios/symbols/{acme}/").content.decode()

    assert "$12.25</b>" in page


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
