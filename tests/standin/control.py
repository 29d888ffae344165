"""The control interface: sets clock, faults and mutations over plain HTTP."""

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.standin.faults import Answer
from tests.standin.yahoo import Yahoo

Json = dict[str, Any]
PREFIX = "/_control/"


def control(yahoo: Yahoo, method: str, path: str, body: str) -> Answer:
    """Answers a control request, with 400 if it is invalid. `path` comes without its prefix."""
    try:
        if method == "GET":
            return Answer.of_json(200, _read(yahoo, path))
        ACTIONS[path](yahoo, json.loads(body or "{}"))
        return Answer.of_json(200, {"ok": True})
    except (KeyError, TypeError, ValueError, OSError) as error:
        return Answer.of_json(400, {"error": f"{type(error).__name__}: {error}"})


def _read(yahoo: Yahoo, path: str) -> Json:
    if path == "log":
        return {"log": yahoo.log}
    if path == "symbols":
        return {"symbols": list(yahoo.book.instruments)}
    if path == "clock":
        return {"now": yahoo.now.isoformat()}
    if path.startswith("expected/"):
        symbol = unquote(path.removeprefix("expected/"))
        bars = yahoo.expected_bars(symbol)
        return {"bars": [{**bar, "date": bar["date"].isoformat()} for bar in bars]}
    raise KeyError(path)


def _clock(yahoo: Yahoo, body: Json) -> None:
    yahoo.set_clock(datetime.fromisoformat(body["now"]) if body["now"] else None)


def _fault(yahoo: Yahoo, body: Json) -> None:
    yahoo.fault(**body)


def _mutate(yahoo: Yahoo, body: Json) -> None:
    yahoo.mutate(body["symbol"], body["name"], **body.get("args", {}))


def _revise(yahoo: Yahoo, body: Json) -> None:
    yahoo.book.revise(body["symbol"], date.fromisoformat(body["session"]), **body["values"])


def _replay(yahoo: Yahoo, body: Json) -> None:
    bodies = [(datetime.fromisoformat(at), Path(path)) for at, path in body["bodies"]]
    yahoo.replay(body["symbol"], bodies)


ACTIONS: dict[str, Callable[[Yahoo, Json], None]] = {
    "log/clear": lambda yahoo, body: yahoo.clear_log(),
    "clock": _clock,
    "fault": _fault,
    "faults/clear": lambda yahoo, body: yahoo.faults.clear(),
    "mutate": _mutate,
    "mutations/clear": lambda yahoo, body: yahoo.clear_mutations(),
    "revise": _revise,
    "replay": _replay,
}
