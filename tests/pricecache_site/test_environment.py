"""Reading settings from the environment, and recording values that are unusable."""

import pytest

from pricecache_site import environment


@pytest.fixture(autouse=True)
def unreadable(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    monkeypatch.setattr(environment, "UNREADABLE", found)
    return found


class TestText:
    @pytest.mark.parametrize("value", ["", "  "])
    def test_returns_the_default_for_a_blank_value(self, monkeypatch, value):
        monkeypatch.setenv("X", value)

        assert environment.text("X", "var") == "var"

    @pytest.mark.parametrize("value", ["$ecret", " blanks ", "a,b"])
    def test_returns_the_value_unchanged(self, monkeypatch, value):
        monkeypatch.setenv("X", value)

        assert environment.text("X") == value


class TestRead:
    @pytest.mark.parametrize(
        ("value", "default", "parsed"),
        [("7", 1, 7), (" 7 ", 1, 7), ("0.5", 1.0, 0.5), ("On", False, True), ("", 3, 3)],
    )
    def test_returns_the_type_of_the_default(self, monkeypatch, value, default, parsed):
        monkeypatch.setenv("X", value)

        assert environment.read("X", default) == parsed

    @pytest.mark.parametrize(
        ("value", "default", "expected"),
        [
            ("many", 1, "a whole number"),
            ("1.5", 1, "a whole number"),
            ("9" * 5_000, 1, "a whole number"),
            ("9" * 400, 1, "a whole number"),
            ("nan", 1.0, "a number"),
            ("inf", 1.0, "a number"),
            ("maybe", True, "true or false"),
        ],
    )
    def test_records_an_unusable_value(self, monkeypatch, unreadable, value, default, expected):
        monkeypatch.setenv("X", value)

        assert environment.read("X", default) == default
        assert unreadable == [("X", value, expected)]


class TestNames:
    def test_splits_the_value_at_commas(self, monkeypatch):
        monkeypatch.setenv("X", "a.example, b.example,")

        assert environment.names("X", ["localhost"]) == ["a.example", "b.example"]

    def test_returns_the_default_for_an_empty_value(self, monkeypatch):
        monkeypatch.setenv("X", "")

        assert environment.names("X", ["localhost"]) == ["localhost"]


class TestTimeZone:
    def test_returns_an_existing_zone(self, monkeypatch, unreadable):
        monkeypatch.setenv("X", " Europe/Berlin ")

        assert environment.time_zone("X", "UTC") == "Europe/Berlin"
        assert unreadable == []

    @pytest.mark.parametrize("value", ["Mars/Base", "America", "../UTC"])
    def test_records_an_unknown_zone(self, monkeypatch, unreadable, value):
        monkeypatch.setenv("X", value)

        assert environment.time_zone("X", "UTC") == "UTC"
        assert unreadable == [("X", value, "a time zone, as in Europe/Berlin")]


class TestLogLevel:
    def test_ignores_the_case(self, monkeypatch):
        monkeypatch.setenv("X", "debug")

        assert environment.log_level("X", "INFO") == "DEBUG"

    def test_records_an_unknown_level(self, monkeypatch, unreadable):
        monkeypatch.setenv("X", "loud")

        assert environment.log_level("X", "INFO") == "INFO"
        assert unreadable[0][:2] == ("X", "LOUD")
