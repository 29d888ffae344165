"""Reads our own format, reports every wrong line, and reads back what is written."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain.entries import Entry, EntryKind
from portfolio.exchange.transaction_files import write_csv
from tests.support.portfolio_builders import NOW, buy, entry
from tests.support.portfolio_files import HEADER, read, read_entries, read_errors


def test_reads_every_kind() -> None:
    text = (
        HEADER
        + "buy,2026-06-01,acme,10.5,20.25,,USD,1,first\n"
        + "deposit,2026-06-01,,,,1000,EUR,,\n"
        + "dividend,2026-06-02,ACME,,,2.5,USD,0.25,\n"
    )

    assert read_entries(text) == [
        buy("2026-06-01", "ACME", "10.5", "20.25", fees="1", note="first"),
        entry("deposit", "2026-06-01", amount="1000", currency="EUR"),
        entry("dividend", "2026-06-02", "ACME", amount="2.5", fees="0.25"),
    ]


def test_reads_what_a_european_spreadsheet_saves() -> None:
    """Semicolons, decimal commas, a BOM, dates with points, CRLF, a line `sep=;`."""
    text = (
        "\ufeffsep=;\r\nKind;Date;Symbol;Quantity;Price;Currency\r\n"
        "buy;01.06.2026;ACME;1.234,5;20,25;USD\r\n"
    )

    assert read_entries(text) == [buy("2026-06-01", "ACME", "1234.5", "20.25")]
    assert read_entries(text.encode("utf-16")) == [buy("2026-06-01", "ACME", "1234.5", "20.25")]


def test_quoted_newlines_do_not_shift_line_numbers() -> None:
    text = HEADER + 'fee,2026-06-01,,,,1,USD,,"two\nlines"\n\nfee,soon,,,,1,USD,,\n'

    found = read(text)

    assert found.lines[0].entry.note == "two\nlines"
    assert [error.line for error in found.errors] == [5]


def test_reports_every_wrong_line() -> None:
    text = (
        HEADER
        + "buy,2026-06-01,ACME,ten,20,,USD,,\n"
        + "buy,2026-06-01,ACME,-1,20,,USD,,\n"
        + "give,2026-06-01,ACME,1,20,,USD,,\n"
        + "fee,2026-06-01,,,,1,USD,,a,b\n"
    )

    assert read_errors(text) == [
        (2, "quantity: “ten” is not a number."),
        (3, "The quantity must be greater than 0."),
        (
            4,
            "“give” is not a kind of transaction. Use one of buy, sell, dividend, deposit, withdrawal, fee.",
        ),
        (5, "The line has 10 columns, but the header has 9. Put quotes around texts with commas."),
    ]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\n\n", "The file is empty."),
        (HEADER.encode(), "There is no transaction in the file."),
        (b"a,b\n1,2\n", "The first line is not the header of a known format"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "The file is not a text file"),
        (b'kind,date\n"fee,2026-06-01\n', "Check that quotes are closed"),
        (b"x" * 5_000_001, "The file is larger than 5 MB"),
        (b"kind,date\n" + b"fee,2026-06-01\n" * 20_001, "more than 20,000 lines"),
    ],
)
def test_reports_an_unreadable_file(content: bytes, sentence: str) -> None:
    assert sentence in read_errors(content)[0][1]


@given(st.binary(max_size=300))
def test_never_raises(content: bytes) -> None:
    read(content)
    read(HEADER.encode() + content)
    read(b'{"activities": [{' + content)


_positive = st.decimals(min_value="0.00000001", max_value="9999999", places=8, allow_nan=False)


_notes = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40).map(str.strip)


_days = st.dates(date(1970, 1, 1), NOW.date())


@st.composite
def booked(draw: st.DrawFn) -> Entry:
    kind = draw(st.sampled_from(list(EntryKind)))
    trade = kind in (EntryKind.BUY, EntryKind.SELL)
    has_symbol = kind not in (EntryKind.DEPOSIT, EntryKind.WITHDRAWAL, EntryKind.FEE)
    return Entry(
        kind=kind,
        date=draw(_days),
        symbol=draw(st.sampled_from(["AAPL", "VOD.L", "BTC-USD"])) if has_symbol else "",
        quantity=draw(_positive) if trade else None,
        price=draw(_positive) if trade else None,
        amount=None if trade else draw(_positive),
        currency=draw(st.sampled_from(["USD", "GBp", "EUR"])),
        fees=draw(st.decimals("0", "999999", places=8)),
        note=draw(_notes),
    )


@given(st.lists(booked(), min_size=1, max_size=20))
def test_written_entries_read_back_the_same(given_entries: list[Entry]) -> None:
    assert read_entries(write_csv(given_entries)) == given_entries
