"""Publishing the sample, for an installation without the internet."""

from datetime import datetime

from prices.domain.bars import SeriesKey
from prices.domain.sessions import sessions_of
from prices.models import TrackedSymbol
from prices.providers import sample
from prices.store.bars import BarRepository
from prices.symbols.tracking import fields_from_answer, track
from prices.sync.publish import publish


def load_sample(bars: BarRepository, *, now: datetime) -> list[str]:
    """Tracks the sample's symbols, and publishes the sample for those without a history.

    Returns the symbols that it was published for. :raises Unavailable: it is not installed.
    """
    loaded = []
    for symbol, answer in sample.history():
        row, _ = track(symbol, "US", now=now)
        key = SeriesKey(row.symbol)
        if bars.read(key) is None:
            publish(bars, key, answer, sessions_of("XNYS"), now=now)
            TrackedSymbol.objects.filter(pk=row.pk).update(**fields_from_answer(row, answer))
            loaded.append(row.symbol)
    return loaded
