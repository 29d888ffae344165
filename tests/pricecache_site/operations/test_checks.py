"""The settings check: each wrong setting is named, and no password is shown."""

import pytest
from django.test import override_settings

from pricecache_site.operations.checks import settings_check


class TestCheck:
    @pytest.mark.parametrize(
        ("setting", "value", "identity"),
        [
            ("UNREADABLE", [("PRICECACHE_PORT", "http", "a whole number")], "prices.E000"),
            ("MONGODB_URI", "localhost:27017", "prices.E001"),
            ("MONGODB_URI", "mongodb://", "prices.E001"),
            ("MONGODB_URI", "mongodb://[::1", "prices.E001"),
            ("MONGODB_DATABASE", "a b/c", "prices.E010"),
            ("YAHOO_PROXY", "proxy:3128", "prices.E002"),
            ("YAHOO_PROXY", "http://[::1", "prices.E002"),
            ("YAHOO_PROXY", "http://proxy:99999", "prices.E002"),
            ("WEB_PORT", 0, "prices.E003"),
            ("WEB_WORKERS", 0, "prices.E004"),
            ("CLUSTER_WORKERS", 100_000, "prices.E004"),
            ("YAHOO_REQUESTS_PER_MINUTE", 0, "prices.E004"),
            ("YAHOO_BURST", 0, "prices.E004"),
            ("YAHOO_TIMEOUT_SECONDS", 0.0, "prices.E005"),
            ("HISTORY_YEARS", -1, "prices.E006"),
            ("HISTORY_YEARS", 10**9, "prices.E006"),
            ("SERIES_MEMORY_MB", -1, "prices.E011"),
            ("VERSION_TTL", -1.0, "prices.E012"),
            ("VERIFY_SAMPLE", -1, "prices.E009"),
            ("MONGOD_CACHE_GB", 0.1, "prices.E007"),
            ("PRICES_PROVIDER", "prices.providers.nowhere.Provider", "prices.E008"),
            ("PRICES_PROVIDER", "..nowhere", "prices.E008"),
            ("PRICES_PROVIDER", "os.path", "prices.E008"),
        ],
    )
    def test_names_a_wrong_setting(self, setting: str, value: object, identity: str) -> None:
        with override_settings(**{setting: value}):
            found = settings_check(None)

        assert [message.id for message in found] == [identity]
        assert found[0].hint

    def test_shows_no_password(self) -> None:
        wrong = {"MONGODB_URI": "mongo://u:secret@h", "YAHOO_PROXY": "http://u:secret@"}
        with override_settings(**wrong):
            found = settings_check(None)

        assert len(found) == 2
        assert "secret" not in str(found)

    def test_is_silent_when_all_is_well(self) -> None:
        assert settings_check(None) == []
