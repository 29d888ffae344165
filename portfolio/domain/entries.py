"""Portfolio entries: validated transactions, independent of the database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from prices.domain.bars import InvalidSymbol
from prices.domain.markets import MARKETS, MINOR_CURRENCIES, UnknownMarket, major_currency, resolve
from prices.domain.wording import quoted

Day = date


class EntryKind(StrEnum):
    """Kind of a transaction. Splits are not entered: they come from the price history."""

    BUY = "buy"
    SELL = "sell"
    DIVIDEND = "dividend"
    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    FEE = "fee"


TRADES = (EntryKind.BUY, EntryKind.SELL)
WITHOUT_SYMBOL = (EntryKind.DEPOSIT, EntryKind.WITHDRAWAL)
# Order within a day: money comes in first and goes out last, so that the order in which
# transactions were recorded does not matter.
_ORDER = ("deposit", "buy", "dividend", "fee", "sell", "withdrawal")

# The currencies of ISO 4217 that money is held in.
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
# A larger number is a typing error.
_MAX_NUMBER = Decimal(10) ** 12
MAX_PLACES = 8
# SQLite stores numbers as float64, which represents 15 decimal digits exactly.
MAX_DIGITS = 15
MAX_NOTE_LENGTH = 500


class InvalidEntry(ValueError):
    """User input that cannot be booked: `field` is the input field, the message is for users."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
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
        """Sort key of the order in which entries take effect."""
        return self.date, _ORDER.index(self.kind)

    def __str__(self) -> str:
        quantity = "" if self.quantity is None else format_decimal(self.quantity)
        return " ".join(filter(None, (self.kind, quantity, self.symbol, f"of {self.date}")))


FIELDS = tuple(Entry.__dataclass_fields__)


def entry_fields(entry: Entry) -> Mapping[str, object]:
    """Returns the entry's values by field name, which are also the column names of the table."""
    return {name: getattr(entry, name) for name in FIELDS}


