"""What a read of the API costs when it was read before, and when its answer is known already."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client, override_settings
from pytest_django import DjangoAssertNumQueries

from prices import services
from prices.domain.bars import SeriesKey
from prices.domain.quotes import Quote
from prices.models import TrackedSymbol
from prices.store.mongo import StoreUnavailable
from prices.store.series_cache import SeriesCache
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.work import counting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

PATH = "/cache/historical/ACME?days=365"


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def remembering() -> Iterator[None]:
    """As in production: what was seen a moment ago is believed."""
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

    def test_of_an_answer_that_is_known(
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


class TestTag:
    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            ('W/"{}"', 304),
            ('"{}"', 304),
            ('"other", W/"{}"', 304),
            ('"other","{}"', 304),
            ("*", 304),
            ("{}", 200),
            ('"other"', 200),
        ],
    )
    def test_is_known_however_it_is_sent(self, client: Client, sent: str, status: int) -> None:
        tracked()
        published()
        version = self.tag(client).removeprefix("W/").strip('"')

        answer = client.get(PATH, headers={"If-None-Match": sent.format(version)})

        assert answer.status_code == status

    def tag(self, client: Client, path: str = PATH) -> str:
        answer = client.get(path)
        assert answer.status_code == 200
        return str(answer["ETag"])

    def test_is_the_same_while_nothing_changes(self, client: Client) -> None:
        tracked()
        published()

        assert self.tag(client) == self.tag(client)
        assert self.tag(client).startswith('W/"')

    @pytest.mark.parametrize("change", ["bars", "quote", "name", "stale", "range", "basis"])
    def test_changes_with_whatever_the_answer_holds(self, client: Client, change: str) -> None:
        tracked()
        published(rows=WEEK[:4])
        before, path = self.tag(client), PATH
        if change == "bars":
            base = services.bars().manifest(SeriesKey("ACME"))
            assert base is not None
            services.bars().update_facts(base, base.facts)
        elif change == "quote":
            services.quotes().put([Quote("ACME", 12.5, NOW, NOW, "REGULAR")])
        elif change == "name":
            TrackedSymbol.objects.update(name="Acme Inc.")
        elif change == "stale":
            services.provider_log().record_failure("X", "no internet", NOW - timedelta(hours=1))
        elif change == "range":
            path = "/cache/historical/ACME?days=364"
        else:
            path = f"{PATH}&adjust=all"

        assert self.tag(client, path) != before

    def test_of_old_is_answered_with_the_new(self, client: Client) -> None:
        tracked()
        published()

        answer = client.get(PATH, headers={"If-None-Match": 'W/"of old"'})

        assert answer.status_code == 200
        assert answer.json()["count"] == 5


def test_bars_are_written_as_they_are_stored(client: Client) -> None:
    """Prices read back to the last bit, and volumes beyond 32 bits."""
    odd = (
        (WEEK[0][0], 0.1, 1e9, 0.000123456789, 0.30000000000000004, 3_000_000_000),
        (WEEK[1][0], 31.645, 32.0, 31.0, 31.645000457763672, 0),
    )
    tracked()
    published(rows=odd)

    rows = client.get("/cache/historical/ACME").json()["data"]

    assert [tuple(row.values())[1:] for row in rows] == [bar[1:] for bar in odd]
    assert [row["date"] for row in rows] == ["2026-06-02", "2026-06-03"]
    empty = client.get("/cache/historical/ACME?start=2020-01-01&end=2020-02-01").json()
    assert empty["data"] == []
