"""What Yahoo really sent, replayed by the stand-in and read through the real yfinance."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from prices.domain.actions import Dividend, Split
from prices.domain.answers import Fetched
from prices.providers.base import ProviderError, RangeNotOffered, UnknownSymbol
from tests.support.against_yahoo import Yahoo, rows

NEW_YORK = ZoneInfo("America/New_York")


Ask = Callable[[str, str], Fetched]


@pytest.fixture
def replayed(yahoo: Yahoo, recordings: Path) -> Iterator[Ask]:
    """Asks for a symbol whose answer is a recorded one; the stand-in's own come back after."""
    used: list[str] = []

    def ask(symbol: str, pattern: str) -> Fetched:
        body = next((recordings / "recordings").glob(pattern))
        used.append(symbol)
        yahoo.standin.replay(symbol, body)
        return yahoo.history(symbol, now=datetime(2026, 11, 1, tzinfo=UTC))

    yield ask
    for symbol in used:
        yahoo.standin.replay(symbol, [])


class TestRevisions:
    def test_the_running_day_is_named_and_labelled(self, yahoo: Yahoo, recordings: Path) -> None:
        """In 32 of 43 the last bar bears the time of the last trade: in 19 the market was open."""
        live_stamp, running = 0, 0
        for path in sorted((recordings / "revisions-AAPL").glob("*.json")):
            result = json.loads(path.read_text())["chart"]["result"][0]
            traded = datetime.fromtimestamp(result["meta"]["regularMarketTime"], NEW_YORK)
            stamp = datetime.fromtimestamp(result["timestamp"][-1], NEW_YORK)
            is_open = stamp == traded and traded.hour < 16
            yahoo.standin.replay("AAPL", path)

            answer = yahoo.history("AAPL", now=traded)

            assert answer.running == (traded.date() if is_open else None), path.name
            assert answer.series.sessions[-1].item() == stamp.date(), path.name
            assert len(answer.series) == len(result["timestamp"]), path.name
            live_stamp, running = live_stamp + (stamp == traded), running + is_open
        yahoo.standin.replay("AAPL", [])
        assert (live_stamp, running) == (32, 19)


class TestRecordings:
    def test_a_null_session_is_lacking(self, replayed: Ask) -> None:
        answer = replayed("WSU.DE", "*WSU.DE*2023-09-04*")

        assert answer.lacking == (date(2023, 8, 7),)
        assert [row[0] for row in rows(answer)] == [date(2023, 8, 4), date(2023, 8, 8)]
        assert (answer.exchange, answer.timezone) == ("GER", "Europe/Berlin")

    def test_the_same_session_healed(self, replayed: Ask) -> None:
        answer = replayed("WSU.DE", "*WSU.DE*2025-02-27*")

        assert answer.lacking == ()
        assert date(2023, 8, 7) in [row[0] for row in rows(answer)]

    def test_prices_in_pence(self, replayed: Ask) -> None:
        answer = replayed("OCDO.L", "*OCDO.L*")

        assert answer.currency == "GBp"
        assert answer.exchange == "LSE"
        assert [row[0] for row in rows(answer)] == [date(2020, 1, 2)]

    def test_a_currency_pair_is_dated_by_london(self, replayed: Ask) -> None:
        answer = replayed("EURUSD=X", "*EURUSD=X*")

        assert answer.timezone == "Europe/London"
        assert [row[0] for row in rows(answer)] == [date(2020, 1, day) for day in (1, 2, 3)]
        assert answer.series.volume.tolist() == [0, 0, 0]

    def test_a_currency_pair_whose_utc_date_is_the_day_before(self, replayed: Ask) -> None:
        """Summer time in London: the day begins at 23:00 UTC."""
        answer = replayed("INR=X", "inrx-with-null*")

        stored = [row[0] for row in rows(answer)]
        assert stored == [date(2017, 7, 10), date(2017, 7, 12), date(2017, 7, 13)]
        assert answer.lacking == (date(2017, 7, 11),)

    def test_an_index_in_india(self, replayed: Ask) -> None:
        answer = replayed("^NSEI", "^NSEI*")

        assert answer.timezone == "Asia/Kolkata"
        assert answer.exchange == "NSI"
        assert answer.running is None
        assert len(answer.series) == 6
        assert answer.series.sessions[-1].item() == date(2022, 7, 8)

    def test_crypto_runs_in_utc(self, replayed: Ask) -> None:
        answer = replayed("BTC-USD", "BTC-USD*")

        assert answer.timezone == "UTC"
        assert answer.running == date(2026, 4, 23)
        assert [row[0] for row in rows(answer)] == [date(2026, 4, day) for day in range(1, 11)]

    @pytest.mark.parametrize(
        ("symbol", "pattern"),
        [("LUCYW", "chart-LUCYW-null-currency*"), ("CAPIO.ST", "noData*")],
    )
    def test_nothing_in_no_currency_is_an_empty_answer(
        self, replayed: Ask, symbol: str, pattern: str
    ) -> None:
        answer = replayed(symbol, pattern)

        assert len(answer.series) == 0
        assert answer.currency == ""

    def test_a_split_and_a_dividend(self, replayed: Ask) -> None:
        answer = replayed("AAPL", "chart-AAPL-2020-08-31*")

        assert answer.actions.splits == (Split(date(2020, 8, 31), 4, 1),)
        assert answer.actions.dividends == (Dividend(date(2020, 11, 6), 0.205),)
        assert len(answer.series) == 49

    def test_four_dividends(self, replayed: Ask) -> None:
        answer = replayed("MSFT", "*MSFT-dividends*")

        assert answer.actions.dividends == (
            Dividend(date(2021, 2, 17), 0.56),
            Dividend(date(2021, 5, 19), 0.56),
            Dividend(date(2021, 8, 18), 0.56),
            Dividend(date(2021, 11, 17), 0.62),
        )
        assert len(answer.series) == 252

    @pytest.mark.parametrize(
        ("symbol", "pattern", "error", "words"),
        [
            ("SI", "*-SI-*", UnknownSymbol, "No data found, symbol may be delisted"),
            ("BEKE", "*BEKE*", RangeNotOffered, "Data doesn't exist for startDate = 1577836800"),
        ],
    )
    def test_refusals(
        self, replayed: Ask, symbol: str, pattern: str, error: type[ProviderError], words: str
    ) -> None:
        with pytest.raises(error, match=words):
            replayed(symbol, pattern)
