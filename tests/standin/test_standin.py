"""The stand-in for Yahoo, proven with the real yfinance in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.standin import Book, Instrument, StandIn, default_book

MONDAY_NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # 12:00 in New York
MONDAY_EVENING = datetime(2026, 3, 2, 23, 0, tzinfo=UTC)  # 18:00 in New York
SATURDAY = datetime(2026, 3, 7, 17, 0, tzinfo=UTC)
RECORDINGS = Path(__file__).parents[3] / "shared" / "yahoo"
QUOTES = "https://query1.finance.yahoo.com/v7/finance/quote"

PREAMBLE = f"""
import json, os, sys, tempfile
import yfinance as yf
from yfinance.data import YfData
yf.config.network.proxy = os.environ["PRICECACHE_YAHOO_PROXY"]
yf.config.debug.hide_exceptions = False
folder = tempfile.TemporaryDirectory()
yf.set_tz_cache_location(folder.name)
# Opened by one thread: several that begin at once find yfinance's files locked.
yf.cache.get_tz_cache().lookup("")
yf.cache.get_cookie_cache().lookup("")
QUOTES = {QUOTES!r}

def history(symbol, **asked):
    asked = asked or dict(start="1990-01-01", end="2099-01-01")
    ticker = yf.Ticker(symbol)
    frame = ticker.history(auto_adjust=False, actions=True, keepna=True, **asked)
    rows = [[str(at.date()), *row] for at, row in zip(frame.index, frame.values.tolist())]
    return list(frame.columns), rows, ticker.history_metadata

def failure(call):
    try:
        call()
    except Exception as error:
        return [kind.__name__ for kind in type(error).__mro__], str(error)
"""


def yfinance(standin: StandIn, script: str) -> Any:
    """Runs a script that puts what it found into `found`."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + script + "\nprint(json.dumps(found, default=str))"],
        env={**os.environ, **standin.env()},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def fetch(standin: StandIn, path: str, body: object = None) -> Any:
    """Asks the stand-in directly; a `body` makes it a POST."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(standin.url + path, data, timeout=10) as answer:  # noqa: S310
        return json.load(answer)


def chart(standin: StandIn, symbol: str, **query: object) -> Any:
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    return fetch(standin, f"/v8/finance/chart/{symbol}?{asked}")["chart"]["result"][0]


def quote(standin: StandIn, symbol: str) -> Any:
    return fetch(standin, f"/v7/finance/quote?symbols={symbol}")["quoteResponse"]["result"][0]


def acme(**options: Any) -> Instrument:
    """One week by hand: 10:1 split on Wednesday the 4th, a dollar of dividend on Thursday."""
    return Instrument(symbol="ACME", first_session=date(2026, 2, 27), **options)


def acme_book(**options: Any) -> Book:
    book = Book.of(
        acme(
            splits=((date(2026, 3, 4), 10, 1),),
            dividends=((date(2026, 3, 3), 5.0), (date(2026, 3, 5), 1.0)),
            **options,
        )
    )
    for day, close in ((27, 90.0), (2, 95.0), (3, 100.0), (4, 10.0), (5, 9.5), (6, 9.25)):
        session = date(2026, 2, 27) if day == 27 else date(2026, 3, day)
        volume = 1_000 if close > 50 else 20_000
        book.revise("ACME", session, open=close, high=close, low=close, close=close, volume=volume)
    return book


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn(default_book(12, years=3, today=date(2026, 3, 2)), now=SATURDAY) as running:
        yield running


@pytest.fixture
def acme_standin() -> Iterator[StandIn]:
    with StandIn(acme_book(), now=SATURDAY) as running:
        yield running


class TestHistory:
    def test_equals_the_expected_bars_to_the_last_bit(self, standin: StandIn) -> None:
        symbols = ["AAPL", "VOD.L", "TEVA.TA", "BTC-USD", "EURUSD=X", "^GSPC"]

        found = yfinance(standin, f"found = {{s: history(s)[1] for s in {symbols}}}")

        for symbol in symbols:
            bars = standin.expected_bars(symbol)
            rows = [[row[0], *row[1:5], row[6]] for row in found[symbol]][: len(bars)]
            assert rows == [[str(bar.pop("date")), *bar.values()] for bar in bars], symbol
            running = 1 if symbol == "BTC-USD" else 0
            assert len(found[symbol]) == len(bars) + running

    def test_max_period_reaches_the_first_session(self, standin: StandIn) -> None:
        standin.set_clock(None)

        found = yfinance(standin, "found = history('MSFT', period='max')[1]")

        assert found[0][0] == "2023-01-03"

    def test_splits_and_dividends_arrive_and_restate_the_past(self, acme_standin: StandIn) -> None:
        columns, rows, _ = yfinance(acme_standin, "found = history('ACME')")

        assert columns[3:] == ["Close", "Adj Close", "Volume", "Dividends", "Stock Splits"]
        by_thursday = 1 - 1.0 / 10.0  # a dollar, on a close of 10 the day before
        by_tuesday = by_thursday * (1 - 5.0 / 95.0)
        assert [row[0:1] + row[4:5] + row[6:] for row in rows] == [
            ["2026-02-27", 9.0, 10_000, 0.0, 0.0],
            ["2026-03-02", 9.5, 10_000, 0.0, 0.0],
            ["2026-03-03", 10.0, 10_000, 0.5, 0.0],
            ["2026-03-04", 10.0, 20_000, 0.0, 10.0],
            ["2026-03-05", 9.5, 20_000, 1.0, 0.0],
            ["2026-03-06", 9.25, 20_000, 0.0, 0.0],
        ]
        assert [row[5] for row in rows] == pytest.approx(
            [9 * by_tuesday, 9.5 * by_tuesday, 10 * by_thursday, 10 * by_thursday, 9.5, 9.25]
        )

    def test_intraday_adds_up_to_the_day(self, standin: StandIn) -> None:
        script = """
