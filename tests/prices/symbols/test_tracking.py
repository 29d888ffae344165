"""What an answer says about a symbol's row."""

import pytest

from prices.domain.bars import InvalidSymbol, NotTracked
from prices.symbols.tracking import check_spelling, mic_of, not_tracked, tracked_row
from tests.prices.domain.builders import fetched, series
from tests.support.builders import tracked


@pytest.mark.parametrize(
    ("exchange", "kind", "known", "mic"),
    [
        ("NMS", "EQUITY", "", "XNYS"),
        ("NSI", "EQUITY", "", "XBOM"),
        ("???", "EQUITY", "XNYS", ""),
        ("", "EQUITY", "XNYS", "XNYS"),
        ("NAS", "MUTUALFUND", "XNYS", "FUNDS"),
        ("LSE", "MUTUALFUND", "", "FUNDS"),
        ("", "MUTUALFUND", "XNYS", "FUNDS"),
        ("NAS", "", "FUNDS", "FUNDS"),  # The answer does not say what it is.
        ("NAS", "ETF", "FUNDS", "XNYS"),
    ],
)
def test_the_calendar_is_that_of_the_exchange_or_of_funds(
    exchange: str, kind: str, known: str, mic: str
) -> None:
    answer = fetched(series(("2026-03-02", 10.0)), exchange=exchange, instrument_type=kind)

    assert mic_of(answer, known) == mic


@pytest.mark.django_db
class TestSpelling:
    def test_a_share_class_with_a_dot_is_refused_unless_a_market_is_given(self) -> None:
        check_spelling("BRK.B", "US")
        with pytest.raises(InvalidSymbol, match=r"Yahoo has no symbol “BRK\.B”\..*try BRK-B\."):
            check_spelling("brk.b")

    def test_a_symbol_that_is_tracked_already_is_not_refused(self) -> None:
        tracked("BRK.B")

        check_spelling("BRK.B")

    def test_an_unknown_symbol_is_answered_with_the_spelling_that_was_meant(self) -> None:
        with pytest.raises(NotTracked, match=r"^BRK\.B is not tracked\. Yahoo .* try BRK-B\.$"):
            tracked_row("brk.b")
        with pytest.raises(NotTracked, match=r"^BRK-B is not tracked\. Start with POST"):
            tracked_row("brk-b")

    def test_one_hint_stands_for_many_symbols(self) -> None:
        assert not_tracked(["BRK.B", "AAPL"], "Start.") == (
            "Not tracked: BRK.B, AAPL. Yahoo spells share classes and units with a dash: try BRK-B."
        )
        assert not_tracked(["A", "B"], "Start.") == "Not tracked: A, B. Start."
