"""Markets: their names, Yahoo's suffixes and exchange codes, exchanges (MIC) and currencies."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from prices.domain.bars import InvalidSymbol, parse_symbol
from prices.domain.wording import quoted


class UnknownMarket(ValueError):
    """The market is not in `MARKETS`; the message lists those that are."""


@dataclass(frozen=True, slots=True)
class Market:
    """A market as users name it.

    `mic` names the calendar of its exchange; None if it has no single one. `spell` turns a ticker
    into Yahoo's spelling without the suffix.
    """

    name: str
    title: str
    suffix: str
    mic: str | None
    currency: str
    spell: Callable[[str], str] = lambda ticker: ticker


ALWAYS_OPEN, WEEKDAYS = "24/7", "24/5"

# Preferred shares, as people write them in New York and Toronto: BAC.PRL, BCE.PR.A, ENB.PF.C.
_PREFERRED = re.compile(r"-P(R|F)-?([A-Z])$")
# Units and warrants: Yahoo spells them differently from the New York Stock Exchange.
_US_CLASSES = {"U": "UN", "WS": "WT"}


def _dashes(ticker: str) -> str:
    """Share classes have a dash: VOLV.B is VOLV-B, and BT.A is BT-A. BP. has only a dot."""
    return ticker.strip(".").replace(".", "-")


def _toronto(ticker: str) -> str:
    """BIP.UN is BIP-UN, BCE.PR.A is BCE-PA, and ENB.PF.C is ENB-PFC."""
    return _PREFERRED.sub(lambda m: f"-P{m[1].removeprefix('R')}{m[2]}", _dashes(ticker))


def _new_york(ticker: str) -> str:
    """BRK.B is BRK-B, BAC.PRL is BAC-PL, and XYZ.WS is XYZ-WT."""
    stem, dot, kind = ticker.rpartition(".")
    return _toronto(f"{stem}.{_US_CLASSES.get(kind, kind)}" if dot else ticker)


def _hong_kong(ticker: str) -> str:
    """5 and 00005 are 0005."""
    return ticker.lstrip("0").zfill(4) if ticker.isdigit() else ticker


def _crypto(ticker: str) -> str:
    return ticker if "-" in ticker else f"{ticker}-USD"


MARKETS: dict[str, Market] = {
    market.name: market
    for market in (
        Market("US", "United States", "", "XNYS", "USD", _new_york),
        Market("TASE", "Tel Aviv", ".TA", "XTAE", "ILA"),
        Market("LSE", "London", ".L", "XLON", "GBp", _dashes),
        Market("XETRA", "Xetra", ".DE", "XETR", "EUR"),
        Market("PAR", "Paris", ".PA", "XPAR", "EUR"),
        Market("AMS", "Amsterdam", ".AS", "XAMS", "EUR"),
        Market("BRU", "Brussels", ".BR", "XBRU", "EUR"),
        Market("LIS", "Lisbon", ".LS", "XLIS", "EUR"),
        Market("MIL", "Milan", ".MI", "XMIL", "EUR"),
        Market("MAD", "Madrid", ".MC", "XMAD", "EUR"),
        Market("VIE", "Vienna", ".VI", "XWBO", "EUR"),
        Market("HEL", "Helsinki", ".HE", "XHEL", "EUR", _dashes),
        Market("STO", "Stockholm", ".ST", "XSTO", "SEK", _dashes),
        Market("OSL", "Oslo", ".OL", "XOSL", "NOK", _dashes),
        Market("CPH", "Copenhagen", ".CO", "XCSE", "DKK", _dashes),
        Market("SIX", "Zurich", ".SW", "XSWX", "CHF"),
        Market("TSX", "Toronto", ".TO", "XTSE", "CAD", _toronto),
        Market("TSE", "Tokyo", ".T", "XTKS", "JPY"),
        Market("HKEX", "Hong Kong", ".HK", "XHKG", "HKD", _hong_kong),
        Market("ASX", "Australia", ".AX", "XASX", "AUD"),
        Market("NSE", "India (NSE)", ".NS", "XBOM", "INR", lambda t: t.removesuffix("-EQ")),
        Market("BSE", "India (BSE)", ".BO", "XBOM", "INR"),
        Market("KRX", "Korea", ".KS", "XKRX", "KRW", lambda t: t.zfill(6) if t.isdigit() else t),
        Market("JSE", "Johannesburg", ".JO", "XJSE", "ZAc"),
        Market("B3", "Brazil", ".SA", "BVMF", "BRL"),
        Market("CRYPTO", "Crypto", "", ALWAYS_OPEN, "USD", _crypto),
        Market("FX", "Currencies", "=X", WEEKDAYS, "", lambda t: t.removesuffix("=X") + "=X"),
        Market("INDEX", "Indices", "", None, "", lambda t: "^" + t.removeprefix("^")),
    )
}

# Calendars of exchange_calendars (MIC) and the codes that Yahoo uses as `exchangeName`. The
# sessions of other codes are unknown.
_EXCHANGES = {
    "XNYS": "NYQ ASE PCX PNK OQX OQB OEM OID BTS NMS NGM NCM NAS NYS SNP DJI NIM",
    "XTSE": "TOR VAN CNQ NEO TSI",
    "XLON": "LSE IOB FGI",
    "XFRA": "FRA",
    "XETR": "GER",
    "XDUS": "DUS",
    "XHAM": "HAM BER STU MUN HAN",
    "XPAR": "PAR",
    "XAMS": "AMS",
    "XBRU": "BRU",
    "XLIS": "LIS",
    "XMIL": "MIL",
    "XMAD": "MCE",
    "XWBO": "VIE",
    "XSTO": "STO",
    "XHEL": "HEL",
    "XCSE": "CPH",
    "XOSL": "OSL",
    "XSWX": "EBS",
    "XWAR": "WSE",
    "XPRA": "PRA",
    "XBUD": "BUD",
    "ASEX": "ATH",
    "XDUB": "ISE",
    "XICE": "ICE",
    "XBSE": "BVB",
    "XTKS": "JPX OSA",
    "XHKG": "HKG HKS",
    "XSHG": "SHH SHZ",
    "XTAI": "TAI TWO",
    "XKRX": "KSC KOE",
    "XSES": "SES",
    "XASX": "ASX",
    "XNZE": "NZE",
    "XBOM": "BSE NSI",
    "XIDX": "JKT",
    "XTAE": "TLV",
    "XJSE": "JNB",
    "BVMF": "SAO",
    "XMEX": "MEX",
    "XSAU": "SAU",
    "XIST": "IST",
    "CMES": "CME CBT CMX NYM",
    "IEPA": "NYB",
    "XCBF": "CXI",
    WEEKDAYS: "CCY",
    ALWAYS_OPEN: "CCC",
}
MICS = frozenset(_EXCHANGES)
MIC_OF_EXCHANGE = {code: mic for mic, codes in _EXCHANGES.items() for code in codes.split()}

# Units of prices that are parts of a currency: (currency, how many units are one of it).
MINOR_CURRENCIES = {
    "GBp": ("GBP", 100),
    "GBX": ("GBP", 100),
    "ZAc": ("ZAR", 100),
    "ZAC": ("ZAR", 100),
    "ILA": ("ILS", 100),
    "USX": ("USD", 100),
    "USc": ("USD", 100),
    "KWF": ("KWD", 1000),
}

# What Yahoo quotes crypto pairs in. What follows the dash of a share is something else.
_FIATS = frozenset(
    [
        "USD",
        "EUR",
        "GBP",
        "JPY",
        "AUD",
        "CAD",
        "CHF",
        "KRW",
        "INR",
        "BRL",
        "CNY",
        "HKD",
        "SGD",
        "NZD",
        "TRY",
        "RUB",
        "MXN",
        "ZAR",
        "PLN",
        "SEK",
        "NOK",
        "DKK",
        "TWD",
        "IDR",
        "THB",
        "ILS",
        "PHP",
        "MYR",
        "VND",
        "UAH",
        "ARS",
        "CLP",
        "COP",
        "HUF",
        "CZK",
        "RON",
        "AED",
        "SAR",
    ]
)
_CRYPTO_QUOTES = _FIATS | {"USDT", "USDC", "BTC", "ETH", "BNB"}
# Share classes, units, warrants and rights have at most two letters.
_MAX_CLASS_LETTERS = 2
# Letters behind a dot that are a share class, because no market of Yahoo has such a suffix.
_CLASSES = frozenset(["A", "B", "C", "D", "K", "U", "UN", "WS", "WT", "RT"])
# What people write behind a blank for a share class or a preferred share, in Scandinavia too.
_WRITTEN_CLASSES = _CLASSES | {"R", "SDB", "PREF", "PR", "PF"}
# Dashes of word processors, among them the minus sign.
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")  # noqa: RUF001

_BY_SUFFIX = {m.suffix: m for m in MARKETS.values() if m.suffix}


def resolve(symbol: str, market: str = "") -> tuple[str, Market | None]:
    """Returns the canonical symbol and its market, from a user's input.

    Without a market the symbol must be in Yahoo's spelling, which determines its market (None for
    an unknown suffix).

    :raises InvalidSymbol, UnknownMarket: with a sentence for users.
    """
    typed = symbol.strip().translate(_DASHES)
    if not market.strip():
        canonical = _parse(typed)
        return canonical, market_of(canonical)
    chosen = MARKETS.get(market.strip().upper())
    if chosen is None:
        raise UnknownMarket(f"{quoted(market)} is not a market. Use one of {', '.join(MARKETS)}.")
    ticker = parse_symbol(_join_parts(typed, chosen))
    spelled = market_of(ticker)
    if spelled is not None and spelled is not chosen and spelled.name != "US":
        raise InvalidSymbol(
            f"{quoted(symbol)} is a symbol of {spelled.name}, not of {chosen.name}."
        )
    canonical = chosen.spell(ticker.removesuffix(chosen.suffix))
    if not canonical.endswith(chosen.suffix):
        canonical += chosen.suffix
    return parse_symbol(canonical), chosen


def _parse(typed: str) -> str:
    """:raises InvalidSymbol: with a hint at the spelling that was probably meant."""
    try:
        return parse_symbol(typed)
    except InvalidSymbol as error:
        hint = spelling_hint(typed)
        raise InvalidSymbol(f"{error} {hint}" if hint else str(error)) from None


def _join_parts(typed: str, market: Market) -> str:
    """Returns a ticker without the blank or slash that people write before a class or currency."""
    if not typed.isascii():
        return typed
    parts = re.split(r"[\s/-]+", typed.upper())
    if market.name == "FX":
        is_pair = len(parts) == 2 and _FIATS.issuperset(parts)
        return "".join(parts) if is_pair or "/" in typed else typed
    # A single letter before a blank is no company that has share classes.
    is_class = len(parts[0]) > 1 and parts[1:2] != [] and parts[1] in _WRITTEN_CLASSES
    is_pair = market.name == "CRYPTO" and _CRYPTO_QUOTES.issuperset(parts[1:])
    return "-".join(parts) if is_class or is_pair or "/" in typed else typed


def market_of(symbol: str) -> Market | None:
    """Returns the market of a canonical symbol by its spelling. Returns None if it is unknown."""
    if symbol.startswith("^"):
        return MARKETS["INDEX"]
    if symbol.endswith("=X"):
        return MARKETS["FX"]
    stem, dot, suffix = symbol.rpartition(".")
    if dot and stem:
        return _BY_SUFFIX.get(f".{suffix}")
    base, dash, quote = symbol.rpartition("-")
    if dash and base and len(quote) > _MAX_CLASS_LETTERS:
        return MARKETS["CRYPTO"] if quote in _CRYPTO_QUOTES else None
    return MARKETS["US"] if "=" not in symbol else None


def spelling_hint(symbol: str) -> str:
    """Returns a sentence about a spelling that Yahoo does not have; empty for any other."""
    typed = symbol.strip().upper()
    pair = re.fullmatch(r"([A-Z]{3})\s*/\s*([A-Z]{3})", typed)
    if pair and _FIATS.issuperset(pair.groups()):
        return f"Yahoo spells exchange rates like {''.join(pair.groups())}=X."
    named = re.fullmatch(r"([A-Z0-9]{1,10})(?:\s*[./]\s*|\s+)([A-Z]{1,2})", typed)
    if named and named[2] in _CLASSES:
        meant = f"{named[1]}-{_US_CLASSES.get(named[2], named[2])}"
        toronto = f", or {meant}.TO for Toronto" if named[2] == "UN" else ""
        return f"Yahoo spells share classes and units with a dash: try {meant}{toronto}."
    if dotted := re.fullmatch(r"([A-Z0-9]{1,10})\.", typed):
        return f"Yahoo has no symbol that ends with a dot: try {dotted[1]}.L for London."
    return ""


def major_currency(unit: str) -> tuple[str, int]:
    """Returns the currency of a price unit, and how many units are one: GBp → (GBP, 100)."""
    return MINOR_CURRENCIES.get(unit, (unit, 1))
