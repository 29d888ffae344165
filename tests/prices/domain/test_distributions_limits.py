"""The limits of what is believed about dividends, by falls that are computed by hand."""

from datetime import date, timedelta

import pytest

from prices.domain.actions import Actions, Dividend
from tests.prices.domain.builders import series
from tests.prices.domain.test_distributions import converted, judge


class TestEvidence:
    """A new dividend of 0.2 on a price of 100, or of 20 if it is in pounds.

    The price alternates between 100 and 105, so that a usual fall is 1.4826 * 100 * ln(1.05), 7.23,
    and counts (fall - 0.2)² - (fall - 20)², over 7.23². That is 2 at a fall of 12.74, and each
    additional 1 needs one of 1.32 more. The price was 10 on the first day.
    """

    EX = date(2026, 3, 1)

    def is_converted(
        self, amount: float, *falls: float, pence: tuple[float, ...], pounds: tuple[float, ...]
    ) -> bool:
        closes = [10.0, *[105.0, 100.0] * 40]
        days = [self.EX + timedelta(days=n) for n in (0, *range(10, 10 * len(falls), 10))]
        for one, fall in zip(days, falls, strict=True):
            at = 41 + (one - self.EX).days
            closes[at : at + 2] = [100.0 - fall, 105.0]
        begin = self.EX - timedelta(days=41)
        rows = (((begin + timedelta(days=n)).isoformat(), c) for n, c in enumerate(closes))
        old = [date(2020, 1, 1) + timedelta(days=n) for n in range(9)]
        known = (
            *(Dividend(one, a) for one, a in zip(old, pence, strict=False)),
            *(
                Dividend(one, a, converted_from="GBP")
                for one, a in zip(old[::-1], pounds, strict=False)
            ),
        )
        told = Actions((), tuple(Dividend(one, amount) for one in days))
        found = converted(series(*rows), told, "GBp", Actions((), known))
        assert set(found) <= {amount, round(amount * 100, 9)}
        return found[0] != amount

    @pytest.mark.parametrize(
        ("amount", "pence", "pounds", "from_fall"),
        [
            pytest.param(0.2, (), (), 12.74, id="alone"),
            pytest.param(0.2, (), (20.0,), 7.46, id="usually in pounds"),
            pytest.param(0.2, (0.2,), (), 18.03, id="usually in pence"),
            pytest.param(0.2, (0.2,), (20.0,), 18.03, id="as often in either"),
            pytest.param(0.2, (0.2,), (20.0, 20.0), 7.46, id="more often in pounds"),
            pytest.param(0.2, (20.0,), (), 4.82, id="a hundredth of the other one"),
            pytest.param(0.2, (20.0,), (20.0,), -0.46, id="as another hundredth"),
            pytest.param(0.2, (20.0, 0.2), (), 10.1, id="as a small one in pence"),
            pytest.param(0.2, (2.0,), (), 18.03, id="a tenth of the other one"),
            # Less than 0.08 % or more than 25 % of the price is implausible and counts 6.
            pytest.param(0.26, (), (), 21.26, id="too much in pounds"),
            pytest.param(0.25, (), (), 14.74, id="just not too much in pounds"),
            pytest.param(0.07, (), (), -11.57, id="too little in pence"),
            pytest.param(0.08, (), (), 10.65, id="just not too little in pence"),
        ],
    )
    def test_of_a_fall_is_weighed_with_what_is_usual(
        self, amount: float, pence: tuple[float, ...], pounds: tuple[float, ...], from_fall: float
    ) -> None:
        assert self.is_converted(amount, from_fall + 0.1, pence=pence, pounds=pounds)
        assert not self.is_converted(amount, from_fall - 0.1, pence=pence, pounds=pounds)

    def test_of_several_falls_adds_up(self) -> None:
        """Of two, each has to count 1: from 11.42 on."""
        assert self.is_converted(0.2, 11.5, 11.5, pence=(), pounds=())
        assert not self.is_converted(0.2, 11.3, 11.3, pence=(), pounds=())


