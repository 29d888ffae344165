"""What an answer says about a symbol's row."""

import pytest

from prices.symbols.tracking import mic_of
from tests.prices.domain.builders import fetched, series


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
