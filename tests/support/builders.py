"""Builders of tracked symbols and stored bars for tests."""

from datetime import UTC, date, datetime

from prices import services
from prices.domain.actions import Actions, Dividend, Split
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.series import Facts
from prices.models import TrackedSymbol

# A Tuesday morning in New York: Monday 2026-06-08 is the last closed session.
NOW = datetime(2026, 6, 9, 12, 0, tzinfo=UTC)

# Five sessions of XNYS, Tuesday 2 to Monday 8 June 2026, by hand: session, o, h, l, c, v.
WEEK = (
    (date(2026, 6, 2), 10.0, 11.0, 9.5, 10.5, 1_000),
    (date(2026, 6, 3), 10.5, 12.0, 10.0, 11.5, 2_000),
    (date(2026, 6, 4), 11.5, 11.75, 11.0, 11.25, 3_000),
    (date(2026, 6, 5), 11.25, 13.0, 11.25, 12.5, 4_000),
    (date(2026, 6, 8), 12.5, 12.75, 12.0, 12.25, 5_000),
)
# A 2:1 split on the 4th, half a dollar paid on the 8th.
ACTIONS = Actions((Split(date(2026, 6, 4), 2, 1),), (Dividend(date(2026, 6, 8), 0.5),))


def tracked(symbol: str = "ACME", **fields: object) -> TrackedSymbol:
    """Creates a row as a first sync leaves it."""
    known: dict[str, object] = {
        "market": "US",
        "mic": "XNYS",
        "currency": "USD",
        "name": "Acme Corporation",
        "last_update": NOW,
        "added_at": NOW,
    }
    return TrackedSymbol.objects.create(symbol=symbol, **{**known, **fields})


def published(
    symbol: str = "ACME", rows: object = WEEK, actions: Actions = ACTIONS, **facts: object
) -> None:
    """Publishes bars, fetched at `NOW`."""
    known: dict[str, object] = {"source": "yahoo", "currency": "USD", "fetched_at": NOW}
    services.bars().replace(
        SeriesKey(symbol),
        None,
        BarSeries.from_rows(rows),  # type: ignore[arg-type]
        Facts(actions=actions, **{**known, **facts}),  # type: ignore[arg-type]
        now=NOW,
    )