class TestThresholds:
    """An odd amount, and just not one.

    The price is 100 and does not move but on the ex-date. It was 10 on the first day.
    """

    EX = date(2026, 3, 11)

    def judge(
        self, fall: float, told: Dividend, stored: float | None = None, sibling: float | None = None
    ) -> str:
        rows = [("2026-03-02", 10.0), *((f"2026-03-{n:02}", 100.0) for n in (3, 4, 5, 6, 9, 10))]
        rest = [(f"2026-03-{n}", 100.0 - fall) for n in (11, 12, 13)]
        others = () if sibling is None else (Dividend(date(2026, 1, 5), sibling),)
        known = () if stored is None else (Dividend(self.EX, stored),)
        _, reason = judge(
            series(*rows, *rest), Actions((), (*others, told)), Actions((), (*others, *known))
        )
        return reason

    @pytest.mark.parametrize(
        ("fall", "amount", "stored", "sibling", "doubted"),
        [
            # A change by a factor of seven needs a fall that fits it better by what is usual:
            # (fall - 0.2)² - (fall - 1.5)² is more than 0.02 from a fall of 0.858 on.
            (0.0, 1.5, 0.2, None, True),
            (0.855, 1.5, 0.2, None, True),
            (0.87, 1.5, 0.2, None, False),
            (1.5, 1.5, 0.2, None, False),
            (0.0, 7.0, 1.0, None, True),
            (0.0, 6.99, 1.0, None, False),
            (7.0, 1.0, 7.0, None, True),
            (7.0, 1.01, 7.0, None, False),
            # It may correct an amount that is odd beside its sibling, to one that is not.
            (0.0, 5.0, 0.5, 5.0, False),
            (0.0, 5.0, 0.5, 0.7, True),
            (0.0, 5.0, 0.5, 50.0, True),
            (0.0, 3.5, 0.5, 3.5, False),
            (0.0, 3.6, 0.51, 3.5, True),
            (24.5, 3.5, 24.5, 3.5, False),
            (24.4, 3.4, 24.4, 3.5, True),
            # More than seven times the usual amount, of which the price fell by half or less.
            (0.0, 7.0, None, 1.0, False),
            (0.0, 7.01, None, 1.0, True),
            (5.0, 10.0, None, 1.0, True),
            (5.1, 10.0, None, 1.0, False),
            # Less than a seventh of it, of which the price fell by more.
            (7.0, 1.0, None, 7.0, False),
            (7.0, 0.99, None, 7.0, True),
            (0.99, 0.99, None, 7.0, False),
            (0.5, 1.0, None, 0.5, False),
            # More than a tenth of the price.
            (0.0, 10.0, None, None, False),
            (0.0, 10.01, None, None, True),
            (5.01, 10.01, None, None, False),
            (0.0, 5.0, None, None, False),
        ],
    )
    def test_of_the_size(
        self,
        fall: float,
        amount: float,
        stored: float | None,
        sibling: float | None,
        *,
        doubted: bool,
    ) -> None:
        assert bool(self.judge(fall, Dividend(self.EX, amount), stored, sibling)) is doubted

    @pytest.mark.parametrize(
        ("fall", "amount", "stored", "sibling", "why"),
        [
            (0.0, 5.0, 0.5, None, "10 times the stored amount, which the price does not show"),
            (0.0, 5.0, None, 0.4, "12.5 times the usual amount, but the price did not fall by it"),
            (5.0, 0.5, None, 5.0, "0.1 times the usual amount, but the price fell by more"),
        ],
    )
    def test_are_named(
        self, fall: float, amount: float, stored: float | None, sibling: float | None, why: str
    ) -> None:
        kept = "it does not adjust prices" if stored is None else "the stored 0.5 stays"
        says = f"the provider's dividend of 2026-03-11 is {amount:g}, {why}; {kept}"

        assert self.judge(fall, Dividend(self.EX, amount), stored, sibling) == says

    def test_do_not_hold_for_a_converted_amount_or_one_in_its_own_currency(self) -> None:
        says = "the provider's dividend of 2026-03-11 is 50 on a price of 100, but the price did "

        assert self.judge(0.0, Dividend(self.EX, 50.0)).startswith(says)
        assert self.judge(0.0, Dividend(self.EX, 50.0, converted_from="GBP")) == ""
        assert self.judge(0.0, Dividend(self.EX, 50.0, currency="EUR")) == ""
