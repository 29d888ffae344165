"""Entries: what a transaction says, free of any database, and the rules it has to keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from prices.domain.bars import InvalidSymbol
from prices.domain.markets import MARKETS, MINOR_CURRENCIES, UnknownMarket, major_currency, resolve

Day = date


class EntryKind(StrEnum):
    """What was done. A split is none of them: it comes from the store."""

    BUY = "buy"
    SELL = "sell"
    DIVIDEND = "dividend"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    FEE = "fee"


TRADES = (EntryKind.BUY, EntryKind.SELL)
# Within a day: money comes in first and goes out last, so a booking's number decides nothing.
_ORDER = (
    EntryKind.DEPOSIT,
    EntryKind.BUY,
    EntryKind.DIVIDEND,
    EntryKind.FEE,
    EntryKind.SELL,
    EntryKind.WITHDRAWAL,
)

# ISO 4217's currencies that money is held in, and the units that exchanges quote in.
_ISO = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
CAD CDF CHF CLP CNH CNY COP CRC CUP CVE CZK DEM DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP FRF GBP
GEL GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK ITL JMD JOD JPY KES KGS
KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
MXN MYR MZN NAD NGN NIO NLG NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR
SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
USD UYU UZS VES VND VUV WST XAF XAG XAU XCD XOF XPF YER ZAR ZMW
"""
CURRENCIES = frozenset(_ISO.split())
FIRST_DATE = date(1970, 1, 1)
# More is a typing error.
_MOST = Decimal(10) ** 12
PLACES = 8
# SQLite keeps numbers as float64, which tells so many digits exactly.
DIGITS = 15
MOST_NOTE = 500


class InvalidEntry(ValueError):
    """What a user gave cannot be booked; `field` names the part, the message says what to do."""

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction. Quantities and prices are as traded; all money is in `currency`.

    A buy or sell has `quantity` and `price` and no `amount`, every other kind the reverse.
    """

    kind: EntryKind
    date: Day
    symbol: str
    quantity: Decimal | None
    price: Decimal | None
    amount: Decimal | None
    currency: str
    fees: Decimal = Decimal(0)
    note: str = ""

    @property
    def gross(self) -> Decimal:
        """Money moved before fees, in `currency`."""
        if self.quantity is not None and self.price is not None:
            return self.quantity * self.price
        return self.amount or Decimal(0)

    @property
    def order(self) -> tuple[Day, int]:
        return self.date, _ORDER.index(self.kind)

    def __str__(self) -> str:
        what = f" {plain(self.quantity)}" if self.quantity is not None else ""
        return f"{self.kind}{what}{' ' if self.symbol else ''}{self.symbol} of {self.date}"


def plain(value: Decimal) -> str:
    """A decimal without an exponent and without trailing zeros: 10.5, 1000."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def checked_currency(text: str, *, field: str = "currency") -> str:
    """A currency, or a unit of one such as GBp. :raises InvalidEntry:"""
    code = text.strip()
    if code in MINOR_CURRENCIES:
        return code
    if code.upper() in CURRENCIES:
        return code.upper()
    raise InvalidEntry(
        field,
        f"“{text}” is no currency that is known here: use a code such as USD, EUR or GBP, "
        f"or a unit of one: {', '.join(MINOR_CURRENCIES)}.",
    )


def checked_base(text: str) -> str:
    """A currency to count a portfolio in. :raises InvalidEntry:"""
    code = checked_currency(text, field="base_currency")
    major, units = major_currency(code)
    if units != 1:
        raise InvalidEntry("base_currency", f"{code} is a part of {major}: choose {major}.")
    return code


def checked(
    *,
    kind: str,
    when: date | None,
    symbol: str = "",
    market: str = "",
    quantity: Decimal | None = None,
    price: Decimal | None = None,
    amount: Decimal | None = None,
    currency: str = "",
    fees: Decimal | None = None,
    note: str = "",
    now: datetime,
) -> Entry:
    """An entry that keeps the rules that need no other entry.

    :raises InvalidEntry: with a sentence for users, for the first rule that is broken.
    """
    known = _kind(kind)
    trade = known in TRADES
    if trade:
        _refuse(amount=amount)
    else:
        _refuse(quantity=quantity, price=price)
    canonical, usual = _symbol(known, symbol, market)
    return Entry(
        kind=known,
        date=_date(when, now),
        symbol=canonical,
        quantity=_positive("quantity", quantity, known) if trade else None,
        price=_not_negative("price", price, known) if trade else None,
        amount=None if trade else _positive("amount", amount, known),
        currency=checked_currency(currency or usual),
        fees=_not_negative("fees", fees or Decimal(0), known),
        note=_note(note),
    )


