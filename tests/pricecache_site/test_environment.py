"""What is read from the environment, and what becomes of what cannot be read."""

from __future__ import annotations

import pytest

from pricecache_site import environment


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    monkeypatch.setattr(environment, "UNREADABLE", found)
    return found


class TestText:
    @pytest.mark.parametrize("said", ["", "  "])
    def test_of_nothing_is_the_default(self, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
        monkeypatch.setenv("X", said)

        assert environment.text("X", "var") == "var"

    @pytest.mark.parametrize("said", ["$ecret", " blanks ", "a,b"])
    def test_is_left_as_it_is(self, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
        monkeypatch.setenv("X", said)

        assert environment.text("X") == said


class TestRead:
    @pytest.mark.parametrize(
        ("said", "default", "value"),
        [("7", 1, 7), (" 7 ", 1, 7), ("0.5", 1.0, 0.5), ("On", False, True), ("", 3, 3)],
    )
    def test_is_of_the_defaults_type(
        self, monkeypatch: pytest.MonkeyPatch, said: str, default: object, value: object
    ) -> None:
        monkeypatch.setenv("X", said)

        assert environment.read("X", default) == value

    @pytest.mark.parametrize(
        ("said", "default", "what"),
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
    def test_notes_what_cannot_be_read(
        self,
        monkeypatch: pytest.MonkeyPatch,
        noted: list[tuple[str, str, str]],
        said: str,
        default: object,
        what: str,
    ) -> None:
        monkeypatch.setenv("X", said)

        assert environment.read("X", default) == default
        assert noted == [("X", said, what)]


class TestNames:
    def test_stand_between_commas(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("X", "a.example, b.example,")

        assert environment.names("X", ["localhost"]) == ["a.example", "b.example"]

    def test_are_the_default_where_none_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("X", "")

        assert environment.names("X", ["localhost"]) == ["localhost"]


@pytest.mark.parametrize("said", ["Mars/Base", "America", "../UTC"])
def test_a_time_zone_that_there_is_not_is_noted(
    monkeypatch: pytest.MonkeyPatch, noted: list[tuple[str, str, str]], said: str
) -> None:
    monkeypatch.setenv("X", said)

    assert environment.time_zone("X", "UTC") == "UTC"
    assert noted == [("X", said, "a time zone, as in Europe/Berlin")]


def test_a_log_level_that_there_is_not_is_noted(
    monkeypatch: pytest.MonkeyPatch, noted: list[tuple[str, str, str]]
) -> None:
    monkeypatch.setenv("X", "loud")

    assert environment.log_level("X", "INFO") == "INFO"
    assert noted[0][:2] == ("X", "LOUD")
