"""Files that we write read back to the same entries."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from portfolio.domain.entries import Entry, EntryKind
from portfolio.exchange.csv_writer import write_csv
from tests.support.portfolio_builders import NOW
from tests.support.portfolio_files import read_entries

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


@settings(deadline=None)
@given(st.lists(booked(), min_size=1, max_size=20))
def test_written_entries_read_back_the_same(given_entries: list[Entry]) -> None:
    assert read_entries(write_csv(given_entries)) == given_entries
