"""Positions and excess sales."""

from __future__ import annotations

from decimal import Decimal

from portfolio.domain.holdings import build_position, find_excess_sale
from prices.domain.actions import Split
from tests.support.portfolio_builders import buy, day, sell

SPLITS = [Split(day("2026-06-04"), 2, 1)]


def test_a_split_applies_to_shares_bought_before_its_day() -> None:
    entries = [buy("2026-06-03", "ACME", "10", "20"), buy("2026-06-04", "ACME", "1", "10")]

    position = build_position("ACME", "USD", entries, SPLITS, lambda currency, day: Decimal(1))

    assert (position.shares, position.cost) == (Decimal(21), Decimal(210))


def test_finds_the_first_sale_of_more_than_is_held() -> None:
    entries = [
        sell("2026-06-05", "ACME", "21", "10"),
        buy("2026-06-03", "ACME", "10", "20"),
        sell("2026-06-08", "ACME", "1", "10"),
    ]

    excess = find_excess_sale(entries, SPLITS)

    assert excess is not None
    assert (excess.entry, excess.held) == (entries[0], Decimal(20))
    assert find_excess_sale(entries[1:], SPLITS) is None
