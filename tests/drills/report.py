"""Writes what was measured into docs/reliability.md."""

import os
import platform
import re
from datetime import UTC, datetime

from tests.support.whole_system import ROOT

_DOCUMENT = ROOT / "docs" / "reliability.md"


def machine() -> str:
    return f"{platform.system()}, {os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d}"


def write_section(name: str, text: str) -> None:
    """Replaces what is between the marks of a section."""
    marked = re.compile(rf"(?<=<!-- {name} -->\n).*(?=<!-- /{name} -->)", re.DOTALL)
    document, count = marked.subn(lambda _: f"\n{text}\n\n", _DOCUMENT.read_text())
    assert count == 1, f"{_DOCUMENT} has no section {name}"
    _DOCUMENT.write_text(document)
