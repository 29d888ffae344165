"""Steps shared by the tests of sync and live update."""

from datetime import datetime
from typing import Any

from prices import services
from prices.domain.actions import Actions
from prices.domain.answers import Outcome
from prices.domain.bars import BarSeries, SeriesKey
from tests.support.builders import NOW

ACME = SeriesKey("ACME")
NONE = Actions()


def synced(*symbols: str, now: datetime = NOW, **options: Any) -> dict[str, Outcome]:
    outcomes = services.sync_service().sync(symbols or ("ACME",), now=now, **options)
    return {outcome.symbol: outcome for outcome in outcomes}


def stored(symbol: str = "ACME") -> list[tuple[Any, ...]]:
    """Returns (session, open, high, low, close, volume) of every stored bar."""
    found = services.bars().read(SeriesKey(symbol))
    bars = found.bars if found else BarSeries.empty()
    return [(bars[at].ts.date(), *bars[at][1:]) for at in range(len(bars))]


def facts(symbol: str = "ACME") -> Any:
    manifest = services.bars().manifest(SeriesKey(symbol))
    assert manifest is not None
    return manifest.facts
