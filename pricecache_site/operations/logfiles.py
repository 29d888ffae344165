"""Log files of bounded size."""

import logging
from collections.abc import Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path


def rotate(path: Path, *, max_bytes: int, keep: int) -> bool:
    """Renames a file larger than `max_bytes` to `<name>.1`, and `<name>.1` to `<name>.2` and so on.

    The oldest of `keep` files is replaced. Returns whether the file was renamed.
    """
    if not path.exists() or path.stat().st_size <= max_bytes:
        return False
    RotatingFileHandler(path, backupCount=keep, delay=True).doRollover()
    return True


class LineLog(RotatingFileHandler):
    """A file of time-stamped lines with at most two older files of 4 MB beside it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, maxBytes=4_000_000, backupCount=2, encoding="utf-8", delay=True, errors="replace"
        )
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))

    def write(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.emit(logging.makeLogRecord({"msg": line}))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the library's name
        """Ignores the error: a full disk must not stop the system, and the terminal has the line."""