found = {i: history('AAPL', start='2026-03-06', end='2026-03-07', interval=i)[1]
         for i in ('1m', '15m', '1h')}
"""
        found = yfinance(standin, script)

        day = standin.expected_bars("AAPL")[-1]
        for interval, count in (("1m", 390), ("15m", 26), ("1h", 7)):
            rows = found[interval]
            assert len(rows) == count
            assert max(row[2] for row in rows) == pytest.approx(day["high"])
            assert min(row[3] for row in rows) == pytest.approx(day["low"])
            assert rows[-1][4] == pytest.approx(day["close"])
            assert sum(row[6] for row in rows) == pytest.approx(day["volume"], abs=count)


class TestSplitTiming:
    @pytest.fixture
    def late(self) -> Iterator[StandIn]:
        with StandIn(now=MONDAY_EVENING) as running:
            yield running

    def closes(self, standin: StandIn) -> list[float]:
        closes: list[float] = chart(standin, "ACME", range="max")["indicators"]["quote"][0]["close"]
        return closes

    def test_old_bars_are_restated_on_the_ex_date_not_before(self, acme_standin: StandIn) -> None:
        acme_standin.set_clock(datetime(2026, 3, 4, 4, 59, tzinfo=UTC))  # 23:59 on the 3rd
        assert self.closes(acme_standin) == [90.0, 95.0, 100.0]

        acme_standin.set_clock(datetime(2026, 3, 4, 5, 0, tzinfo=UTC))
        assert self.closes(acme_standin) == [9.0, 9.5, 10.0]

    def test_restating_late_serves_the_event_over_old_bars(self, late: StandIn) -> None:
        late.book = acme_book(restate_late=timedelta(days=2))

        late.set_clock(datetime(2026, 3, 5, 23, 0, tzinfo=UTC))
        assert self.closes(late) == [90.0, 95.0, 100.0, 10.0, 9.5]
        assert "splits" in chart(late, "ACME", range="max")["events"]

        late.set_clock(datetime(2026, 3, 6, 23, 0, tzinfo=UTC))
        assert self.closes(late) == [9.0, 9.5, 10.0, 10.0, 9.5, 9.25]

    def test_a_late_event_leaves_restated_bars_unexplained(self, late: StandIn) -> None:
        late.book = acme_book(split_event_late=timedelta(days=2))
        late.set_clock(datetime(2026, 3, 5, 23, 0, tzinfo=UTC))

        assert self.closes(late) == [9.0, 9.5, 10.0, 10.0, 9.5]
        assert "splits" not in chart(late, "ACME", range="max")["events"]

    def test_an_early_event_is_told_over_old_bars(self, late: StandIn) -> None:
        late.book = acme_book(split_event_late=-timedelta(days=1))
        late.set_clock(datetime(2026, 3, 3, 23, 0, tzinfo=UTC))

        assert self.closes(late) == [90.0, 95.0, 100.0]
        assert "splits" in chart(late, "ACME", range="max")["events"]

    def test_restating_early_serves_old_bars_without_the_event(self, late: StandIn) -> None:
        late.book = acme_book(restate_late=-timedelta(days=1))
        late.set_clock(datetime(2026, 3, 3, 23, 0, tzinfo=UTC))

        assert self.closes(late) == [9.0, 9.5, 10.0]
        assert "splits" not in chart(late, "ACME", range="max")["events"]


class TestRunningDay:
    def test_live_row_is_stamped_with_the_last_trade(self, standin: StandIn) -> None:
        standin.set_clock(MONDAY_NOON)

        script = """
