"""JSON is gzipped when the client accepts it, and pages have a Content-Security-Policy."""

import gzip
from datetime import date, timedelta

import pytest
from django.test import Client

from tests.support.builders import published, tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

PATH = "/cache/historical/ACME"


@pytest.fixture(autouse=True)
def _acme() -> None:
    tracked()
    days = (date(2026, 1, 5) + timedelta(days=n) for n in range(60))
    published(rows=tuple((day, 10.0, 11.0, 9.0, 10.5, 1_000) for day in days))


class TestCompression:
    def test_decompresses_to_the_plain_response(self, client: Client) -> None:
        plain, packed = client.get(PATH), client.get(PATH, headers={"Accept-Encoding": "br, gzip"})

        assert packed.headers["Content-Encoding"] == "gzip"
        assert int(packed.headers["Content-Length"]) == len(packed.content) < len(plain.content) / 5
        assert gzip.decompress(packed.content) == plain.content
        assert packed.headers["ETag"] == plain.headers["ETag"]

    @pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0, br"])
    def test_needs_a_client_that_accepts_gzip(self, client: Client, accepted: str) -> None:
        answer = client.get(PATH, headers={"Accept-Encoding": accepted})

        assert "Content-Encoding" not in answer.headers
        assert answer.json()["count"] == 60

    def test_varies_by_accept_encoding_even_for_304(self, client: Client) -> None:
        first = client.get(PATH)
        again = client.get(PATH, headers={"If-None-Match": first.headers["ETag"]})

        assert again.status_code == 304
        assert "Accept-Encoding" in first.headers["Vary"]
        assert "Accept-Encoding" in again.headers["Vary"]

    def test_skips_what_fits_into_one_packet(self, client: Client) -> None:
        answer = client.get("/cache/historical/NOBODY", headers={"Accept-Encoding": "gzip"})

        assert answer.status_code == 404
        assert "Content-Encoding" not in answer.headers
        assert "NOBODY is not tracked" in answer.json()["detail"]

    def test_leaves_pages_alone(self, client: Client) -> None:
        answer = client.get("/admin/login/", headers={"Accept-Encoding": "gzip"})

        assert "Content-Encoding" not in answer.headers


def test_pages_have_a_policy_and_bars_have_none(client: Client) -> None:
    assert "default-src 'none'" in client.get("/admin/login/")["Content-Security-Policy"]
    assert "Content-Security-Policy" not in client.get("/cache/historical/NOSUCH")
