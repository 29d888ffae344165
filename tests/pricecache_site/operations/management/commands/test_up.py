"""`manage.py up`: its options and what it prints; `tests/system` runs it."""

import argparse

import pytest
from django.core.management import CommandError

from pricecache_site.operations.management.commands import up


class TestPort:
    def test_returns_the_number(self):
        assert up.port("8080") == 8080

    @pytest.mark.parametrize("text", ["0", "65536", "-1", "80.5", ""])
    def test_rejects_what_is_not_a_port(self, text):
        with pytest.raises(argparse.ArgumentTypeError, match="is not a port"):
            up.port(text)


class TestWithoutPassword:
    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("mongodb://ada:s3cret@h:1/?a=b", "mongodb://ada:…@h:1/?a=b"),
            ("http://h:1", "http://h:1"),
        ],
    )
    def test_hides_the_password(self, url, shown):
        assert up.without_password(url) == shown


class TestSelectRoles:
    @pytest.mark.parametrize(
        ("embedded", "only", "selected"),
        [
            (True, None, ["mongod", "cluster", "web"]),
            (True, ["web", "mongod"], ["mongod", "web"]),
            (False, None, ["cluster", "web"]),
            (False, ["cluster", "mongod"], ["cluster"]),
        ],
    )
    def test_leaves_out_the_embedded_mongodb_beside_an_external_one(
        self, settings, embedded, only, selected
    ):
        settings.MONGODB_EMBEDDED = embedded

        assert up._select_roles(only) == selected

    def test_refuses_the_embedded_mongodb_alone_beside_an_external_one(self, settings):
        settings.MONGODB_EMBEDDED = False

        with pytest.raises(CommandError, match="unset it"):
            up._select_roles(["mongod"])


def test_the_summary_names_the_version_and_hides_passwords(settings) -> None:
    settings.YAHOO_PROXY = "http://ada:s3cret@proxy:1"

    summary = up._summarize(["web"], 1.23)

    assert summary.startswith(f"Price cache {settings.VERSION} is up after 1.2 s.\n")
    assert "through http://ada:…@proxy:1" in summary
