"""The figures of the list as lines of a table, for other programs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from prices.admin.symbols.survey_columns import STATES, states
from prices.reads.survey import Survey

HEADERS = (
    *("symbol", "name", "market", "exchange", "currency", "state", "first_bar", "last_bar"),
    *("bars", "expected", "present", "coverage_percent", "gaps", "sessions_behind"),
    *("last_update", "last_error", "reads"),
)


def lines_of(survey: Survey, symbols: set[str]) -> Iterator[tuple[object, ...]]:
    """The headers, and a line for each of the symbols; what is not known is empty."""
    yield HEADERS
    words = [STATES[place] for place in states(survey)]
    for n in range(len(survey)):
        if survey.symbol[n] not in symbols:
            continue
        held, known = bool(survey.has_history[n]), survey.expected[n] >= 0
        yield (
            *(_text(column[n]) for column in (survey.symbol, survey.name, survey.market)),
            *(_text(column[n]) for column in (survey.mic, survey.currency)),
            words[n],
            *((survey.first[n], survey.last[n]) if held else ("", "")),
            survey.bars[n],
            *((survey.expected[n], survey.present[n]) if known else ("", "")),
            "" if np.isnan(survey.percent[n]) else f"{survey.percent[n]:.2f}",
            survey.gaps[n] if held else "",
            survey.behind[n] if survey.behind[n] >= 0 else "",
            "" if np.isnat(survey.last_update[n]) else f"{survey.last_update[n]}Z",
            _text(survey.last_error[n]),
            survey.reads[n],
        )


def _text(value: str) -> str:
    """A spreadsheet takes what begins like this for a formula."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
