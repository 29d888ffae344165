"""The list of symbols: sorting, the figures of its rows, and a constant number of queries."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from prices import services
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.series import Facts
from prices.models import TrackedSymbol
from tests.support.admin_pages import (
    SYMBOLS,
    listed,
    open_list,
    track_several,
)
from tests.support.builders import NOW, WEEK, tracked
from tests.support.counting import counting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

# By the order of the list's columns, as the address counts them: the box to select is the 0th.
SYMBOL, STATE, COVERAGE, AGE, GAPS, LAST, FIRST, UPDATED, READS, MARKET = (
    1,
    2,
    3,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
)


class TestSorting:
    @pytest.mark.parametrize(
        ("column", "ascending", "descending"),
        [
            (SYMBOL, "GONE HOLED NEW OLD WHOLE", "WHOLE OLD NEW HOLED GONE"),
            # HOLED has 4 of 5 sessions, OLD 3 of 5, GONE 3 of 4; NEW is unknown and always last.
            (COVERAGE, "OLD GONE HOLED WHOLE NEW", "WHOLE HOLED GONE OLD NEW"),
            (AGE, "HOLED WHOLE GONE OLD NEW", "OLD GONE HOLED WHOLE NEW"),
            (GAPS, "GONE OLD WHOLE HOLED NEW", "HOLED GONE OLD WHOLE NEW"),
            (LAST, "OLD GONE HOLED WHOLE NEW", "HOLED WHOLE GONE OLD NEW"),
            (FIRST, "HOLED OLD WHOLE GONE NEW", "GONE HOLED OLD WHOLE NEW"),
            (UPDATED, "GONE OLD HOLED WHOLE NEW", "WHOLE HOLED OLD GONE NEW"),
            (READS, "GONE NEW OLD WHOLE HOLED", "HOLED WHOLE OLD GONE NEW"),
            # The order is fresh, suspended, no history, failing.
            (STATE, "HOLED WHOLE GONE NEW OLD", "OLD NEW GONE HOLED WHOLE"),
            (MARKET, "HOLED GONE NEW OLD WHOLE", "GONE NEW OLD WHOLE HOLED"),
        ],
    )
    def test_sorts_by_each_column_in_both_directions(
        self, admin_client: Client, column: int, ascending: str, descending: str
    ) -> None:
        track_several()

        assert listed(admin_client, f"?o={column}") == ascending.split()
        assert listed(admin_client, f"?o=-{column}") == descending.split()

    def test_sorts_by_several_columns(self, admin_client: Client) -> None:
        track_several()

        assert listed(admin_client, f"?o={GAPS}.-{READS}") == [
            "WHOLE",
            "OLD",
            "GONE",
            "HOLED",
            "NEW",
        ]

    def test_sorts_across_pages(self, admin_client: Client) -> None:
        TrackedSymbol.objects.bulk_create(
            TrackedSymbol(symbol=f"S{n:03}", reads=n) for n in range(120)
        )

        assert listed(admin_client, f"?o=-{READS}&p=2")[:2] == ["S069", "S068"]
        assert len(listed(admin_client, f"?o=-{READS}&p=3")) == 20
        assert listed(admin_client, f"?o=-{READS}&p=99")[0] == "S119"


class TestRows:
    def test_shows_coverage_state_and_reason(self, admin_client: Client) -> None:
        track_several()

        page = open_list(admin_client, "?q=OLD")

        assert "Acme Corporation" in page
        assert "60 %" in page
        assert "> failing <" in page
        assert "Yahoo says no, 2 sessions behind, last bar 2026-06-04" in page
        assert "3 closes, +7.1 %" in page

    def test_escapes_markup_in_an_error(self, admin_client: Client) -> None:
        tracked(last_error="<script>alert(1)</script>")

        page = open_list(admin_client)

        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page

    def test_opens_without_mongodb_and_explains_it(
        self, admin_client: Client, no_store: None
    ) -> None:
        tracked()
        tracked("OTHER", reads=3)

        page = open_list(admin_client)

        assert "Acme Corporation" in page
        assert "The store does not answer" in page
        assert "MongoDB does not answer" in page
        assert listed(admin_client, f"?o=-{READS}&state=fresh") == ["OTHER", "ACME"]

    def test_requires_signing_in(self, client: Client) -> None:
        assert client.get(SYMBOLS).status_code == 302


class TestCost:
    def test_needs_as_many_queries_for_many_symbols_as_for_few(self, admin_client: Client) -> None:
        query = f"?o=-{COVERAGE}&state=fresh"
        _generate(20)
        open_list(admin_client, query)
        few = _asked(admin_client, query)
        _generate(2_000)
        open_list(admin_client, query)  # The first request loads what changed.

        many = _asked(admin_client, query)

        assert many == few
        assert many[1].count("aggregate") == 1
        assert len(many[1]) <= 6
        assert len(listed(admin_client, query)) == 50


def _asked(client: Client, query: str) -> tuple[int, list[str]]:
    with CaptureQueriesContext(connection) as statements, counting() as work:
        open_list(client, query)
    return len(statements), [name for name in work.commands if name != "getMore"]


def _generate(count: int) -> None:
    """Tracks symbols with a week each; manifests and bars are written in bulk."""
    have = TrackedSymbol.objects.count()
    names = [f"S{n:05}" for n in range(have, count)]
    TrackedSymbol.objects.bulk_create(
        TrackedSymbol(symbol=name, mic="XNYS", market="US", last_update=NOW) for name in names
    )
    db, bars = services.database(), BarSeries.from_rows(WEEK)
    if not have:
        services.bars().replace(SeriesKey(names[0]), None, bars, Facts(source="yahoo"), now=NOW)
        names = names[1:]
    model = db["series"].find_one({"symbol": "S00000"})
    assert model is not None
    copies = [
        {
            **model,
            "_id": f"{name}|1d",
            "symbol": name,
            "bars_key": f"{name}|1d|{model['generation']}",
        }
        for name in names
    ]
    db["series"].insert_many(copies)
    days = list(db["bars"].find({"m": model["bars_key"]}, {"_id": 0}))
    db["bars"].insert_many([{**bar, "m": copy["bars_key"]} for copy in copies for bar in days])
