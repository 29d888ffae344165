"""The driver's side of the contenders' processes: starting them, asking them, ending them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.contenders import Contender

ROOT = Path(__file__).resolve().parent.parent
PEERS_PYTHON = ROOT / "bench" / ".peers" / "bin" / "python"


class WorkerError(Exception):
    """A contender could not do what it was asked; the message says which and why."""


class Worker:
    """One contender's process; it ends when its stdin does."""

    def __init__(self, contender: Contender, book: Path, place: dict[str, Any]) -> None:
        self.contender = contender
        python = sys.executable if contender.environment == "product" else str(PEERS_PYTHON)
        self._process = subprocess.Popen(
            [python, "-m", "bench.worker", contender.key, str(book), json.dumps(place)],
            cwd=ROOT,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._is_ready = False

    def begin(self, do: str, **asked: Any) -> None:
        """Sends a request; several workers are so asked at the same time."""
        self._wait_ready()
        assert self._process.stdin
        print(json.dumps({"do": do, **asked}), file=self._process.stdin, flush=True)

    def end(self) -> Any:
        """The answer to what was begun."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"{self.contender.label}: its process ended")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.contender.label}: {answer['error']}")
        return answer["ok"]

    def ask(self, do: str, **asked: Any) -> Any:
        self.begin(do, **asked)
        return self.end()

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def _wait_ready(self) -> None:
        if not self._is_ready:
            self.end()
            self._is_ready = True


def ask_all(workers: Iterable[Worker], do: str, **asked: Any) -> dict[str, Any]:
    """Asks one after the other: by contender's key."""
    return {worker.contender.key: worker.ask(do, **asked) for worker in workers}
