"""Yahoo's behaviour without the network: routes requests and keeps clock, faults and log."""

import json
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.standin import chart, mutations, quote
from tests.standin.book import Book, Tape, default_book
from tests.standin.faults import Answer, Fault, Faults, Wire, apply
from tests.standin.served import Served, expected_bars, serve

Json = dict[str, Any]
CRUMB = "standin.crumb"
COOKIE = "A3=d=standin; Max-Age=31536000; Domain=.yahoo.com; Path=/; Secure; HttpOnly"
CONSENT = (
    '<html><body><form method="post" action="https://consent.yahoo.com/v2/collectConsent">'
    '<input type="hidden" name="csrfToken" value="csrf">'
    '<input type="hidden" name="sessionId" value="session"></form></body></html>'
)
CHART_PATH = "/v8/finance/chart/"


class Yahoo:
    """The state that a test can set and read. Thread-safe."""

    def __init__(self, book: Book | None = None, *, now: datetime | None = None) -> None:
        self.book = book if book is not None else default_book()
        self.faults = Faults()
        self._now = now
        self._log: list[Json] = []
        self._mutations: list[tuple[str, str, mutations.Mutation]] = []
        self._replays: dict[str, list[tuple[datetime, bytes]]] = {}
        self._histories: dict[str, Json | str | None] = {}
        self._quote_rows: dict[str, Json | str] = {}
        self._lock = threading.Lock()

    @property
    def now(self) -> datetime:
        return self._now or datetime.now(UTC)

    def set_clock(self, now: datetime | None) -> None:
        """Stops the clock at an aware time. None follows the real clock."""
        if now is not None and now.tzinfo is None:
            raise ValueError("the clock needs a time zone")
        self._now = now

    def fault(self, name: str, symbol: str = "*", **options: Any) -> None:
        """See `faults.Fault` for the options and `faults.EFFECTS` for the names."""
        self.faults.add(Fault(name, symbol, **options))

    def mutate(
        self, symbol: str, change: str | mutations.Mutation, *, kind: str = "chart", **args: Any
    ) -> None:
        """Corrupts bodies of a symbol (or "*"), by a function or one of `mutations.NAMED`."""
        if isinstance(change, str):
            kind, make = mutations.NAMED[change]
            change = make(**args)
        with self._lock:
            self._mutations.append((kind, symbol, change))

    def clear_mutations(self) -> None:
        with self._lock:
            self._mutations.clear()

    def replay(self, symbol: str, bodies: Path | Iterable[tuple[datetime, Path]]) -> None:
        """Answers charts of a symbol with recorded bodies: the newest not after the clock."""
        timed = [(datetime.min.replace(tzinfo=UTC), bodies)] if isinstance(bodies, Path) else bodies
        loaded = sorted((at, path.read_bytes()) for at, path in timed)
        with self._lock:
            self._replays[symbol] = loaded

    def serve_history(self, symbol: str, body: Json | str | None) -> None:
        """Answers charts of a symbol with a part of a given body, which has the whole history.

        A text is sent as it is. None: the symbol is unknown from now on.
        """
        with self._lock:
            self._histories[symbol] = body

    def serve_quote(self, symbol: str, row: Json | str) -> None:
        """Answers quotes of a symbol with a given row. A text is sent as it is.

        For the symbol "*" it is the whole body of any answer.
        """
        with self._lock:
            self._quote_rows[symbol] = row

    def forget_served(self) -> None:
        """Forgets what `serve_history` and `serve_quote` were given."""
        with self._lock:
            self._histories.clear()
            self._quote_rows.clear()

    @property
    def log(self) -> list[Json]:
        """Returns the requests answered so far: time, kind, symbols, range, period1, period2, status …"""
        with self._lock:
            return list(self._log)

    def clear_log(self) -> None:
        with self._lock:
            self._log.clear()

    def expected_bars(self, symbol: str) -> list[Json]:
        """Returns the bars of closed sessions as served now, without faults and mutations."""
        view = self._view(symbol)
        return expected_bars(view[1]) if view else []

    def closed_within(self, symbol: str, past: timedelta) -> bool:
        """Returns whether a session of the symbol closed within this time."""
        tape = self.book.tape(symbol)
        now = self.now.timestamp()
        begin = now - past.total_seconds()
        return tape is not None and bool(((tape.closes > begin) & (tape.closes <= now)).any())

    def answer(self, host: str, target: str) -> Answer:
        """Returns and logs the answer to `target` (path and query) on `host`."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query))
        kind, symbols = _classify(host, parts.path, query)
        fault = self.faults.take(kind, symbols)
        answer = self._normal(host, parts.path, kind, symbols, query)
        if fault is not None:
            answer = apply(fault, answer)
        self._note(kind, symbols, query, answer, fault)
        return answer

    def _normal(
        self, host: str, path: str, kind: str, symbols: list[str], query: dict[str, str]
    ) -> Answer:
        if kind == "chart":
            return self._chart(symbols[0], query)
        if kind == "quote":
            return self._quotes(symbols)
        if kind == "crumb":
            return Answer(200, CRUMB.encode(), "text/plain")
        if kind == "cookie":
            text = CONSENT if path == "/consent" else ""
            return Answer(200, text.encode(), "text/html", {"Set-Cookie": COOKIE})
        error = {"code": "Not Found", "description": f"{host}{path} is not played here"}
        return Answer.of_json(404, {"finance": {"result": None, "error": error}})

    def _view(self, symbol: str) -> tuple[Tape, Served] | None:
        tape = self.book.tape(symbol)
        served = serve(tape, self.now) if tape else None
        return (tape, served) if tape and served else None

    def _chart(self, symbol: str, query: dict[str, str]) -> Answer:
        recorded = self._recorded(symbol)
        if symbol in self._histories:
            given = self._histories[symbol]
            if isinstance(given, str):
                return Answer(200, given.encode())
            status, body = chart.part_of(given, query)
        elif recorded is not None:
            status, body = _status_of(recorded), recorded
        else:
            view = self._view(symbol)
            status, body = chart.chart(*view, query) if view else chart.not_found()
        for result in body["chart"]["result"] or ():
            self._corrupt("chart", symbol, result)
        return Answer.of_json(status, body)

    def _quotes(self, symbols: list[str]) -> Answer:
        if len(symbols) > quote.MAX_SYMBOLS:
            return Answer.of_json(*quote.too_many())
        if isinstance(whole := self._quote_rows.get("*"), str):
            return Answer(200, whole.encode())
        given = [self._quote_rows[symbol] for symbol in symbols if symbol in self._quote_rows]
        rows = [dict(row) for row in given if not isinstance(row, str)]
        others = (symbol for symbol in symbols if symbol not in self._quote_rows)
        rows += [quote.row(*view) for symbol in others if (view := self._view(symbol))]
        for row in rows:
            self._corrupt("quote", row["symbol"], row)
        texts = [row for row in given if isinstance(row, str)] + [json.dumps(row) for row in rows]
        return Answer(200, quote.body_of(texts).encode())

    def _recorded(self, symbol: str) -> Json | None:
        with self._lock:
            bodies = self._replays.get(symbol, ())
        past = [body for at, body in bodies if at <= self.now]
        if not bodies:
            return None
        found: Json = json.loads(past[-1] if past else bodies[0][1])
        return found

    def _corrupt(self, kind: str, symbol: str, result: Json) -> None:
        with self._lock:
            changes = [c for k, s, c in self._mutations if k == kind and s in ("*", symbol)]
        for change in changes:
            change(result)

    def _note(
        self,
        kind: str,
        symbols: list[str],
        query: dict[str, str],
        answer: Answer,
        fault: Fault | None,
    ) -> None:
        asked = {key: query.get(key) for key in ("range", "interval", "period1", "period2")}
        entry = {
            "time": time.time(),
            "kind": kind,
            "symbols": symbols,
            **asked,
            "status": 0 if answer.wire is Wire.RESET else answer.status,
            "fault": fault.name if fault else None,
        }
        with self._lock:
            self._log.append(entry)


def _classify(host: str, path: str, query: dict[str, str]) -> tuple[str, list[str]]:
    if path.startswith(CHART_PATH):
        return "chart", [unquote(path.removeprefix(CHART_PATH))]
    if path == "/v7/finance/quote":
        return "quote", [symbol for symbol in query.get("symbols", "").split(",") if symbol]
    if path == "/v1/test/getcrumb":
        return "crumb", []
    if host.split(".")[0] in ("fc", "guce", "consent"):
        return "cookie", []
    return "other", []


def _status_of(body: Json) -> int:
    error = body["chart"]["error"]
    return {"Not Found": 404, "Bad Request": 400}.get(error["code"], 422) if error else 200
