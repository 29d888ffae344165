"""Texts of notices."""

from __future__ import annotations

from portfolio.domain.notices import build_notice, merge_texts
from tests.support.portfolio_builders import day


def test_a_text_shared_by_several_symbols_names_them_all() -> None:
    since = day("2026-06-05")
    warnings = [
        {"symbol": symbol, "text": build_notice("stale", since, symbol, reason=reason).text}
        for symbol, reason in (("A", "behind"), ("B", "behind"), ("C", "suspended"))
    ]

    assert merge_texts([*warnings, {"symbol": "", "text": "Cash is below zero."}]) == [
        "A, B: the last close is of 2026-06-05 (behind); it is used for the days since.",
        "C: the last close is of 2026-06-05 (suspended); it is used for the days since.",
        "Cash is below zero.",
    ]
