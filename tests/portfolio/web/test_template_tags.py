"""The allocation as a ring and as percentages, which add up with a debt among them."""

import re

from portfolio.web.template_tags import largest_parts, ring

PARTS = [{"name": "USD", "weight": -0.1}, {"name": "EUR", "weight": 1.1}]


def test_a_debt_is_listed_so_that_the_percentages_add_up() -> None:
    assert [(part["name"], part["percent"]) for part in largest_parts(PARTS)] == [
        ("EUR", "110.0\u00a0%"),
        ("USD", "\u221210.0\u00a0%"),
    ]


def test_the_ring_draws_no_debt_and_is_never_more_than_a_whole() -> None:
    drawn = ring(largest_parts(PARTS))

    (length,) = re.findall(r'stroke-dasharray="([\d.]+) ', drawn)
    assert float(length) == 250.33  # the whole circumference 2 x 40 x pi, less the gap of 1


def test_parts_without_a_value_are_left_out() -> None:
    assert largest_parts([{"name": "USD", "weight": 0.0}]) == []
