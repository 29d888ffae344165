"""Files of transactions: three tools' formats, what is wrong in them, and there and back again."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from portfolio.domain.entries import Entry, EntryKind
from portfolio.exchange.csv_reader import Parsed, parsed
from portfolio.exchange.csv_writer import written
from portfolio.exchange.text_files import Unreadable, day, decimal_sign, number
from portfolio.models import Portfolio, Transaction
from tests.support.portfolio_builders import NOW, buy, entry


def read(text: str | bytes) -> Parsed:
    content = text.encode() if isinstance(text, str) else text
    return parsed(content, usual=lambda symbol, market: "USD", now=NOW)


def entries(text: str | bytes) -> list[Entry]:
    found = read(text)
    assert found.faults == []
    return [line.entry for line in found.lines]


def faults(text: str | bytes) -> list[tuple[int, str]]:
    return [(fault.line, fault.text) for fault in read(text).faults]


HEAD = "kind,date,symbol,quantity,price,amount,currency,fees,note\n"


class TestOwn:
    def test_every_kind(self) -> None:
        text = (
            HEAD
            + "buy,2026-06-01,acme,10.5,20.25,,USD,1,first\n"
            + "deposit,2026-06-01,,,,1000,EUR,,\n"
            + "dividend,2026-06-02,ACME,,,2.5,USD,0.25,\n"
        )

        assert entries(text) == [
            buy("2026-06-01", "ACME", "10.5", "20.25", fees="1", note="first"),
            entry("deposit", "2026-06-01", amount="1000", currency="EUR"),
            entry("dividend", "2026-06-02", "ACME", amount="2.5", fees="0.25"),
        ]

    def test_as_a_spreadsheet_of_the_continent_saves_it(self) -> None:
        """Semicolons, decimal commas, a BOM, dates with points, CRLF, a line `sep=;`."""
        text = (
            "\ufeffsep=;\r\nKind;Date;Symbol;Quantity;Price;Currency\r\n"
            "buy;01.06.2026;ACME;1.234,5;20,25;USD\r\n"
        )

        assert entries(text) == [buy("2026-06-01", "ACME", "1234.5", "20.25")]
        assert entries(text.encode("utf-16")) == [buy("2026-06-01", "ACME", "1234.5", "20.25")]

    def test_quoted_newlines_do_not_shift_the_numbers_of_lines(self) -> None:
        text = HEAD + 'fee,2026-06-01,,,,1,USD,,"two\nlines"\n\nfee,soon,,,,1,USD,,\n'

        found = read(text)

        assert found.lines[0].entry.note == "two\nlines"
        assert [fault.line for fault in found.faults] == [5]

    def test_every_wrong_line_is_named(self) -> None:
        text = (
            HEAD
            + "buy,2026-06-01,ACME,ten,20,,USD,,\n"
            + "buy,2026-06-01,ACME,-1,20,,USD,,\n"
            + "give,2026-06-01,ACME,1,20,,USD,,\n"
            + "fee,2026-06-01,,,,1,USD,,a,b\n"
        )

        assert faults(text) == [
            (2, "quantity: “ten” is not a number."),
            (3, "The quantity must be more than 0."),
            (4, "“give” is none of buy, sell, dividend, deposit, withdrawal, fee."),
            (5, "It has 10 columns, but the header only 9: put texts with commas in quotes."),
        ]

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"", "The file is empty."),
            (b"\n\n", "The file is empty."),
            (HEAD.encode(), "There is no transaction in the file."),
            (b"a,b\n1,2\n", "The first line does not name the columns of a known format."),
            (b"\x89PNG\r\n\x1a\n\x00\x00", "This is no text file"),
            (b'kind,date\n"fee,2026-06-01\n', "perhaps quotes do not match"),
            (b"x" * 5_000_001, "The file is larger than 5 MB"),
            (b"kind,date\n" + b"fee,2026-06-01\n" * 20_001, "more than 20,000 lines"),
        ],
    )
    def test_a_file_that_is_none(self, content: bytes, sentence: str) -> None:
        assert sentence in faults(content)[0][1]


class TestNumbers:
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
    def test_as_people_write_them(self, text: str, sign: str, value: str) -> None:
        assert number(text, sign) == Decimal(value)

    def test_what_could_be_two_numbers_is_not_guessed(self) -> None:
        with pytest.raises(Unreadable, match=r"“1.234” could be 1234, or 1 and a fraction"):
            number("1.234", "")

    @pytest.mark.parametrize("text", ["1e5", "1..2", "ten", "1,2,3.4.5", "NaN", "Infinity"])
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(Unreadable):
            number(text, ".")

    def test_the_other_numbers_of_a_file_tell(self) -> None:
        assert decimal_sign(["1.234", "0,5"], ";") == ","
        assert decimal_sign(["1,234", "0.5"], ",") == "."
        assert decimal_sign(["1.234.567", "1.234"], ";") == ","
        assert decimal_sign(["1.234", "7"], ";") == ""

    def test_dates(self) -> None:
        for text in ("2026-06-01", "01.06.2026", "01-06-2026", "01/06/2026", "2026-06-01T10:00"):
            assert day(text) == date(2026, 6, 1)
        with pytest.raises(Unreadable, match="“June” is not a date"):
            day("June")


class TestOtherTools:
    def test_ghostfolio(self) -> None:
        """Its columns and its spelling of dates; a dividend is price by quantity."""
        text = (
            "Date,Code,DataSource,Currency,Price,Quantity,Action,Fee,Note\n"
            "01-06-2026,Account Opening Fee,MANUAL,USD,0,0,fee,49,\n"
            "02-06-2026,MSFT,YAHOO,USD,298.580,5,buy,19.00,first\n"
            "03/06/2026,MSFT,YAHOO,USD,0.62,5,dividend,0.00,\n"
            "20260604,MSFT,YAHOO,USD,300,2,sell,1,\n"
            "05-06-2026,House,MANUAL,USD,500000,1,buy,0,\n"
            "05-06-2026,Savings,MANUAL,USD,5,1,interest,0,\n"
        )

        found = read(text)

        assert (found.format, found.faults, found.left_out) == ("Ghostfolio", [], 2)
        assert [line.entry for line in found.lines] == [
            entry("fee", "2026-06-01", amount="49", note="Account Opening Fee"),
            buy("2026-06-02", "MSFT", "5", "298.58", fees="19", note="first"),
            entry("dividend", "2026-06-03", "MSFT", amount="3.1"),
            entry("sell", "2026-06-04", "MSFT", quantity="2", price="300", fees="1"),
        ]
        assert found.notes == [
            "Line 6 is left out: House is priced by hand there, and has no symbol.",
            "Line 7 is left out: “interest” is not kept here.",
        ]

    def test_ghostfolios_own_export(self) -> None:
        """JSON; what has no market has a made-up symbol, whose name stands elsewhere."""
        made_up = "14a69cb9-1e31-43fa-b320-83703d8ed74b"
        common: dict[str, object] = {
            "currency": "USD",
            "comment": None,
            "accountId": None,
            "tags": [],
        }
        told = {
            "meta": {"version": "dev"},
            "assetProfiles": [{"symbol": made_up, "name": "Account Opening Fee"}],
            "activities": [
                {
                    **common,
                    "type": "FEE",
                    "fee": 49,
                    "quantity": 0,
                    "unitPrice": 0,
                    "dataSource": "MANUAL",
                    "date": "2026-06-01T00:00:00.000Z",
                    "symbol": made_up,
                },
                {
                    **common,
                    "type": "BUY",
                    "fee": 19,
                    "quantity": 1.234,
                    "unitPrice": 298.58,
                    "dataSource": "YAHOO",
                    "date": "2026-06-02T00:00:00.000Z",
                    "symbol": "MSFT",
                    "comment": "first",
                },
            ],
        }

        assert entries(json.dumps(told)) == [
            entry("fee", "2026-06-01", amount="49", note="Account Opening Fee"),
            buy("2026-06-02", "MSFT", "1.234", "298.58", fees="19", note="first"),
        ]

    @pytest.mark.parametrize("text", ["{", "{}", '{"activities": 5}', '{"activities": [5]}'])
    def test_other_json(self, text: str) -> None:
        assert "is no export of Ghostfolio" in faults(text)[0][1]

    def test_a_number_that_would_fill_the_memory(self) -> None:
        text = '{"activities": [{"fee": 1e999999999}]}'

        assert faults(text) == [(0, "1E+999999999 is too large, or too small, for an amount.")]

    ENGLISH = (
        "Date,Ex-Date,Type,Value,Transaction Currency,Gross Amount,Currency Gross Amount,"
        "Exchange Rate,Fees,Taxes,Shares,ISIN,WKN,Ticker Symbol,Security Name,Note\n"
        '2026-06-01T00:00,,Deposit,"1,500.00",USD,,,,,,,,,,,\n'
        '2026-06-02T00:00,,Buy,"-1,010.00",USD,,,,8.00,2.00,10,US0378331005,,AAPL,Apple,\n'
        "2026-06-03T00:00,,Dividend,8.50,USD,,,,,1.50,10,US0378331005,,AAPL,Apple,\n"
        "2026-06-04T00:00,,Sell,545.00,USD,,,,5.00,,5,US0378331005,,AAPL,Apple,\n"
        "2026-06-05T00:00,,Removal,-100.00,USD,,,,,,,,,,,\n"
        "2026-06-05T00:00,,Taxes,-3.00,USD,,,,,,,,,,,\n"
        "2026-06-05T00:00,,Interest,1.00,USD,,,,,,,,,,,\n"
    )
    GERMAN = (
        "Datum;Ex-Tag;Typ;Wert;Buchungswährung;Bruttobetrag;Währung Bruttobetrag;Wechselkurs;"
        "Gebühren;Steuern;Stück;ISIN;WKN;Ticker-Symbol;Wertpapiername;Notiz\n"
        "2026-06-01T00:00;;Einlage;1.500,00;USD;;;;;;;;;;;\n"
        "2026-06-02T00:00;;Kauf;-1.010,00;USD;;;;8,00;2,00;10;US0378331005;;AAPL;Apple;\n"
        "2026-06-03T00:00;;Dividende;8,50;USD;;;;;1,50;10;US0378331005;;AAPL;Apple;\n"
        "2026-06-04T00:00;;Verkauf;545,00;USD;;;;5,00;;5;US0378331005;;AAPL;Apple;\n"
        "2026-06-05T00:00;;Entnahme;-100,00;USD;;;;;;;;;;;\n"
        "2026-06-05T00:00;;Steuern;-3,00;USD;;;;;;;;;;;\n"
        "2026-06-05T00:00;;Zinsen;1,00;USD;;;;;;;;;;;\n"
    )

    @pytest.mark.parametrize("text", [ENGLISH, GERMAN])
    def test_portfolio_performance(self, text: str) -> None:
        """Its value holds fees and taxes: 1,010 - 10 = 10 x 100; 545 + 5 = 5 x 110."""
        found = read(text)

        assert (found.format, found.faults) == ("Portfolio Performance", [])
        assert [line.entry for line in found.lines] == [
            entry("deposit", "2026-06-01", amount="1500"),
            buy("2026-06-02", "AAPL", "10", "100", fees="10"),
            entry("dividend", "2026-06-03", "AAPL", amount="10", fees="1.5"),
            entry("sell", "2026-06-04", "AAPL", quantity="5", price="110", fees="5"),
            entry("withdrawal", "2026-06-05", amount="100"),
            entry("fee", "2026-06-05", amount="3"),
        ]
        assert found.left_out == 1

    def test_what_has_to_be_reckoned_is_rounded_to_what_can_be_kept(self) -> None:
        """A dividend of 12.345678 x 0.2475; a price of 30,000,000 / 7."""
        ghostfolio = (
            "Date,Code,DataSource,Currency,Price,Quantity,Action,Fee,Note\n"
            "2026-06-03,MSFT,YAHOO,USD,0.2475,12.345678,dividend,0,\n"
        )
        performance = (
            "Date,Type,Value,Transaction Currency,Fees,Taxes,Shares,Ticker Symbol\n"
            "2026-06-02,Buy,30000000.00,USD,,,7,BTC-USD\n"
        )

        assert entries(ghostfolio)[0].amount == Decimal("3.0555553")
        assert entries(performance)[0].price == Decimal("4285714.28571429")

    def test_a_sum_that_cannot_be_is_a_fault(self) -> None:
        text = (
            "Date,Type,Value,Transaction Currency,Fees,Taxes,Shares,Ticker Symbol\n"
            f"2026-06-02,Buy,{'9' * 40},USD,,,7,BTC-USD\n"
        )

        assert "The price is too large" in faults(text)[0][1]

    def test_a_security_without_ticker_is_named(self) -> None:
        text = self.ENGLISH.replace(",AAPL,", ",,")

        assert faults(text)[0] == (
            3,
            "Apple has no ticker symbol: enter it in Portfolio Performance first.",
        )


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
def test_what_is_written_reads_back_the_same(told: list[Entry]) -> None:
    assert entries(written(told)) == told


@given(st.binary(max_size=300))
def test_no_file_is_a_crash(content: bytes) -> None:
    read(content)
    read(HEAD.encode() + content)
    read(b'{"activities": [{' + content)


@pytest.mark.django_db
@pytest.mark.usefixtures("store")
class TestDoors:
    TEXT = HEAD + "buy,2026-06-02,ACME,10,21,,USD,0,\nsell,2026-06-05,ACME,20,12,,USD,0,\n"

    def send(self, client: Client, portfolio: Portfolio, text: str, query: str = "") -> Any:
        file = SimpleUploadedFile("t.csv", text.encode())
        return client.post(f"/portfolio/{portfolio.pk}/import{query}", {"file": file})

    def test_a_preview_books_nothing(self, as_alice: Client, savings: Portfolio, acme: str) -> None:
        answer = self.send(as_alice, savings, self.TEXT, "?preview=true")

        body = answer.json()
        assert (body["ok"], body["booked"], body["format"]) == (True, 0, "price cache")
        assert [line["line"] for line in body["lines"]] == [2, 3]
        assert not Transaction.objects.exists()

    def test_all_or_nothing(self, as_alice: Client, savings: Portfolio, acme: str) -> None:
        """20 are held after the split: 21 cannot be sold, and then nothing is bought either."""
        answer = self.send(as_alice, savings, self.TEXT.replace(",20,12", ",21,12"))

        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"].startswith(
            "Nothing was booked. Line 3: 21 ACME cannot be sold on 2026-06-05: 20 were held"
        )
        assert not Transaction.objects.exists()

    def test_booked_and_written_and_booked_again(
        self, as_alice: Client, savings: Portfolio, acme: str
    ) -> None:
        assert self.send(as_alice, savings, self.TEXT).json()["booked"] == 2
        exported = as_alice.get(f"/portfolio/{savings.pk}/export")
        assert exported["Content-Type"] == "text/csv; charset=utf-8"
        other = Portfolio.objects.create(owner=savings.owner, name="Copy", base_currency="USD")

        path = f"/portfolio/{other.pk}/import"
        answer = as_alice.post(path, exported.content, content_type="text/csv")

        assert answer.json()["booked"] == 2
        copied = as_alice.get(f"/portfolio/{other.pk}/export")
        assert copied.content == exported.content

    def test_duplicates_are_named_and_skipped_only_if_asked(
        self, as_alice: Client, savings: Portfolio, acme: str
    ) -> None:
        self.send(as_alice, savings, self.TEXT)
        more = self.TEXT + "fee,2026-06-05,,,,1,USD,0,\n"

        refused = self.send(as_alice, savings, more)
        skipped = self.send(as_alice, savings, more, "?duplicates=skip")

        assert [fault["line"] for fault in refused.json()["errors"]] == [2, 3]
        assert "is booked already" in refused.json()["detail"]
        assert (skipped.json()["booked"], skipped.json()["skipped"]) == (1, 2)
        assert Transaction.objects.count() == 3

    def test_new_symbols_are_tracked(self, as_alice: Client, savings: Portfolio) -> None:
        answer = self.send(as_alice, savings, HEAD + "buy,2026-06-02,NEW,1,1,,USD,,\n")

        assert answer.json()["tracked"] == ["NEW"]

    def test_no_file(self, as_alice: Client, savings: Portfolio) -> None:
        answer = as_alice.post(f"/portfolio/{savings.pk}/import", {})

        assert answer.status_code == 400
        assert "form field “file”" in answer.json()["detail"]

    def test_wrong_kind_of_body(self, as_alice: Client, savings: Portfolio) -> None:
        answer = as_alice.post(
            f"/portfolio/{savings.pk}/import", "{}", content_type="application/json"
        )

        assert answer.status_code == 415
