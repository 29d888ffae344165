"""Wording of counts and times."""

from datetime import datetime

import pytest

from prices.domain.wording import name_some, one_line, plural, quoted, stamp


class TestPlural:
    def test_adds_an_s_except_for_one(self) -> None:
        assert plural(0, "symbol") == "0 symbols"
        assert plural(1, "symbol") == "1 symbol"
        assert plural(2_000, "symbol") == "2,000 symbols"


class TestOneLine:
    def test_has_nothing_that_breaks_or_turns_a_line(self) -> None:
        assert one_line(" a\r\nb\x1b[2J\u202e\x00\ud800é ", 50) == "a  b [2J   é"

    def test_is_cut(self) -> None:
        assert one_line("x" * 10_000, 50) == "x" * 50


class TestQuoted:
    def test_shows_the_beginning(self) -> None:
        assert quoted("VOD.L") == "“VOD.L”"
        assert quoted("x" * 100_000) == f"“{'x' * 60}…”"


class TestStamp:
    def test_is_in_utc(self) -> None:
        assert stamp(datetime.fromisoformat("2026-11-23T23:05:59+02:00")) == "2026-11-23 21:05 UTC"


@pytest.mark.parametrize(
    ("names", "text"),
    [(["A"], "A"), (["A", "B", "C"], "A, B, C"), (["A", "B", "C", "D"], "A, B, C and 1 more")],
)
def test_names_at_most_three(names: list[str], text: str) -> None:
    assert name_some(names) == text
