"""The proxy and the certificates of provider traffic, which is all they are for."""

import os
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
import yfinance
from curl_cffi import requests as curl

from prices.providers import yahoo as yahoo_module
from prices.providers.base import Unavailable
from tests.support.against_yahoo import SATURDAY, Yahoo

PROXIES = ("http_proxy", "https_proxy", "all_proxy")


class _Elsewhere(BaseHTTPRequestHandler):
    """Some other service of the machine."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "9")
        self.end_headers()
        self.wfile.write(b"elsewhere")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


class TestProxy:
    def test_takes_what_goes_to_yahoo(self, yahoo: Yahoo) -> None:
        yahoo.history("AAPL")
        yahoo.provider.quotes(["AAPL"], now=SATURDAY)

        assert yahoo.asked("chart") >= 1
        assert yahoo.asked("quote") == 1

    def test_takes_nothing_else(
        self, yahoo: Yahoo, elsewhere: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in PROXIES:
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        yahoo.history("AAPL")
        yahoo.standin.clear_log()
        yahoo.standin.fault("refuse")  # A request that uses the proxy fails now.

        with urllib.request.urlopen(elsewhere, timeout=60) as answer:  # noqa: S310
            by_urllib = answer.read()
        with curl.Session() as session:
            by_curl = session.get(elsewhere, timeout=60).content

        assert by_urllib == by_curl == b"elsewhere"
        assert yahoo.standin.log == []

    def test_leaves_the_environment_alone(self, yahoo: Yahoo) -> None:
        yahoo.history("AAPL")

        assert not [name for name in os.environ if yahoo.standin.url in os.environ[name]]

    def test_that_is_away_is_an_outage(self, yahoo: Yahoo) -> None:
        network = yfinance.config.network
        network.proxy = "http://127.0.0.1:9"
        try:
            with pytest.raises(Unavailable, match="Yahoo"):
                yahoo.history("AAPL")
        finally:
            network.proxy = yahoo.standin.url


class TestCertificates:
    @pytest.mark.parametrize("name", ["CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_are_those_of_the_standard_variables(
        self, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        for other in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.delenv(other, raising=False)
        monkeypatch.setenv(name, str(tmp_path / "ca.pem"))

        assert yahoo_module._ca_bundle() == str(tmp_path / "ca.pem")

    def test_are_the_built_in_ones_without(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            monkeypatch.setenv(name, "")

        assert yahoo_module._ca_bundle() is True

    def test_that_are_not_trusted_are_an_outage(self, yahoo: Yahoo, tmp_path: Path) -> None:
        """A proxy that breaks into TLS, as in many companies."""
        other = tmp_path / "other.pem"
        other.write_bytes(_another_authority())
        session: Any = yahoo.provider._session
        trusted = session.verify
        session.verify = str(other)
        try:
            with pytest.raises(Unavailable, match="a certificate that is not trusted"):
                yahoo.history("AAPL")
        finally:
            session.verify = trusted


def _another_authority() -> bytes:
    authority: bytes = trustme.CA().cert_pem.bytes()
    return authority


class TestCacheFolder:
    def test_is_each_processes_own(self, yahoo: Yahoo, tmp_path: Path) -> None:
        """Shared ones end in "database is locked"; those of dead processes are swept."""
        dead, alive = tmp_path / "999999999", tmp_path / "1"
        dead.mkdir()
        alive.mkdir()
        manager = yfinance.cache._TzDBManager
        before = manager.get_location()
        try:
            yahoo_module._use_own_cache(tmp_path)

            assert not dead.exists()
            assert alive.exists()
            assert (tmp_path / str(os.getpid())).is_dir()
            assert manager.get_location() == str(tmp_path / str(os.getpid()))
        finally:
            yfinance.set_tz_cache_location(before)
