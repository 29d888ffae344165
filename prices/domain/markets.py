"""Markets: short name ⇄ Yahoo suffix ⇄ exchange (MIC) ⇄ currency; Yahoo's exchange codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prices.domain.bars import InvalidSymbol, parse_symbol


class UnknownMarket(ValueError):
    """A market name that is not in `MARKETS`; the message lists those that are."""


@dataclass(frozen=True, slots=True)
class Market:
    """A market as users name it. `mic` names the exchange's calendar; None: there is no one."""

    name: str
    title: str
    suffix: str
    mic: str | None
    currency: str
    spell: Callable[[str], str] = lambda ticker: ticker


def _us(ticker: str) -> str:
    return ticker.replace(".", "-")  # share classes: BRK.B is BRK-B


def _crypto(ticker: str) -> str:
    return ticker if "-" in ticker else f"{ticker}-USD"


def _fx(ticker: str) -> str:
    return ticker.removesuffix("=X") + "=X"


def _index(ticker: str) -> str:
    return "^" + ticker.removeprefix("^")


def _four_digits(ticker: str) -> str:
    return ticker.zfill(4) if ticker.isdigit() else ticker


ALWAYS_OPEN, WEEKDAYS = "24/7", "24/5"

MARKETS: dict[str, Market] = {
    market.name: market
    for market in (
        Market("US", "United States", "", "XNYS", "USD", _us),
        Market("TASE", "Tel Aviv", ".TA", "XTAE", "ILA"),
        Market("LSE", "London", ".L", "XLON", "GBp"),
        Market("XETRA", "Xetra", ".DE", "XETR", "EUR"),
        Market("PAR", "Paris", ".PA", "XPAR", "EUR"),
        Market("AMS", "Amsterdam", ".AS", "XAMS", "EUR"),
        Market("BRU", "Brussels", ".BR", "XBRU", "EUR"),
        Market("LIS", "Lisbon", ".LS", "XLIS", "EUR"),
        Market("MIL", "Milan", ".MI", "XMIL", "EUR"),
        Market("MAD", "Madrid", ".MC", "XMAD", "EUR"),
        Market("VIE", "Vienna", ".VI", "XWBO", "EUR"),
        Market("HEL", "Helsinki", ".HE", "XHEL", "EUR"),
        Market("STO", "Stockholm", ".ST", "XSTO", "SEK"),
        Market("OSL", "Oslo", ".OL", "XOSL", "NOK"),
        Market("CPH", "Copenhagen", ".CO", "XCSE", "DKK"),
        Market("SIX", "Zurich", ".SW", "XSWX", "CHF"),
        Market("TSX", "Toronto", ".TO", "XTSE", "CAD"),
        Market("TSE", "Tokyo", ".T", "XTKS", "JPY"),
        Market("HKEX", "Hong Kong", ".HK", "XHKG", "HKD", _four_digits),
        Market("ASX", "Australia", ".AX", "XASX", "AUD"),
        Market("NSE", "India (NSE)", ".NS", "XBOM", "INR"),
        Market("BSE", "India (BSE)", ".BO", "XBOM", "INR"),
        Market("KRX", "Korea", ".KS", "XKRX", "KRW"),
        Market("JSE", "Johannesburg", ".JO", "XJSE", "ZAc"),
        Market("B3", "Brazil", ".SA", "BVMF", "BRL"),
        Market("CRYPTO", "Crypto", "", ALWAYS_OPEN, "USD", _crypto),
        Market("FX", "Currencies", "=X", WEEKDAYS, "", _fx),
        Market("INDEX", "Indices", "", None, "", _index),
    )
}

# Yahoo's `exchangeName` → MIC of the calendar in exchange_calendars. A code that is not here has
# no known calendar: no gap is ever claimed for it.
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
MIC_OF_EXCHANGE = {code: mic for mic, codes in _EXCHANGES.items() for code in codes.split()}

# Quoted in hundredths: unit → (currency, units in one of it).
MINOR_CURRENCIES = {
    "GBp": ("GBP", 100),
    "GBX": ("GBP", 100),
    "ZAc": ("ZAR", 100),
    "ILA": ("ILS", 100),
}

_BY_SUFFIX = {m.suffix: m for m in MARKETS.values() if m.suffix}


def resolve(symbol: str, market: str = "") -> tuple[str, Market | None]:
    """The canonical symbol and its market, from what a user typed.

    Without a market the symbol is taken as Yahoo's own spelling; its market is read off its
    shape, and is None for a suffix that is not in `MARKETS`.

    :raises InvalidSymbol, UnknownMarket: with a sentence for users.
    """
    if not market.strip():
        canonical = parse_symbol(symbol)
        return canonical, market_of(canonical)
    chosen = MARKETS.get(market.strip().upper())
    if chosen is None:
        raise UnknownMarket(f"“{market}” is not a market; known are {', '.join(MARKETS)}.")
    ticker = parse_symbol(symbol.replace("/", "") if chosen.name == "FX" else symbol)
    told = market_of(ticker)
    if told is not None and told is not chosen and told.name != "US":
        raise InvalidSymbol(f"“{symbol}” is a symbol of {told.name}, not of {chosen.name}.")
    canonical = chosen.spell(ticker.removesuffix(chosen.suffix))
    if not canonical.endswith(chosen.suffix):
        canonical += chosen.suffix
    return parse_symbol(canonical), chosen


def market_of(symbol: str) -> Market | None:
    """The market that a canonical symbol's shape tells; None when it tells none."""
    if symbol.startswith("^"):
        return MARKETS["INDEX"]
    if symbol.endswith("=X"):
        return MARKETS["FX"]
    stem, dot, suffix = symbol.rpartition(".")
    if dot and stem:
        return _BY_SUFFIX.get(f".{suffix}")
    base, dash, quote = symbol.rpartition("-")
    if dash and base and len(quote) >= 3:
        return MARKETS["CRYPTO"]  # BTC-USD; a US share class has one or two letters
    return MARKETS["US"] if "=" not in symbol else None


def major_currency(unit: str) -> tuple[str, int]:
    """The currency a price unit belongs to, and how many units make one: GBp → (GBP, 100)."""
    return MINOR_CURRENCIES.get(unit, (unit, 1))
