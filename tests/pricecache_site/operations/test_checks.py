"""The settings check: each wrong setting is named, and no password is shown."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from pricecache_site.operations.checks import calendar_check, privacy_check, settings_check
from tests.support.builders import tracked


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


class TestCalendarCheck:
    """The library knows Riyadh's holidays to 2029-12-31."""

    @pytest.fixture
    def _clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = datetime(2029, 11, 15, 12, tzinfo=UTC)
        monkeypatch.setattr("pricecache_site.operations.checks.timezone.now", lambda: now)

    @pytest.mark.django_db
    @pytest.mark.usefixtures("_clock")
    def test_warns_of_a_calendar_in_use_that_ends_soon(self) -> None:
        tracked("2222.SR", mic="XSAU")

        (warning,) = calendar_check(None)

        assert (warning.id, warning.level) == ("prices.W002", 30)
        assert warning.msg == "The calendar of XSAU ends on 2029-12-31."
        assert str(warning.hint).startswith("Update exchange-calendars (pip install")

    @pytest.mark.django_db
    @pytest.mark.usefixtures("_clock")
    def test_is_silent_about_suspended_symbols_and_other_exchanges(self) -> None:
        tracked("2222.SR", mic="XSAU", active=False)
        tracked("ACME")
        tracked("FUND", mic="FUNDS")
        tracked("ODD", mic="")

        assert calendar_check(None) == []

    @pytest.mark.django_db
    @pytest.mark.usefixtures("_clock")
    def test_builds_no_calendar(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tracked("2222.SR", mic="XSAU")

        def fail(*_: object, **__: object) -> None:
            raise AssertionError("a calendar is built")

        monkeypatch.setattr("exchange_calendars.get_calendar", fail)

        assert len(calendar_check(None)) == 1

    def test_is_silent_without_a_database(self, tmp_path: Path) -> None:
        """`manage.py check` of a fresh installation creates no database."""
        folder = tmp_path / "var"
        done = subprocess.run(
            [sys.executable, "manage.py", "check"],
            cwd=settings.BASE_DIR,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "pricecache_site.settings",
                "PRICECACHE_DATA_DIR": str(folder),
            },
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert "W002" not in done.stderr
        assert not (folder / "pricecache.sqlite3").exists()


def test_warns_of_a_data_folder_that_others_can_enter(tmp_path):
    with override_settings(DATA_DIR=tmp_path):
        tmp_path.chmod(0o700)
        assert privacy_check(None) == []

        tmp_path.chmod(0o750)
        (warning,) = privacy_check(None)

    assert warning.id == "prices.W003"
    assert warning.hint == f"Take their rights away: chmod 700 {tmp_path}"