_, rows, meta = history('AAPL', period='5d')
period = meta["currentTradingPeriod"]["regular"]
found = rows[-1][0], [str(at) for at in (period["start"], meta["regularMarketTime"], period["end"])]
"""
        day, times = yfinance(standin, script)

        assert day == "2026-03-02"
        assert times == [f"2026-03-02 {at}:00-05:00" for at in ("09:30", "12:00", "16:00")]
        assert standin.expected_bars("AAPL")[-1]["date"] == date(2026, 2, 27)
        live = chart(standin, "AAPL", range="5d")
        assert live["timestamp"][-1] == MONDAY_NOON.timestamp()

    def test_live_stamp_stays_until_midnight_in_new_york(self, standin: StandIn) -> None:
        standin.set_clock(datetime(2026, 3, 3, 4, 59, tzinfo=UTC))
        assert chart(standin, "AAPL", range="1d")["timestamp"] == [1772485201]  # 16:00:01

        standin.set_clock(datetime(2026, 3, 3, 5, 0, tzinfo=UTC))
        assert chart(standin, "AAPL", range="1d")["timestamp"] == [1772461800]  # 09:30:00

    def test_day_ends_with_the_bar_of_the_book(self, standin: StandIn) -> None:
        standin.set_clock(MONDAY_NOON)
        partial = quote(standin, "AAPL")
        standin.set_clock(MONDAY_EVENING)
        whole, bar = quote(standin, "AAPL"), standin.expected_bars("AAPL")[-1]

        assert partial["regularMarketVolume"] < whole["regularMarketVolume"] == bar["volume"]
        assert whole["regularMarketPrice"] == bar["close"]
        assert whole["regularMarketDayHigh"] == bar["high"] >= partial["regularMarketDayHigh"]

    @pytest.mark.parametrize(
        ("hour_utc", "state"),
        [(8, "CLOSED"), (10, "PRE"), (15, "REGULAR"), (21, "POST"), (25, "CLOSED")],
    )
    def test_market_state_follows_the_clock(
        self, standin: StandIn, hour_utc: int, state: str
    ) -> None:
        standin.set_clock(datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hour_utc))

        assert quote(standin, "AAPL")["marketState"] == state


class TestQuotes:
    def test_five_symbols_take_one_request(self, standin: StandIn) -> None:
        script = """
