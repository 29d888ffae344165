"""Wording of counts and times."""

from datetime import datetime

from prices.domain.wording import plural, stamp


class TestPlural:
    def test_adds_an_s_except_for_one(self) -> None:
        assert plural(0, "symbol") == "0 symbols"
        assert plural(1, "symbol") == "1 symbol"
        assert plural(2_000, "symbol") == "2,000 symbols"


class TestStamp:
    def test_is_in_utc(self) -> None:
        assert stamp(datetime.fromisoformat("2026-11-23T23:05:59+02:00")) == "2026-11-23 21:05 UTC"
