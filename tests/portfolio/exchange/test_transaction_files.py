"""Reads our own format, reports every wrong line, and reads back what is written."""

import csv
import gzip
import io
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


def _activity(price: str, comment: str = "") -> bytes:
    """Returns an export of Ghostfolio with one purchase."""
    known = '"date": "2026-06-01", "symbol": "AAPL", "type": "BUY", "currency": "USD"'
    numbers = f'"quantity": 1, "fee": 0, "unitPrice": {price}'
    return f'{{"activities": [{{{known}, {numbers}, "comment": "{comment}"}}]}}'.encode()


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
        (b"kind,date\n" + b"\n" * 4_900_000, "more than 20,000 lines"),
        (b"kind,date" + b"," * 2_000_000, "Line 1 has 2,000,002 columns. At most 100 are read."),
        (b"kind,date\nfee" + b"," * 4_000_000, "Line 2 has 4,000,001 columns"),
        # Without a limit, each of the lines would be compared with all the columns.
        (b"kind,date" + b",x" * 99 + b"\n" + b"fee,2026-06-01\n" * 9, "Line 1 has 101 columns"),
        (b"kind,date\nfee," + b"1" * 4_000_000, "field larger than field limit"),
        (b'kind,date\n"' + b"never closed\n" * 300_000, "Check that quotes are closed"),
        (b"kind,date\nfee,2026-06-01\x00\n", "The file is not a text file"),
        ("kind,date\nfee,2026-06-01\n".encode("utf-16-le"), "The file is not a text file"),
        (b"\xff\xfe\x00\xd8", "The file is not a text file"),
        (gzip.compress(bytes(100_000_000)), "The file is not a text file"),
        (b"kind,date\n" + b"9" * 100_000 + b",2026-06-01\n", "is not a kind of transaction"),
        (b"kind,date\nfee," + b"9" * 100_000 + b"\n", "is not a date"),
        (b"kind,date,amount\nfee,2026-06-01," + b"9." * 50_000 + b"\n", "is too large"),
        (b"kind,date,symbol\nbuy,2026-06-01,A" + b" " * 100_000 + b"/\n", "is not a symbol"),
        (b'{"activities": ' + b"[" * 100_000, "the list “activities” is missing"),
        (b'{"activities": [' + b"{}," * 1_600_000 + b"{}]}", "more than 20,000 activities"),
        (_activity("1e999999"), "is too large or too small"),
        (_activity("1e99999999999999999999"), "a number with an impossible exponent"),
        (_activity("9" * 4_000_000), "is too large or too small"),
    ],
)
def test_reports_an_unreadable_file(content: bytes, sentence: str) -> None:
    """In a sentence, and before a user loses patience: most are made to take long."""
    [(_, text), *_] = read_errors(content)

    assert sentence in text
    assert len(text) < 500


def test_stores_no_lone_surrogates() -> None:
    """JSON can hold them, but neither a database nor an answer can."""
    found = read(_activity("1", r"\ud800 of JSON"))

    assert [line.entry.note for line in found.lines] == ["? of JSON"]


@given(st.binary(max_size=300))
def test_never_raises(content: bytes) -> None:
    read(content)
    read(HEADER.encode() + content)
    read(b'{"activities": [{' + content)


_positive = st.decimals(min_value="0.00000001", max_value="9999999", places=8, allow_nan=False)


_notes = st.one_of(
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40),
    st.text("=+-@'\"\uff1d;, \t\r\na", max_size=12),  # what means something to a spreadsheet
).map(lambda text: text.strip().replace("\r\n", "\n"))


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


def test_writes_no_formula() -> None:
    text = write_csv([entry("fee", "2026-06-01", amount="1", note="=1+1")])

    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert row["note"] == "'=1+1"
