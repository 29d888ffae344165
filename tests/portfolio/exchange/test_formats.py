"""Exports of other tools."""

import json
from decimal import Decimal

import pytest

from tests.support.portfolio_builders import buy, entry
from tests.support.portfolio_files import read, read_entries, read_errors

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


def test_reads_ghostfolio() -> None:
    """Its columns and date formats; a dividend is price times quantity."""
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

    assert (found.format, found.errors, found.left_out) == ("Ghostfolio", [], 2)
    assert [line.entry for line in found.lines] == [
        entry("fee", "2026-06-01", amount="49", note="Account Opening Fee"),
        buy("2026-06-02", "MSFT", "5", "298.58", fees="19", note="first"),
        entry("dividend", "2026-06-03", "MSFT", amount="3.1"),
        entry("sell", "2026-06-04", "MSFT", quantity="2", price="300", fees="1"),
    ]
    assert found.notes == [
        "Line 6 is left out: House has no symbol, because its prices are entered by hand.",
        "Line 7 is left out: transactions of the kind “interest” are not supported.",
    ]


@pytest.mark.parametrize("text", [ENGLISH, GERMAN])
def test_reads_portfolio_performance(text: str) -> None:
    """The value includes fees and taxes: 1,010 - 10 = 10 x 100; 545 + 5 = 5 x 110."""
    found = read(text)

    assert (found.format, found.errors) == ("Portfolio Performance", [])
    assert [line.entry for line in found.lines] == [
        entry("deposit", "2026-06-01", amount="1500"),
        buy("2026-06-02", "AAPL", "10", "100", fees="10"),
        entry("dividend", "2026-06-03", "AAPL", amount="10", fees="1.5"),
        entry("sell", "2026-06-04", "AAPL", quantity="5", price="110", fees="5"),
        entry("withdrawal", "2026-06-05", amount="100"),
        entry("fee", "2026-06-05", amount="3"),
    ]
    assert found.left_out == 1


def test_rounds_computed_numbers_to_the_digits_stored() -> None:
    """A dividend of 12.345678 x 0.2475; a price of 30,000,000 / 7."""
    ghostfolio = (
        "Date,Code,DataSource,Currency,Price,Quantity,Action,Fee,Note\n"
        "2026-06-03,MSFT,YAHOO,USD,0.2475,12.345678,dividend,0,\n"
    )
    performance = (
        "Date,Type,Value,Transaction Currency,Fees,Taxes,Shares,Ticker Symbol\n"
        "2026-06-02,Buy,30000000.00,USD,,,7,BTC-USD\n"
    )

    assert read_entries(ghostfolio)[0].amount == Decimal("3.0555553")
    assert read_entries(performance)[0].price == Decimal("4285714.28571429")


def test_reports_an_impossible_sum() -> None:
    text = (
        "Date,Type,Value,Transaction Currency,Fees,Taxes,Shares,Ticker Symbol\n"
        f"2026-06-02,Buy,{'9' * 40},USD,,,7,BTC-USD\n"
    )

    assert "The price is too large" in read_errors(text)[0][1]


def test_reports_a_security_without_ticker() -> None:
    text = ENGLISH.replace(",AAPL,", ",,")

    assert read_errors(text)[0] == (
        3,
        "Apple has no ticker symbol. Enter it in Portfolio Performance first.",
    )


def test_reads_an_export() -> None:
    """An item without a market has a made-up symbol; its name is in the profiles."""
    made_up = "14a69cb9-1e31-43fa-b320-83703d8ed74b"
    common: dict[str, object] = {"currency": "USD", "comment": None, "tags": []}
    export = {
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

    assert read_entries(json.dumps(export)) == [
        entry("fee", "2026-06-01", amount="49", note="Account Opening Fee"),
        buy("2026-06-02", "MSFT", "1.234", "298.58", fees="19", note="first"),
    ]


@pytest.mark.parametrize("text", ["{", "{}", '{"activities": 5}', '{"activities": [5]}'])
def test_refuses_other_json(text: str) -> None:
    assert "is not an export of Ghostfolio" in read_errors(text)[0][1]


def test_refuses_a_number_that_would_fill_the_memory() -> None:
    text = '{"activities": [{"fee": 1e999999999}]}'

    assert read_errors(text) == [(0, "1E+999999999 is too large or too small for an amount.")]
