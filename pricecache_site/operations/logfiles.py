"""Log files of bounded size, and lines that no text from outside can forge."""

import logging
from collections.abc import Iterable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any


def rotate(path: Path, *, max_bytes: int, keep: int) -> bool:
    """Renames a file larger than `max_bytes` to `<name>.1`, and `<name>.1` to `<name>.2` and so on.

    The oldest of `keep` files is replaced. Returns whether the file was renamed.
    """
    if not path.exists() or path.stat().st_size <= max_bytes:
        return False
    RotatingFileHandler(path, backupCount=keep, delay=True).doRollover()
    return True


def _escape(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class LineFormatter(logging.Formatter):
    """Writes an event as one line; only the lines of a traceback follow, indented.

    Control characters are escaped: those of a path or a provider's text would forge lines or
    change the terminal.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the library's name
        return _escape(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(
            f"    {_escape(line)}" for line in super().formatException(ei).splitlines()
        )

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return "\n".join(f"    {_escape(line)}" for line in stack_info.splitlines())


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
