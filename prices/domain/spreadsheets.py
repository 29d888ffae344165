"""Texts in exported tables, which spreadsheets take for formulas if they look like one."""

import re

# Where a spreadsheet would read a formula, also if it splits lines at semicolons or tabs.
_FORMULA = r"(\A|[;\t\r\n] *){}(?='*[-=+@\uff0d\uff1d\uff0b\uff20])"
_START = re.compile(_FORMULA.format(""))
_ESCAPED_START = re.compile(_FORMULA.format("'"))


def escape_formulas(text: str) -> str:
    """Puts an apostrophe before what a spreadsheet would execute as a formula."""
    return _START.sub(r"\1'", text)


def unescape_formulas(text: str) -> str:
    """Returns the text that `escape_formulas` was given."""
    return _ESCAPED_START.sub(r"\1", text)