asked = {"symbols": "AAPL,VOD.L,NOSUCH,BTC-USD,TEVA.TA,EURUSD=X"}
found = YfData().get_raw_json(QUOTES, params=asked)["quoteResponse"]["result"]
"""
        rows = yfinance(standin, script)

        assert [(row["symbol"], row["currency"], row["exchange"]) for row in rows] == [
            ("AAPL", "USD", "NMS"),
            ("VOD.L", "GBp", "LSE"),
            ("BTC-USD", "USD", "CCC"),
            ("TEVA.TA", "ILA", "TLV"),
            ("EURUSD=X", "USD", "CCY"),
        ]
        assert [entry["kind"] for entry in standin.log] == ["cookie", "crumb", "quote"]

    def test_more_than_a_hundred_symbols_are_refused(self, standin: StandIn) -> None:
        with pytest.raises(urllib.error.HTTPError, match="400") as refusal:
            fetch(standin, "/v7/finance/quote?symbols=" + ",".join(["AAPL"] * 101))
        refusal.value.close()


class TestEmptyAnswers:
    def test_weekend_has_meta_and_no_bars(self, standin: StandIn) -> None:
        asked = {"period1": 1772859600, "period2": 1773028800}  # 7 and 8 March 2026

        result = chart(standin, "AAPL", **asked)

        assert "timestamp" not in result
        assert result["indicators"] == {"quote": [{}], "adjclose": [{}]}
        assert result["meta"]["symbol"] == "AAPL"

    def test_range_before_the_first_trade_is_refused(self, standin: StandIn) -> None:
        script = "found = failure(lambda: history('AAPL', start='2001-01-01', end='2001-02-01'))"

        kinds, text = yfinance(standin, script)

        assert kinds[0] == "YFPricesMissingError"
        assert "Data doesn't exist for startDate = 978325200, endDate = 981003600" in text


WHAT_YFINANCE_RAISES = {
    "404": ("YFPricesMissingError", "No data found, symbol may be delisted"),
    "400": ("YFPricesMissingError", "Data doesn't exist for startDate"),
    "422": ("YFPricesMissingError", "must be within the last 60 days"),
    "429": ("YFRateLimitError", "Too Many Requests"),
    "500": ("YFPricesMissingError", "boom"),
    "500_html": ("JSONDecodeError", ""),
    "502": ("JSONDecodeError", ""),
    "html": ("JSONDecodeError", ""),
    "malformed": ("JSONDecodeError", ""),
    "right_back": ("YFDataException", "DOWN"),
    "empty": ("YFPricesMissingError", "delisted"),
    "reset": ("OSError", ""),
    "truncated": ("OSError", ""),
    "hang": ("Timeout", ""),
    "refuse": ("OSError", ""),
    "missing_keys": ("KeyError", "indicators"),
}


class TestFaults:
    def test_yfinance_raises_what_is_known_and_recovers(self, standin: StandIn) -> None:
        script = f"""
import urllib.request
direct = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
def post(path, body):
    url = os.environ["PRICECACHE_YAHOO_PROXY"] + path
    direct.open(url, json.dumps(body).encode()).close()
def try_out(fault):
    post("/_control/fault", {{"name": fault, "seconds": 20}})
    raised = failure(lambda: history('AAPL', period='5d', timeout=1))
    post("/_control/faults/clear", {{}})
    YfData().cache_get.cache_clear()
    return *raised, len(history('AAPL', period='5d')[1])
history('AAPL', period='5d')
found = {{fault: try_out(fault) for fault in {list(WHAT_YFINANCE_RAISES)}}}
"""
        found = yfinance(standin, script)

        for fault, (kind, text) in WHAT_YFINANCE_RAISES.items():
            kinds, message, rows_after = found[fault]
            assert kind in kinds, (fault, kinds, message)
            assert text in message, fault
            assert rows_after == 5, fault

    def test_a_reset_on_a_used_connection_is_not_retried_unseen(self, standin: StandIn) -> None:
        script = """
history('AAPL', period='5d')
import urllib.request
urllib.request.urlopen(os.environ["PRICECACHE_YAHOO_PROXY"] + "/_control/fault",
                       b'{"name": "reset", "kind": "chart", "count": 1}').close()
