"""Resolving symbols and markets, exchange codes and currencies."""

import pytest

from prices.domain.bars import InvalidSymbol
from prices.domain.markets import (
    MARKETS,
    MIC_OF_EXCHANGE,
    UnknownMarket,
    major_currency,
    market_of,
    resolve,
    spelling_hint,
)


class TestMarkets:
    @pytest.mark.parametrize(
        ("name", "suffix", "mic", "currency"),
        [
            ("US", "", "XNYS", "USD"),
            ("TASE", ".TA", "XTAE", "ILA"),
            ("LSE", ".L", "XLON", "GBp"),
            ("XETRA", ".DE", "XETR", "EUR"),
            ("PAR", ".PA", "XPAR", "EUR"),
            ("AMS", ".AS", "XAMS", "EUR"),
            ("MIL", ".MI", "XMIL", "EUR"),
            ("SIX", ".SW", "XSWX", "CHF"),
            ("TSX", ".TO", "XTSE", "CAD"),
            ("TSE", ".T", "XTKS", "JPY"),
            ("HKEX", ".HK", "XHKG", "HKD"),
            ("ASX", ".AX", "XASX", "AUD"),
            ("NSE", ".NS", "XBOM", "INR"),
            ("CRYPTO", "", "24/7", "USD"),
            ("FX", "=X", "24/5", ""),
            ("INDEX", "", None, ""),
        ],
    )
    def test_have_a_suffix_an_exchange_and_a_currency(
        self, name: str, suffix: str, mic: str | None, currency: str
    ) -> None:
        market = MARKETS[name]

        assert (market.suffix, market.mic, market.currency) == (suffix, mic, currency)

    def test_have_different_suffixes(self) -> None:
        suffixes = [market.suffix for market in MARKETS.values() if market.suffix]

        assert len(suffixes) == len(set(suffixes))


