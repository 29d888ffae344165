"""Cases from the API's own schema, sent to a whole system by Schemathesis."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.support.whole_system import System

_FOLDER = Path(__file__).parent
# Booked for the administrator, so that cases meet something that exists.
_FILE = "kind,date,symbol,quantity,price\nbuy,2026-01-05,AAPL,10,100\nbuy,2026-01-06,MSFT,5,200\n"
IDENTITIES = ("nobody", "administrator")


class Fuzzed(NamedTuple):
    """What Schemathesis found in so many cases; `report` says it in its own words."""

    cases: int
    passed: bool
    report: str


def prepare(running: System, symbols: list[str]) -> None:
    """Stores what the cases ask for: symbols with prices, runs, and portfolios with bookings."""
    running.manage("track", *symbols)
    running.post("/cache/sync-historical?wait=120")
    for name in ("First", "Second", "Third"):
        portfolio = running.post("/portfolio", {"name": name, "base_currency": "USD"})
        running.send(f"/portfolio/{portfolio['id']}/import", _FILE.encode(), "text/csv")


def fuzz(running: System, identity: str, *options: str) -> Fuzzed:
    """Runs `st run` with all checks as one of `IDENTITIES`, in a folder of its own."""
    folder = running.folder / identity
    folder.mkdir()
    token = f"Authorization: Token {running.token()}"
    header = ("--header", token) if identity == "administrator" else ()
    command = [
        *(str(Path(sys.executable).with_name("st")), "--no-color"),
        *("--config-file", str(_FOLDER / "schemathesis.toml")),
        *("run", f"http://127.0.0.1:{running.port}/cache/schema"),
        *header,
        *options,
    ]
    done = subprocess.run(
        command, cwd=folder, env=running.env, capture_output=True, text=True, check=False
    )
    told = re.search(r"([\d,]+) generated", done.stdout)
    cases = int(told[1].replace(",", "")) if told else 0
    return Fuzzed(cases, done.returncode == 0, done.stdout + done.stderr)