found = failure(lambda: history('AAPL', period='5d'))
"""
        kinds, _ = yfinance(standin, script)

        assert "OSError" in kinds
        charts = [entry["status"] for entry in standin.log if entry["kind"] == "chart"]
        assert charts[-2:] == [200, 0]

    def test_unknown_symbol_costs_what_is_known(self, standin: StandIn) -> None:
        kinds, _ = yfinance(standin, "found = failure(lambda: history('NOSUCH', period='5d'))")

        assert "HTTPError" in kinds
        charts = [entry["status"] for entry in standin.log if entry["kind"] == "chart"]
        assert charts == [404, 404]

    def test_count_symbol_and_kind_limit_a_fault(self, standin: StandIn) -> None:
        standin.fault("429", "AAPL", kind="chart", count=1, retry_after=7)

        assert quote(standin, "AAPL")
        assert chart(standin, "MSFT")
        with pytest.raises(urllib.error.HTTPError, match="429") as refusal:
            chart(standin, "AAPL")
        assert refusal.value.headers["Retry-After"] == "7"
        refusal.value.close()
        assert len(chart(standin, "AAPL", range="5d")["timestamp"]) == 5

    def test_short_and_missing_keys(self, standin: StandIn) -> None:
        standin.fault("short", count=1, last=2)
        standin.fault("missing_keys", keys=["indicators"])

        assert len(chart(standin, "AAPL", range="1mo")["timestamp"]) == 2
        assert "indicators" not in chart(standin, "AAPL")

    def test_no_result_is_an_envelope_with_nothing_in_it(self, standin: StandIn) -> None:
        standin.fault("no_result")

        assert fetch(standin, "/v8/finance/chart/AAPL") == {"chart": {"result": [], "error": None}}

    def test_a_misspelt_fault_is_refused(self, standin: StandIn) -> None:
        with pytest.raises(ValueError, match="no fault 'tiemout'"):
            standin.fault("tiemout")


class TestMutations:
    def close(self, standin: StandIn) -> Any:
        return chart(standin, "ACME", range="max")["indicators"]["quote"][0]["close"]

    @pytest.mark.parametrize(
        ("name", "args", "closes"),
        [
            ("null_bar", {"session": "2026-03-03"}, [9.0, 9.5, None, 10.0, 9.5, 9.25]),
            ("set_bar", {"session": "2026-03-03", "close": -1}, [9.0, 9.5, -1, 10.0, 9.5, 9.25]),
            ("scale", {"first": "2026-03-05"}, [9.0, 9.5, 10.0, 10.0, 950.0, 925.0]),
            ("drop_rows", {"last": "2026-03-03"}, [10.0, 9.5, 9.25]),
            ("duplicate_row", {"session": "2026-03-02"}, [9.0, 9.5, 9.5, 10.0, 10.0, 9.5, 9.25]),
            ("unsort", {}, [9.25, 9.5, 10.0, 10.0, 9.5, 9.0]),
            ("ragged", {}, [9.0, 9.5, 10.0, 10.0, 9.5]),
        ],
    )
    def test_named_mutation_corrupts_and_clears(
        self, acme_standin: StandIn, name: str, args: dict[str, Any], closes: list[float | None]
    ) -> None:
        fetch(acme_standin, "/_control/mutate", {"symbol": "ACME", "name": name, "args": args})
        assert self.close(acme_standin) == closes

        fetch(acme_standin, "/_control/mutations/clear", {})
        assert self.close(acme_standin) == [9.0, 9.5, 10.0, 10.0, 9.5, 9.25]

    def test_meta_and_quote_can_be_changed(self, acme_standin: StandIn) -> None:
        acme_standin.mutate("ACME", "set_meta", currency="GBp")
        acme_standin.mutate("*", "remove_meta", keys=["priceHint"])
        acme_standin.mutate("*", "set_quote", regularMarketPrice=None)
        acme_standin.mutate("*", "remove_quote", keys=["marketState"])

        meta, row = chart(acme_standin, "ACME")["meta"], quote(acme_standin, "ACME")

        assert meta["currency"] == "GBp"
        assert "priceHint" not in meta
        assert row["regularMarketPrice"] is None
        assert "marketState" not in row


class TestReplay:
    def test_newest_body_not_after_the_clock_is_served(self, standin: StandIn) -> None:
        folder = RECORDINGS / "revisions-AAPL"
        if not folder.is_dir():
            pytest.skip(f"no recordings at {folder}")
        early, late = datetime(2025, 8, 15, 15, tzinfo=UTC), datetime(2025, 8, 26, tzinfo=UTC)
        paths = [folder / "00-2025-08-15.json", folder / "10-2025-08-26.json"]
        standin.replay("AAPL", zip((early, late), paths, strict=True))

        for clock, path in ((early, paths[0]), (late + timedelta(days=9), paths[1])):
            standin.set_clock(clock)
            assert chart(standin, "AAPL") == json.loads(path.read_text())["chart"]["result"][0]


class TestControl:
    def test_clock_log_symbols_and_expected_bars(self, acme_standin: StandIn) -> None:
        fetch(acme_standin, "/_control/clock", {"now": "2026-03-03T12:00:00+00:00"})
        chart(acme_standin, "ACME", range="5d")

        assert fetch(acme_standin, "/_control/symbols") == {"symbols": ["ACME"]}
        bars = fetch(acme_standin, "/_control/expected/ACME")["bars"]
        assert [(bar["date"], bar["close"]) for bar in bars] == [
            ("2026-02-27", 90.0),
            ("2026-03-02", 95.0),
        ]
        (entry,) = fetch(acme_standin, "/_control/log")["log"]
        assert (entry["kind"], entry["symbols"], entry["range"]) == ("chart", ["ACME"], "5d")
        fetch(acme_standin, "/_control/log/clear", {})
        assert acme_standin.log == []

    def test_a_revised_bar_is_the_new_truth(self, acme_standin: StandIn) -> None:
        values = {"close": 9.3, "high": 9.4}
        asked = {"symbol": "ACME", "session": "2026-03-06", "values": values}
        fetch(acme_standin, "/_control/revise", asked)

        last = acme_standin.expected_bars("ACME")[-1]

        assert (last["close"], last["high"]) == (9.3, 9.4)


def test_tells_what_closed_a_while_ago(standin: StandIn) -> None:
    """New York closed at 21:00 UTC on Monday 2026-03-02, London at 16:30."""
    hour = timedelta(hours=1)
    for now, symbol, just in (
        ("20:59", "AAPL", False),
        ("21:00", "AAPL", True),
        ("21:59", "AAPL", True),
        ("22:00", "AAPL", False),
        ("17:00", "VOD.L", True),
        ("21:30", "VOD.L", False),
    ):
        standin.set_clock(datetime.fromisoformat(f"2026-03-02 {now}+00:00"))

        assert standin.closed_within(symbol, hour) is just, (now, symbol)
    assert not standin.closed_within("NOBODY", hour)


class TestServer:
    def test_plain_proxy_requests_are_answered_too(self, standin: StandIn) -> None:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": standin.url}))
        url = "http://query2.finance.yahoo.com/v8/finance/chart/%5EGSPC?range=5d&interval=1d"
        with opener.open(url, timeout=5) as answer:
            result = json.load(answer)["chart"]["result"][0]

        assert result["meta"]["symbol"] == "^GSPC"
        assert len(result["timestamp"]) == 5

    def test_sixteen_threads_of_yfinance_agree(self, standin: StandIn) -> None:
        script = """
