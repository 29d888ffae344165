"""No text of an exported table is a formula, and each can be read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prices.domain.spreadsheets import escape_formulas, unescape_formulas


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("'=1+1", "''=1+1"),  # so that it reads back the same
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1+1", "'\uff1d1+1"),  # as wide as a Chinese character
        ("\t=1+1", "\t'=1+1"),
        ("a;=1+1", "a;'=1+1"),  # a program that splits at semicolons opens a cell here
        ("a\t =1+1", "a\t '=1+1"),
        ("a\n=1+1", "a\n'=1+1"),
        ("a\r=1+1", "a\r'=1+1"),
        ("rock 'n' roll, 1 = 1, -5 %", "rock 'n' roll, 1 = 1, -5 %"),
        (";" * 100_000, ";" * 100_000),
        (";" + " " * 100_000, ";" + " " * 100_000),
        ("'" * 100_000, "'" * 100_000),
    ],
    ids=lambda text: repr(text)[:20],
)
def test_escapes_what_would_be_a_formula(text: str, written: str) -> None:
    assert escape_formulas(text) == written
    assert unescape_formulas(written) == text


@given(st.text(st.sampled_from("=+-@'\"\uff1d;, \t\r\na")))
def test_reads_every_text_back(text: str) -> None:
    assert unescape_formulas(escape_formulas(text)) == text