def _kind(text: str) -> EntryKind:
    word = text.strip().lower()
    if word == "split":
        raise InvalidEntry(
            "kind", "A split is no transaction: splits are known from the price history."
        )
    try:
        return EntryKind(word)
    except ValueError:
        raise InvalidEntry("kind", f"“{text}” is none of {', '.join(EntryKind)}.") from None


def _symbol(kind: EntryKind, text: str, market: str) -> tuple[str, str]:
    """The canonical symbol, and the currency that its market trades in."""
    if kind in (EntryKind.DEPOSIT, EntryKind.WITHDRAWAL):
        if text.strip():
            raise InvalidEntry("symbol", f"A {kind} has no symbol: leave it empty.")
        return "", ""
    if not text.strip():
        if kind is EntryKind.FEE:
            return "", ""
        raise InvalidEntry("symbol", f"A {kind} needs a symbol, as in AAPL or VOD.L.")
    try:
        canonical, known = resolve(text, market)
    except InvalidSymbol as error:
        raise InvalidEntry("symbol", str(error)) from None
    except UnknownMarket as error:
        raise InvalidEntry("market", str(error)) from None
    if known is MARKETS["FX"] or known is MARKETS["INDEX"]:
        raise InvalidEntry(
            "symbol", f"{canonical} is {_WHAT[known.name]}, which a portfolio cannot hold."
        )
    return canonical, known.currency if known else ""


_WHAT = {"FX": "an exchange rate", "INDEX": "an index"}


def _date(when: date | None, now: datetime) -> date:
    if when is None:
        raise InvalidEntry("date", "A date is needed, as in 2024-12-31.")
    # The day may have begun already where the user is.
    if when > (now.astimezone(UTC) + timedelta(hours=14)).date():
        raise InvalidEntry("date", f"{when} lies in the future.")
    if when < FIRST_DATE:
        raise InvalidEntry("date", f"{when} lies before {FIRST_DATE}, the first day counted.")
    return when


def _positive(field: str, value: Decimal | None, kind: EntryKind) -> Decimal:
    if value is None:
        raise InvalidEntry(field, f"A {kind} needs {_ARTICLE[field]} {field}.")
    if not value.is_finite() or value <= 0:
        raise InvalidEntry(field, f"The {field} must be more than 0.")
    return _sane(field, value)


def _not_negative(field: str, value: Decimal | None, kind: EntryKind) -> Decimal:
    if value is None:
        raise InvalidEntry(field, f"A {kind} needs {_ARTICLE[field]} {field}.")
    if not value.is_finite() or value < 0:
        raise InvalidEntry(field, f"The {field} must not be negative.")
    return _sane(field, value)


_ARTICLE = {"quantity": "a", "price": "a", "amount": "an", "fees": "some"}


def _sane(field: str, value: Decimal) -> Decimal:
    if value >= _MOST:
        raise InvalidEntry(field, f"The {field} is too large: less than a million million, please.")
    if value != round(value, PLACES):
        raise InvalidEntry(field, f"The {field} has more than eight digits behind the point.")
    if len(value.normalize().as_tuple().digits) > DIGITS:
        raise InvalidEntry(field, f"The {field} has more than {DIGITS} digits: please round it.")
    return value


def _refuse(**values: Decimal | None) -> None:
    for field, value in values.items():
        if value is not None:
            given = "quantity and price say" if field == "amount" else "the amount says"
            raise InvalidEntry(field, f"Here {given} it all: leave the {field} empty.")


def _note(text: str) -> str:
    note = text.strip().replace("\r\n", "\n").replace("\x00", "")
    if len(note) > MOST_NOTE:
        raise InvalidEntry("note", f"The note is too long: {MOST_NOTE} characters at most.")
    return note


def as_fields(entry: Entry) -> Mapping[str, object]:
    """The entry by the names of the table's columns."""
    return {name: getattr(entry, name) for name in FIELDS}


FIELDS = tuple(Entry.__dataclass_fields__)