class TestResolve:
    @pytest.mark.parametrize(
        ("symbol", "market", "canonical"),
        [
            ("AAPL", "US", "AAPL"),
            ("brk.b", "us", "BRK-B"),
            ("BRK-B", "US", "BRK-B"),
            ("TEVA", "TASE", "TEVA.TA"),
            ("TEVA.TA", "TASE", "TEVA.TA"),
            ("vod", " lse ", "VOD.L"),
            ("SAP", "XETRA", "SAP.DE"),
            ("MC", "PAR", "MC.PA"),
            ("ASML", "AMS", "ASML.AS"),
            ("ENI", "MIL", "ENI.MI"),
            ("NESN", "SIX", "NESN.SW"),
            ("RY", "TSX", "RY.TO"),
            ("7203", "TSE", "7203.T"),
            ("5", "HKEX", "0005.HK"),
            ("700", "HKEX", "0700.HK"),
            ("0700.HK", "HKEX", "0700.HK"),
            ("BHP", "ASX", "BHP.AX"),
            # Dashes and dots of shares
            ("BAJAJ-AUTO", "NSE", "BAJAJ-AUTO.NS"),
            ("bajaj-auto.ns", "nse", "BAJAJ-AUTO.NS"),
            ("NAM-INDIA", "NSE", "NAM-INDIA.NS"),
            ("MCDOWELL-N", "NSE", "MCDOWELL-N.NS"),
            ("RELIANCE-EQ", "NSE", "RELIANCE.NS"),
            ("ALIV-SDB", "STO", "ALIV-SDB.ST"),
            ("ALIV SDB", "STO", "ALIV-SDB.ST"),
            ("VOLV.B", "STO", "VOLV-B.ST"),
            ("ATCO B", "STO", "ATCO-B.ST"),
            ("Novo B", "CPH", "NOVO-B.CO"),
            ("BP.", "LSE", "BP.L"),
            ("BP.L", "LSE", "BP.L"),
            ("BP..L", "LSE", "BP.L"),
            ("bt.a", "LSE", "BT-A.L"),
            ("BT-A.L", "LSE", "BT-A.L"),
            ("BIP.UN", "TSX", "BIP-UN.TO"),
            ("BIP-UN.TO", "TSX", "BIP-UN.TO"),
            ("CTC.A", "TSX", "CTC-A.TO"),
            ("BCE.PR.A", "TSX", "BCE-PA.TO"),
            ("ENB.PF.C", "TSX", "ENB-PFC.TO"),
            ("RDS-A", "US", "RDS-A"),
            ("BF.B", "US", "BF-B"),
            ("BRK/B", "US", "BRK-B"),
            ("BRK B", "US", "BRK-B"),
            ("BRK\u2013B", "US", "BRK-B"),  # a dash of a word processor
            ("BAC.PRL", "US", "BAC-PL"),
            ("BAC PR L", "US", "BAC-PL"),
            ("BAC-PL", "US", "BAC-PL"),
            ("ABC.WS", "US", "ABC-WT"),
            ("ABC.U", "US", "ABC-UN"),
            ("00700", "HKEX", "0700.HK"),
            ("80737", "HKEX", "80737.HK"),
            ("5930", "KRX", "005930.KS"),
            ("BTC/USD", "CRYPTO", "BTC-USD"),
            ("ETH USDT", "CRYPTO", "ETH-USDT"),
            ("EUR-USD", "FX", "EURUSD=X"),
            ("EUR USD", "FX", "EURUSD=X"),
            ("M&M", "NSE", "M&M.NS"),
            ("ERIC-B", "STO", "ERIC-B.ST"),
            ("BTC", "CRYPTO", "BTC-USD"),
            ("eth-eur", "CRYPTO", "ETH-EUR"),
            ("EURUSD", "FX", "EURUSD=X"),
            ("EUR/USD", "FX", "EURUSD=X"),
            ("EURUSD=X", "FX", "EURUSD=X"),
            ("GSPC", "INDEX", "^GSPC"),
            ("^GSPC", "INDEX", "^GSPC"),
        ],
    )
    def test_returns_yahoos_spelling(self, symbol: str, market: str, canonical: str) -> None:
        found, chosen = resolve(symbol, market)

        assert found == canonical
        assert chosen is MARKETS[market.strip().upper()]

    @pytest.mark.parametrize(
        ("symbol", "market"),
        [
            ("AAPL", "US"),
            ("BRK-B", "US"),
            ("TEVA.TA", "TASE"),
            ("BTC-USD", "CRYPTO"),
            ("EURUSD=X", "FX"),
            ("^GSPC", "INDEX"),
            ("9988.HK", "HKEX"),
        ],
    )
    def test_finds_the_market_by_the_symbol(self, symbol: str, market: str) -> None:
        assert resolve(symbol) == (symbol, MARKETS[market])

    @pytest.mark.parametrize("symbol", ["FOO.XX", "ES=F"])
    def test_keeps_a_symbol_of_an_unknown_market(self, symbol: str) -> None:
        assert resolve(symbol) == (symbol, None)

    @pytest.mark.parametrize("market", ["NASDAQ2", "US;", "."])
    def test_lists_the_markets_if_the_given_one_is_unknown(self, market: str) -> None:
        with pytest.raises(UnknownMarket, match=r"is not a market\. Use one of US, TASE, LSE"):
            resolve("AAPL", market)

    @pytest.mark.parametrize(
        ("symbol", "market", "own"),
        [
            ("VOD.L", "US", "LSE"),
            ("VOD.L", "XETRA", "LSE"),
            ("TEVA.TA", "LSE", "TASE"),
            ("^GSPC", "US", "INDEX"),
            ("BTC-USD", "US", "CRYPTO"),
            ("EURUSD=X", "CRYPTO", "FX"),
            ("BTC-USD", "FX", "CRYPTO"),
        ],
    )
    def test_refuses_a_symbol_of_another_market(self, symbol: str, market: str, own: str) -> None:
        with pytest.raises(InvalidSymbol, match=f"is a symbol of {own}, not of {market}"):
            resolve(symbol, market)

    @pytest.mark.parametrize(
        ("symbol", "market"),
        [
            ("", ""),
            ("", "US"),
            ("A B", "US"),
            ("VOD LN", "LSE"),
            ("A" * 31, "LSE"),
            ("Stra\u00dfe", "XETRA"),
        ],
    )
    def test_refuses_an_invalid_symbol(self, symbol: str, market: str) -> None:
        with pytest.raises(InvalidSymbol, match="is not a symbol"):
            resolve(symbol, market)