from concurrent.futures import ThreadPoolExecutor
symbols = ["AAPL", "MSFT", "GOOG", "IBM", "META", "VOD.L", "SAP.DE", "^GSPC"] * 8
with ThreadPoolExecutor(16) as pool:
    found = list(pool.map(lambda s: [s, len(history(s)[1])], symbols))
"""
        found = yfinance(standin, script)

        assert len(found) == 64
        assert all(count == len(standin.expected_bars(symbol)) for symbol, count in found)

    def test_stop_leaves_nothing_behind(self) -> None:
        before = set(threading.enumerate())
        standin = StandIn(acme_book(), now=SATURDAY).start()
        ca_file = Path(standin.ca_file)
        assert 21_000 <= standin.port < 23_000
        assert ca_file.exists()
        with urllib.request.urlopen(standin.url + "/_control/symbols", timeout=5):  # noqa: S310
            standin.stop()

        assert set(threading.enumerate()) == before
        assert not ca_file.parent.exists()
        with pytest.raises(urllib.error.URLError, match="refused"):
            fetch(standin, "/_control/symbols")

    def test_command_line_prints_the_environment_and_ends_on_sigterm(self, tmp_path: Path) -> None:
        with StandIn(acme_book()) as other:
            port = other.port
        command = [sys.executable, "-m", "tests.standin", "--symbols", "2", "--years", "1"]
        command += ["--port", str(port), "--ca-file", str(tmp_path / "ca.pem")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline().strip() for _ in range(4)]
            process.terminate()

        assert lines[0] == f"export PRICECACHE_YAHOO_PROXY=http://127.0.0.1:{port}"
        assert lines[1] == f"export SSL_CERT_FILE={tmp_path / 'ca.pem'}"
        assert process.returncode == 0
        assert list(tmp_path.iterdir()) == []
