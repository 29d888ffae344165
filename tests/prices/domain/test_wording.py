"""Wording of counts and times."""

from datetime import datetime

import pytest

from prices.domain.wording import name_some, plural, stamp


class TestPlural:
    def test_adds_an_s_except_for_one(self) -> None:
        assert plural(0, "symbol") == "0 symbols"
        assert plural(1, "symbol") == "1 symbol"
        assert plural(2_000, "symbol") == "2,000 symbols"


class TestStamp:
    def test_is_in_utc(self) -> None:
        assert stamp(datetime.fromisoformat("2026-11-23T23:05:59+02:00")) == "2026-11-23 21:05 UTC"


@pytest.mark.parametrize(
    ("names", "text"),
    [(["A"], "A"), (["A", "B", "C"], "A, B, C"), (["A", "B", "C", "D"], "A, B, C and 1 more")],
)
def test_names_at_most_three(names: list[str], text: str) -> None:
    assert name_some(names) == text
