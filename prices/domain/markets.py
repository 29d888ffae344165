"""Markets: their names, Yahoo's suffixes and exchange codes, exchanges (MIC) and currencies."""

from collections.abc import Callable
from dataclasses import dataclass

from prices.domain.bars import InvalidSymbol, parse_symbol


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

MARKETS: dict[str, Market] = {
    market.name: market
    for market in (
        # The share class BRK.B is BRK-B.
        Market("US", "United States", "", "XNYS", "USD", lambda t: t.replace(".", "-")),
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
        Market(
            "HKEX", "Hong Kong", ".HK", "XHKG", "HKD", lambda t: t.zfill(4) if t.isdigit() else t
        ),
        Market("ASX", "Australia", ".AX", "XASX", "AUD"),
        Market("NSE", "India (NSE)", ".NS", "XBOM", "INR"),
        Market("BSE", "India (BSE)", ".BO", "XBOM", "INR"),
        Market("KRX", "Korea", ".KS", "XKRX", "KRW"),
        Market("JSE", "Johannesburg", ".JO", "XJSE", "ZAc"),
        Market("B3", "Brazil", ".SA", "BVMF", "BRL"),
        Market("CRYPTO", "Crypto", "", ALWAYS_OPEN, "USD", lambda t: t if "-" in t else f"{t}-USD"),
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

# Units of prices in hundredths: (currency, how many units are one of it).
MINOR_CURRENCIES = {
    "GBp": ("GBP", 100),
    "GBX": ("GBP", 100),
    "ZAc": ("ZAR", 100),
    "ILA": ("ILS", 100),
}

_BY_SUFFIX = {m.suffix: m for m in MARKETS.values() if m.suffix}


def resolve(symbol: str, market: str = "") -> tuple[str, Market | None]:
    """Returns the canonical symbol and its market, from a user's input.

    Without a market the symbol must be in Yahoo's spelling, which determines its market (None for
    an unknown suffix).

    :raises InvalidSymbol, UnknownMarket: with a sentence for users.
    """
    if not market.strip():
        canonical = parse_symbol(symbol)
        return canonical, market_of(canonical)
    chosen = MARKETS.get(market.strip().upper())
    if chosen is None:
        raise UnknownMarket(f"“{market}” is not a market. Use one of {', '.join(MARKETS)}.")
    ticker = parse_symbol(symbol.replace("/", "") if chosen.name == "FX" else symbol)
    spelled = market_of(ticker)
    if spelled is not None and spelled is not chosen and spelled.name != "US":
        raise InvalidSymbol(f"“{symbol}” is a symbol of {spelled.name}, not of {chosen.name}.")
    canonical = chosen.spell(ticker.removesuffix(chosen.suffix))
    if not canonical.endswith(chosen.suffix):
        canonical += chosen.suffix
    return parse_symbol(canonical), chosen


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
    if dash and base and len(quote) >= 3:
        return MARKETS["CRYPTO"]  # A US share class has only one or two letters.
    return MARKETS["US"] if "=" not in symbol else None


def major_currency(unit: str) -> tuple[str, int]:
    """Returns the currency of a price unit, and how many units are one: GBp → (GBP, 100)."""
    return MINOR_CURRENCIES.get(unit, (unit, 1))
