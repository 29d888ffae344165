"""Numbers and dates as different programs write them."""

from datetime import date
from decimal import Decimal

import pytest

from portfolio.exchange.text_files import Unreadable, detect_decimal_sign, parse_date, parse_number


@pytest.mark.parametrize(
    ("text", "sign", "value"),
    [
        ("1234.5", ".", "1234.5"),
        ("1.234,5", ",", "1234.5"),
        ("1,234.5", ".", "1234.5"),
        ("1'234.50", ".", "1234.50"),
        ("1 234,50", ",", "1234.50"),
        ("1\u00a0234", "", "1234"),
        ("-5", "", "-5"),
        (".5", ".", "0.5"),
    ],
)
def test_parses_numbers_of_many_countries(text: str, sign: str, value: str) -> None:
    assert parse_number(text, sign) == Decimal(value)


def test_refuses_an_ambiguous_number() -> None:
    with pytest.raises(
        Unreadable, match=r"“1.234” is ambiguous: it could be 1234, or 1 and a fraction"
    ):
        parse_number("1.234", "")


@pytest.mark.parametrize("text", ["1e5", "1..2", "ten", "1,2,3.4.5", "NaN", "Infinity"])
def test_refuses_what_is_not_a_number(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_number(text, ".")


def test_detects_the_decimal_sign_from_all_numbers() -> None:
    assert detect_decimal_sign(["1.234", "0,5"]) == ","
    assert detect_decimal_sign(["1,234", "0.5"]) == "."
    assert detect_decimal_sign(["1.234.567", "1.234"]) == ","
    assert detect_decimal_sign(["1.234", "7"]) == ""


def test_parses_dates_of_many_countries() -> None:
    for text in ("2026-06-01", "01.06.2026", "01-06-2026", "01/06/2026", "2026-06-01T10:00"):
        assert parse_date(text) == date(2026, 6, 1)
    with pytest.raises(Unreadable, match="“June” is not a date"):
        parse_date("June")
