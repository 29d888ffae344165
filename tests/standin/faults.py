"""Faults: ways in which a request can fail, and the list of the active ones."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

from tests.standin.chart import failure

Json = dict[str, Any]
ERROR_PAGE = "<html><body><h1>Internal Server Error</h1></body></html>"
DOWN = "<html><body>Will be right back... Thank you for your patience.</body></html>"


class Wire(Enum):
    """What happens to the bytes of an answer."""

    WHOLE = "whole"
    TRUNCATED = "truncated"
    RESET = "reset"


@dataclass
class Answer:
    """A response, sent after `wait` seconds."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    wire: Wire = Wire.WHOLE
    wait: float = 0.0

    @classmethod
    def of_json(cls, status: int, body: Json) -> Answer:
        return cls(status, json.dumps(body).encode())


@dataclass
class Fault:
    """`kind` is chart, quote, crumb, cookie, other or *. Without `count` it lasts until cleared."""

    name: str
    symbol: str = "*"
    kind: str = "*"
    count: int | None = None
    seconds: float = 30.0  # hang, delay
    retry_after: int | None = None  # 429
    last: int = 5  # short: the number of rows or quotes left
    keys: tuple[str, ...] = ("indicators",)  # missing_keys, of the result

    def __post_init__(self) -> None:
        if self.name != "refuse" and self.name not in EFFECTS:
            raise ValueError(f"no fault {self.name!r}; there are refuse, {', '.join(EFFECTS)}")

    def hits(self, kind: str, symbols: Iterable[str]) -> bool:
        if self.name == "refuse" or kind == "connect":
            return self.name == "refuse" and kind == "connect"
        return self.kind in ("*", kind) and (self.symbol == "*" or self.symbol in symbols)


class Faults:
    """The active faults, oldest first. Each lasts until its count is used up. Thread-safe."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, kind: str, symbols: Iterable[str] = ()) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.hits(kind, symbols):
                    return self._spend(fault)
        return None

    def _spend(self, fault: Fault) -> Fault:
        if fault.count is not None:
            fault.count -= 1
            if fault.count <= 0:
                self._faults.remove(fault)
        return fault


def apply(fault: Fault, answer: Answer) -> Answer:
    return EFFECTS[fault.name](fault, answer)


def _error(status: int, code: str, description: str) -> Callable[[Fault, Answer], Answer]:
    return lambda fault, answer: Answer.of_json(status, failure(code, description))


def _page(status: int, text: str) -> Callable[[Fault, Answer], Answer]:
    return lambda fault, answer: Answer(status, text.encode(), "text/html")


def _too_many(fault: Fault, answer: Answer) -> Answer:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return Answer(429, b"Too Many Requests\r\n", "text/html", headers)


def _malformed(fault: Fault, answer: Answer) -> Answer:
    answer.body = answer.body[: len(answer.body) // 2]
    return answer


def _bomb(fault: Fault, answer: Answer) -> Answer:
    return Answer(200, _packed_bomb(), headers={"Content-Encoding": "gzip"})


@cache
def _packed_bomb() -> bytes:
    """Returns 100 kB that unpack to 100 MB."""
    return gzip.compress(b'{"chart": ' + b" " * 100_000_000)


def _deep(fault: Fault, answer: Answer) -> Answer:
    return Answer(200, b'{"chart": ' + b"[" * 100_000)


def _truncated(fault: Fault, answer: Answer) -> Answer:
    answer.wire = Wire.TRUNCATED
    return answer


def _reset(fault: Fault, answer: Answer) -> Answer:
    answer.wire = Wire.RESET
    return answer


def _hang(fault: Fault, answer: Answer) -> Answer:
    answer.wire, answer.wait = Wire.RESET, fault.seconds
    return answer


def _delay(fault: Fault, answer: Answer) -> Answer:
    answer.wait = fault.seconds
    return answer


def _short(fault: Fault, answer: Answer) -> Answer:
    """Leaves the newest rows of a chart, or the first quotes; 0 is Yahoo's empty answer."""
    body = json.loads(answer.body)
    if "quoteResponse" in body:
        del body["quoteResponse"]["result"][fault.last :]
    for result in body.get("chart", {}).get("result") or ():
        if fault.last == 0:
            result.pop("timestamp", None)
            result.pop("events", None)
            result["indicators"] = {"quote": [{}], "adjclose": [{}]}
            continue
        columns = (block[0] for block in result["indicators"].values())
        for values in (result.get("timestamp", []), *(v for c in columns for v in c.values())):
            del values[: -fault.last]
    return Answer.of_json(answer.status, body)


def _empty(fault: Fault, answer: Answer) -> Answer:
    return _short(Fault("short", last=0), answer)


def _no_result(fault: Fault, answer: Answer) -> Answer:
    body = json.loads(answer.body)
    return Answer.of_json(answer.status, {name: {"result": [], "error": None} for name in body})


def _missing_keys(fault: Fault, answer: Answer) -> Answer:
    body = json.loads(answer.body)
    for envelope in body.values():
        for result in envelope["result"] or ():
            for key in fault.keys:
                result.pop(key, None)
    return Answer.of_json(answer.status, body)


EFFECTS: dict[str, Callable[[Fault, Answer], Answer]] = {
    "404": _error(404, "Not Found", "No data found, symbol may be delisted"),
    "400": _error(400, "Bad Request", "Data doesn't exist for startDate = 0, endDate = 1"),
    "422": _error(
        422,
        "Unprocessable Entity",
        "15m data not available for startTime=0 and endTime=1. "
        "The requested range must be within the last 60 days.",
    ),
    "429": _too_many,
    "500": _error(500, "Internal Server Error", "boom"),
    "500_html": _page(500, ERROR_PAGE),
    "502": _page(502, "<html><body><h1>502 Bad Gateway</h1></body></html>"),
    "html": _page(200, "<html><body>Hello</body></html>"),
    "right_back": _page(200, DOWN),
    "malformed": _malformed,
    "bomb": _bomb,
    "deep": _deep,
    "forged": _error(500, "Error", "boom\r\nWARNING forged \x1b[2J\u202e" + "x" * 10_000),
    "truncated": _truncated,
    "reset": _reset,
    "hang": _hang,
    "delay": _delay,
    "empty": _empty,
    "short": _short,
    "no_result": _no_result,
    "missing_keys": _missing_keys,
}
