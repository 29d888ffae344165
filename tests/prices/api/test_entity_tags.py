"""The entity tag of a history, and the rendered histories that are kept in memory."""

from datetime import timedelta

import pytest
from django.test import Client

from prices import services
from prices.api import bodies
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.quotes import Quote
from prices.models import TrackedSymbol
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.outages import away

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store", "fixed_now")]

PATH = "/cache/historical/ACME?days=365"


CHANGES = ("bars", "quote", "name", "exchange", "stale", "suspended", "range", "basis")


def change_answer(change: str) -> str:
    """Changes something that an answer for the path depends on, or returns another path."""
    if change == "bars":
        base = services.bars().manifest(SeriesKey("ACME"))
        assert base is not None
        services.bars().replace(base.key, base, BarSeries.from_rows(WEEK), base.facts, now=NOW)
    elif change == "quote":
        services.quotes().put([Quote("ACME", 12.5, NOW, NOW, "REGULAR")])
    elif change == "name":
        TrackedSymbol.objects.update(name="Acme Inc.")
    elif change == "exchange":
        TrackedSymbol.objects.update(mic="BVMF")  # was closed on 4 June
    elif change == "stale":
        away(NOW - timedelta(hours=1))
    elif change == "suspended":
        TrackedSymbol.objects.update(active=False, suspended_reason="delisted")
    elif change == "range":
        return "/cache/historical/ACME?days=6"
    else:
        return f"{PATH}&adjust=all"
    return PATH


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
    def test_matches_however_it_is_sent(self, client: Client, sent: str, status: int) -> None:
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

    @pytest.mark.parametrize("change", CHANGES)
    def test_changes_with_whatever_the_answer_holds(self, client: Client, change: str) -> None:
        tracked()
        published(rows=WEEK[:4])
        before, path = self.tag(client), change_answer(change)

        assert self.tag(client, path) != before

    def test_that_is_outdated_gets_the_new_bars(self, client: Client) -> None:
        tracked()
        published()

        answer = client.get(PATH, headers={"If-None-Match": 'W/"of old"'})

        assert answer.status_code == 200
        assert answer.json()["count"] == 5


class TestRenderedHistory:
    @pytest.mark.parametrize("encoding", ["identity", "gzip"])
    @pytest.mark.parametrize("change", CHANGES)
    def test_is_not_sent_after_a_change(self, client: Client, change: str, encoding: str) -> None:
        tracked()
        published(rows=WEEK[:4])
        headers = {"Accept-Encoding": encoding}
        before = client.get(PATH, headers=headers)
        path = change_answer(change)

        after = client.get(path, headers=headers)

        assert after.content != before.content
        services.forget()
        assert client.get(path, headers=headers).content == after.content

    @pytest.mark.parametrize("encoding", ["identity", "gzip"])
    def test_is_sent_again_as_it_was(
        self, client: Client, encoding: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tracked()
        published()
        monkeypatch.setattr("prices.web.middleware._MIN_BYTES", 100)
        headers = {"Accept-Encoding": encoding}
        first = client.get(PATH, headers=headers)

        with monkeypatch.context() as patch:
            patch.setattr("prices.api.bodies.history_body", None)
            again = client.get(PATH, headers=headers)

        assert (again.content, again.headers) == (first.content, first.headers)
        assert ("Content-Encoding" in again.headers) is (encoding == "gzip")
        # A client that accepts another encoding gets another body.
        other = client.get(PATH, headers={"Accept-Encoding": {"gzip": "br"}.get(encoding, "gzip")})
        assert other.content != first.content

    def test_is_not_that_of_another_symbol(self, client: Client) -> None:
        tracked()
        tracked("OTHER")
        published()
        published("OTHER")

        for symbol in ("ACME", "OTHER", "ACME", "other"):
            body = client.get(f"/cache/historical/{symbol}").json()
            assert (body["symbol"], body["renamed_from"]) == (symbol.upper(), None)

    def test_counts_as_a_read(self, client: Client) -> None:
        tracked()
        published()
        for _ in range(3):
            client.get(PATH)

        services.usage().flush(now=NOW)

        assert TrackedSymbol.objects.get().reads == 3

    def test_takes_a_limited_number_of_bytes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bodies, "MAX_CACHE_BYTES", 30_000)
        cache = bodies.HistoryCache()
        small = bodies.RenderedHistory("v1", "ACME", 1, b"x" * 9_500, is_gzipped=False)
        for name in ("first", "second", "third"):
            cache.keep(name, small)

        cache.keep("too large", small._replace(content=b"x" * 30_000))

        kept = {name: cache.get(name) for name in ("first", "second", "third", "too large")}
        assert kept == {"first": None, "second": small, "third": small, "too large": None}
