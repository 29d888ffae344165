"""Runs the stand-in in the foreground: python -m tests.standin --port 21080 --symbols 50."""

import argparse
import signal
import threading
from datetime import datetime
from pathlib import Path

from tests.standin.book import default_book
from tests.standin.server import StandIn


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.standin", description=__doc__)
    parser.add_argument("--port", type=int, default=21080)
    parser.add_argument("--symbols", type=int, default=50)
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--clock", type=datetime.fromisoformat, help="aware ISO time to stop at")
    parser.add_argument("--ca-file", type=Path)
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    book = default_book(options.symbols, options.years)
    with StandIn(book, now=options.clock, port=options.port, ca_file=options.ca_file) as standin:
        for name, value in standin.env().items():
            print(f"export {name}={value}", flush=True)  # noqa: T201
        while not stop.wait(0.1):  # a signal taken by another thread does not end a wait at once
            pass


if __name__ == "__main__":
    main()
