"""Steps shared by the tests of renaming."""

from typing import Any

from prices import services
from prices.domain.actions import Actions
from prices.domain.quotes import Quote
from prices.models import Quarantine, SymbolAlias, TrackedSymbol
from prices.sync.rename import RenameResult
from tests.support.builders import NOW, WEEK, published, tracked

NO_ACTIONS = Actions()
# Another company's prices on the same days.
STRANGER = tuple((row[0], *(price * 7 for price in row[1:5]), row[5]) for row in WEEK)


def renamed(old: str = "FB", new: str = "META") -> RenameResult:
    return services.rename_service().rename(old, new, now=NOW)


def aliases() -> dict[str, str]:
    """Returns the former names: name → symbol of today."""
    return dict(SymbolAlias.objects.values_list("symbol", "target__symbol"))


def symbols() -> set[str]:
    """Returns the tracked symbols."""
    return set(TrackedSymbol.objects.values_list("symbol", flat=True))


def facebook(**fields: Any) -> TrackedSymbol:
    """Tracks FB, with something in every table that is keyed by the symbol."""
    row = tracked("FB", **fields)
    published("FB")
    services.quotes().put([Quote("FB", 12.0, NOW, NOW, "REGULAR")])
    Quarantine.objects.create(symbol="FB", kind="basis", reason="prices are 7 times the stored")
    return row