def by_symbol(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Returns the entries of each symbol, in their order, without those that have no symbol."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.symbol:
            found.setdefault(entry.symbol, []).append(entry)
    return found


def format_decimal(value: Decimal) -> str:
    """Formats a decimal without exponent and trailing zeros: 10.5, 1000."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def text_fields(entry: Entry) -> dict[str, Any]:
    """Returns the entry's values by field name; decimals are exact text."""
    return {
        name: format_decimal(value) if isinstance(value, Decimal) else value
        for name, value in entry_fields(entry).items()
    }


def validate_currency(text: str, *, field: str = "currency") -> str:
    """Returns the code of a currency, or of a unit such as GBp.

    :raises InvalidEntry: the code is not known.
    """
    code = text.strip()
    if code in MINOR_CURRENCIES:
        return code
    if code.upper() in CURRENCIES:
        return code.upper()
    raise InvalidEntry(
        field,
        f"{quoted(text)} is not a known currency. Use a code such as USD, EUR or GBP, or a unit: "
        f"{', '.join(MINOR_CURRENCIES)}.",
    )


def validate_base_currency(text: str) -> str:
    """Returns the code of a currency that a portfolio can be valued in; no unit such as GBp.

    :raises InvalidEntry:
    """
    code = validate_currency(text, field="base_currency")
    major, units = major_currency(code)
    if units != 1:
        raise InvalidEntry("base_currency", f"{code} is a unit of {major}. Choose {major}.")
    return code


def validate_entry(
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
    """Builds an entry from user input and checks every rule that needs no other entry.

    :raises InvalidEntry: for the first rule that is broken.
    """
    entry_kind = _parse_kind(kind)
    is_trade = entry_kind in TRADES
    unused = {"amount": amount} if is_trade else {"quantity": quantity, "price": price}
    for field, value in unused.items():
        if value is not None:
            used = "a quantity and a price" if is_trade else "an amount"
            raise InvalidEntry(field, f"A {entry_kind} has {used}. Leave the {field} empty.")
    canonical, market_currency = _resolve_symbol(entry_kind, symbol, market)
    return Entry(
        kind=entry_kind,
        date=_validate_date(when, now),
        symbol=canonical,
        quantity=_validate_number("quantity", quantity, entry_kind) if is_trade else None,
        price=_validate_number("price", price, entry_kind, allow_zero=True) if is_trade else None,
        amount=None if is_trade else _validate_number("amount", amount, entry_kind),
        currency=validate_currency(currency or market_currency),
        fees=_validate_number("fees", fees or Decimal(0), entry_kind, allow_zero=True),
        note=_validate_note(note),
    )


def _parse_kind(text: str) -> EntryKind:
    word = text.strip().lower()
    if word == "split":
        raise InvalidEntry(
            "kind", "A split is not a transaction. Splits come from the price history."
        )
    try:
        return EntryKind(word)
    except ValueError:
        raise InvalidEntry(
            "kind",
            f"{quoted(text)} is not a kind of transaction. Use one of {', '.join(EntryKind)}.",
        ) from None


def _resolve_symbol(kind: EntryKind, text: str, market: str) -> tuple[str, str]:
    """Returns the canonical symbol and its market's currency; empty where there is none."""
    if not text.strip():
        if kind not in WITHOUT_SYMBOL and kind is not EntryKind.FEE:
            raise InvalidEntry("symbol", f"A {kind} needs a symbol such as AAPL or VOD.L.")
        return "", ""
    if kind in WITHOUT_SYMBOL:
        raise InvalidEntry("symbol", f"A {kind} has no symbol. Leave it empty.")
    try:
        canonical, resolved = resolve(text, market)
    except InvalidSymbol as error:
        raise InvalidEntry("symbol", str(error)) from None
    except UnknownMarket as error:
        raise InvalidEntry("market", str(error)) from None
    if resolved in (MARKETS["FX"], MARKETS["INDEX"]):
        what = "an index" if resolved is MARKETS["INDEX"] else "an exchange rate"
        raise InvalidEntry("symbol", f"{canonical} is {what}. A portfolio cannot hold it.")
    return canonical, resolved.currency if resolved else ""


def _validate_date(when: date | None, now: datetime) -> date:
    if when is None:
        raise InvalidEntry("date", "Enter a date such as 2024-12-31.")
    # The day may have begun already in the user's time zone.
    if when > (now.astimezone(UTC) + timedelta(hours=14)).date():
        raise InvalidEntry("date", f"{when} is in the future.")
    if when < FIRST_DATE:
        raise InvalidEntry("date", f"{when} is before {FIRST_DATE}, the first date supported.")
    return when


def _validate_number(
    field: str, value: Decimal | None, kind: EntryKind, *, allow_zero: bool = False
) -> Decimal:
    """Returns a number that can be stored exactly: above 0, or from 0 if `allow_zero`."""
    if value is None:
        raise InvalidEntry(field, f"A {kind} needs {'an' if field == 'amount' else 'a'} {field}.")
    if not value.is_finite() or value < 0 or (value == 0 and not allow_zero):
        rule = "not be negative" if allow_zero else "be greater than 0"
        raise InvalidEntry(field, f"The {field} must {rule}.")
    if value >= _MAX_NUMBER:
        raise InvalidEntry(field, f"The {field} is too large. It must be below {_MAX_NUMBER:,}.")
    if value != round(value, MAX_PLACES):
        raise InvalidEntry(field, f"The {field} has more than {MAX_PLACES} decimal places.")
    if len(value.normalize().as_tuple().digits) > MAX_DIGITS:
        raise InvalidEntry(field, f"The {field} has more than {MAX_DIGITS} digits. Round it.")
    return value


def _validate_note(text: str) -> str:
    note = text.strip().replace("\r\n", "\n").replace("\x00", "")
    if len(note) > MAX_NOTE_LENGTH:
        raise InvalidEntry("note", f"The note is longer than {MAX_NOTE_LENGTH} characters.")
    return note
