"""Faults, mutations and the control interface of the stand-in, and its server."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.standin import StandIn
from tests.standin.client import (
    RECORDINGS,
    SATURDAY,
    acme_book,
    chart,
    fetch,
    quote,
    yfinance,
)

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
    def test_yfinance_raises_the_known_errors_and_recovers(self, standin: StandIn) -> None:
        script = f"""
import urllib.request
direct = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
def post(path, body):
    url = os.environ["PRICECACHE_YAHOO_PROXY"] + path
    direct.open(url, json.dumps(body).encode()).close()
def try_out(fault):
    post("/_control/fault", {{"name": fault, "seconds": 20}})
    seconds = 1 if fault == 'hang' else 60
    raised = failure(lambda: history('AAPL', period='5d', timeout=seconds))
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

    def test_no_result_is_an_empty_envelope(self, standin: StandIn) -> None:
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


def test_knows_which_sessions_closed_recently(standin: StandIn) -> None:
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
        with opener.open(url, timeout=60) as answer:
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

    def test_stop_leaves_no_thread_socket_or_file(self) -> None:
        before = set(threading.enumerate())
        standin = StandIn(acme_book(), now=SATURDAY).start()
        ca_file = Path(standin.ca_file)
        assert 21_000 <= standin.port < 23_000
        assert ca_file.exists()
        with urllib.request.urlopen(standin.url + "/_control/symbols", timeout=60):  # noqa: S310
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
