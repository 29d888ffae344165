"""One mutation: a guard of the source, the text that breaks it, and the tests that must fail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutation:
    """`text` stands exactly once in `file`; with `broken` in its place one of `tests` must fail."""

    file: str
    text: str
    broken: str
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}: {_line(self.text)} → {_line(self.broken)}"

    def misplaced(self) -> str:
        """Why it cannot be applied to the source as it is; empty if it can."""
        found = (ROOT / self.file).read_text().count(self.text)
        return "" if found == 1 else f"{self} … is {found} times in the source, not once"

    def applied(self, source: str) -> str:
        return source.replace(self.text, self.broken)


def _line(text: str) -> str:
    return " ".join(text.split())
