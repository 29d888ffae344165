"""Documents: bars as bytes, one by one and all at once."""

from datetime import UTC, date, datetime, timedelta

import bson
from bson.codec_options import CodecOptions

from prices.domain.bars import BarSeries
from prices.store.bars import bar_documents

ROWS = [
    (date(2026, 6, 1) + timedelta(days=n), 1.5 + n, 2.5 + n, 0.5 + n, 1.25 + n, 10 * n)
    for n in range(9)
]

_AWARE: CodecOptions[dict[str, object]] = CodecOptions(tz_aware=True)


class TestBarDocuments:
    def test_of_one_bar_hold_what_was_given_and_no_id(self) -> None:
        (document,) = bar_documents(BarSeries.from_rows(ROWS[:1]), "ACME|1d|x")

        assert bson.decode(document.raw, _AWARE) == {
            **{"m": "ACME|1d|x", "ts": datetime(2026, 6, 1, tzinfo=UTC)},
            **{"o": 1.5, "h": 2.5, "l": 0.5, "c": 1.25, "v": 0},
        }

    def test_are_the_same_bytes_one_by_one_and_all_at_once(self) -> None:
        together = [d.raw for d in bar_documents(BarSeries.from_rows(ROWS), "ACME|1d|x")]
        alone = [
            d.raw for row in ROWS for d in bar_documents(BarSeries.from_rows([row]), "ACME|1d|x")
        ]

        assert together == alone