class TestSpellingHint:
    @pytest.mark.parametrize(
        ("symbol", "hint"),
        [
            ("BRK.B", "Yahoo spells share classes and units with a dash: try BRK-B."),
            ("brk.b", "Yahoo spells share classes and units with a dash: try BRK-B."),
            ("BF/B", "Yahoo spells share classes and units with a dash: try BF-B."),
            ("BRK B", "Yahoo spells share classes and units with a dash: try BRK-B."),
            ("ABC.WS", "Yahoo spells share classes and units with a dash: try ABC-WT."),
            (
                "BIP.UN",
                "Yahoo spells share classes and units with a dash: try BIP-UN, or BIP-UN.TO for "
                "Toronto.",
            ),
            ("BP.", "Yahoo has no symbol that ends with a dot: try BP.L for London."),
            ("EUR/USD", "Yahoo spells exchange rates like EURUSD=X."),
        ],
    )
    def test_names_the_spelling_that_was_probably_meant(self, symbol: str, hint: str) -> None:
        assert spelling_hint(symbol) == hint

    @pytest.mark.parametrize(
        "symbol",
        ["AAPL", "BRK-B", "VOD.L", "7203.T", "BIP-UN.TO", "FOO.XX", "BTC-USD", "^GSPC", "ES=F"],
    )
    def test_is_silent_about_other_spellings(self, symbol: str) -> None:
        assert spelling_hint(symbol) == ""

    @pytest.mark.parametrize(("symbol", "meant"), [("BRK/B", "BRK-B"), ("BRK B", "BRK-B")])
    def test_is_part_of_a_refusal(self, symbol: str, meant: str) -> None:
        with pytest.raises(InvalidSymbol, match=f"is not a symbol.*try {meant}"):
            resolve(symbol)


class TestMarketOf:
    @pytest.mark.parametrize(
        ("symbol", "market"),
        [
            *(("BTC-USD", "CRYPTO"), ("BTC-EUR", "CRYPTO"), ("ETH-BTC", "CRYPTO")),
            *(("BRK-B", "US"), ("BAC-PL", "US"), ("BIP-UN.TO", "TSX"), ("ALIV-SDB.ST", "STO")),
        ],
    )
    def test_knows_pairs_from_share_classes(self, symbol: str, market: str) -> None:
        assert market_of(symbol) is MARKETS[market]

    @pytest.mark.parametrize("symbol", ["BAJAJ-AUTO", "ALIV-SDB"])
    def test_takes_no_word_for_a_currency(self, symbol: str) -> None:
        assert market_of(symbol) is None

    @pytest.mark.parametrize("symbol", ["FOO.XX", "ES=F"])
    def test_is_none_for_an_unknown_spelling(self, symbol: str) -> None:
        assert market_of(symbol) is None


class TestExchanges:
    @pytest.mark.parametrize(
        ("code", "mic"),
        [
            ("NMS", "XNYS"),
            ("NYQ", "XNYS"),
            ("SNP", "XNYS"),
            ("LSE", "XLON"),
            ("GER", "XETR"),
            ("TLV", "XTAE"),
            ("NSI", "XBOM"),
            ("JPX", "XTKS"),
            ("CCY", "24/5"),
            ("CCC", "24/7"),
        ],
    )
    def test_have_a_calendar(self, code: str, mic: str) -> None:
        assert MIC_OF_EXCHANGE[code] == mic

    @pytest.mark.parametrize("code", ["YHD", "WCB", "OPR"])
    def test_without_sessions_have_none(self, code: str) -> None:
        assert code not in MIC_OF_EXCHANGE


class TestMajorCurrency:
    @pytest.mark.parametrize(
        ("unit", "major"),
        [
            ("GBp", ("GBP", 100)),
            ("ILA", ("ILS", 100)),
            ("ZAc", ("ZAR", 100)),
            ("GBX", ("GBP", 100)),
            ("USX", ("USD", 100)),
            ("USc", ("USD", 100)),
            ("KWF", ("KWD", 1000)),
            ("USD", ("USD", 1)),
            ("KWD", ("KWD", 1)),
            ("GBP", ("GBP", 1)),
        ],
    )
    def test_returns_the_currency_and_its_minor_units(
        self, unit: str, major: tuple[str, int]
    ) -> None:
        assert major_currency(unit) == major
