"""Reads files of transactions in tests, in our own format and with USD as default currency."""

from portfolio.domain.entries import Entry
from portfolio.exchange.transaction_files import ParsedFile, parse_file
from tests.support.portfolio_builders import NOW

HEADER = "kind,date,symbol,quantity,price,amount,currency,fees,note\n"


def read(text: str | bytes) -> ParsedFile:
    content = text.encode() if isinstance(text, str) else text
    return parse_file(content, default_currency=lambda symbol, market: "USD", now=NOW)


def read_entries(text: str | bytes) -> list[Entry]:
    file = read(text)
    assert file.errors == []
    return [line.entry for line in file.lines]


def read_errors(text: str | bytes) -> list[tuple[int, str]]:
    return [(error.line, error.text) for error in read(text).errors]
