"""Tracking: starting and stopping to track symbols, and finding their rows."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from time import sleep
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from prices.domain.answers import FUND, Fetched
from prices.domain.bars import InvalidSymbol, NotTracked, SeriesKey, parse_symbol
from prices.domain.freshness import RECORD_FIELDS, SymbolState
from prices.domain.markets import MIC_OF_EXCHANGE, Market, market_of, resolve, spelling_hint
from prices.domain.quotas import check_quota
from prices.domain.quotes import Quote
from prices.domain.sessions import FUNDS
from prices.models import Quarantine, SymbolAlias, TrackedSymbol
from prices.store.bars import BarRepository
from prices.store.listings import Listings
from prices.store.manifests import Catalog
from prices.store.mongo import StoreError
from prices.store.quotes import QuoteStore

logger = logging.getLogger(__name__)
# Rows that are written in one transaction, which keeps all others from writing meanwhile. They try
# again every 100 ms at most, so that most get their turn in the pause between two batches.
BATCH_SIZE = 500
_PAUSE_SECONDS = 0.05


def track(
    symbol: str, market: str = "", *, now: datetime, user: User | None = None
) -> tuple[TrackedSymbol, bool]:
    """Tracks a symbol as a user typed it. Returns its row and whether that is new.

    A former name returns the row of the symbol that has the history today.
    :raises InvalidSymbol, UnknownMarket, QuotaReached: with a message for users.
    """
    canonical, known = resolve(symbol, market)
    check_user_quota([canonical], user)
    row = resolve_row(canonical)
    if row is None:
        fields = {"added_at": now, "added_by": user, **_market_fields(known)}
        return TrackedSymbol.objects.get_or_create(symbol=canonical, defaults=fields)
    if not row.on_its_own:
        row.on_its_own = True
        row.save(update_fields=["on_its_own"])
    return row, False


def check_user_quota(symbols: Iterable[str], user: User | None) -> None:
    """Checks whether a user may track the canonical symbols. :raises QuotaReached:"""
    if user is None or user.is_superuser or not settings.SYMBOLS_PER_USER:
        return
    wanted = set(symbols)
    held = TrackedSymbol.objects.filter(added_by=user).count()
    check_quota(held, len(wanted - resolve_rows(wanted).keys()), settings.SYMBOLS_PER_USER)


def find_new(symbols: Sequence[str]) -> list[str]:
    """Returns the canonical symbols that nobody tracks, also under another name; two queries."""
    rows, aliases = TrackedSymbol.objects.order_by(), SymbolAlias.objects.all()
    if len(symbols) <= BATCH_SIZE:  # a query with more parameters takes longer than all rows
        rows, aliases = rows.filter(symbol__in=symbols), aliases.filter(symbol__in=symbols)
    known = {*rows.values_list("symbol", flat=True), *aliases.values_list("symbol", flat=True)}
    return [symbol for symbol in symbols if symbol not in known]


def add_rows(symbols: Sequence[str], *, now: datetime, user_id: int | None) -> None:
    """Tracks canonical symbols for as long as a portfolio needs them, whatever the user's quota.

    Others may write between two batches. It may run twice, also at the same time.
    """
    for batch in _in_batches(symbols):
        rows = [
            TrackedSymbol(
                symbol=symbol,
                added_at=now,
                added_by_id=user_id,
                on_its_own=False,
                **_market_fields(market_of(symbol)),
            )
            for symbol in batch
        ]
        TrackedSymbol.objects.bulk_create(rows, ignore_conflicts=True)


def _in_batches(symbols: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(symbols), BATCH_SIZE):
        if at:
            sleep(_PAUSE_SECONDS)
        yield symbols[at : at + BATCH_SIZE]


def _market_fields(market: Market | None) -> dict[str, str]:
    """Returns what the market tells about a new symbol."""
    if market is None:
        return {}
    return {"market": market.name, "mic": market.mic or "", "currency": market.currency}


def check_spelling(symbol: str, market: str = "") -> None:
    """Checks a symbol as a user typed it, unless it is tracked already.

    :raises InvalidSymbol, UnknownMarket: Yahoo spells it differently; the message says how.
    """
    canonical, _ = resolve(symbol, market)
    if (hint := spelling_hint(canonical)) and resolve_row(canonical) is None:
        raise InvalidSymbol(f"Yahoo has no symbol “{canonical}”. {hint}")


def not_tracked(symbols: Iterable[str], advice: str) -> str:
    """Returns the sentence about canonical symbols that are not tracked, with hints at spelling."""
    names = list(symbols)
    hints = dict.fromkeys(filter(None, map(spelling_hint, names)))
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return " ".join([f"Not tracked: {', '.join(names[:10])}{more}.", *(hints or [advice])])


def resolve_row(symbol: str) -> TrackedSymbol | None:
    """Returns the row of a symbol or of a former name. Returns None if it is not tracked."""
    row = TrackedSymbol.objects.filter(symbol=symbol).first()
    if row is not None:
        return row
    alias = SymbolAlias.objects.filter(symbol=symbol).select_related("target").first()
    if alias is not None:
        return alias.target
    # It may have got its former name back since the first query.
    return TrackedSymbol.objects.filter(symbol=symbol).first()


def resolve_rows(symbols: Iterable[str]) -> dict[str, TrackedSymbol]:
    """Returns the rows of symbols and former names, by the given name; at most two queries."""
    wanted = set(symbols)
    if not wanted:
        return {}
    found = {row.symbol: row for row in TrackedSymbol.objects.filter(symbol__in=wanted)}
    if lacking := wanted - found.keys():
        aliases = SymbolAlias.objects.filter(symbol__in=lacking).select_related("target")
        found |= {alias.symbol: alias.target for alias in aliases}
    return found


def tracked_row(symbol: str) -> TrackedSymbol:
    """Returns the row of a symbol or of a former name, as a user typed it.

    :raises NotTracked, InvalidSymbol: with a message for users.
    """
    canonical = parse_symbol(symbol)
    row = resolve_row(canonical)
    if row is None:
        start = (
            f'Start with POST /cache/backfill-symbol {{"symbol": "{canonical}"}} or '
            f"manage.py track {canonical}."
        )
        raise NotTracked(f"{canonical} is not tracked. {spelling_hint(canonical) or start}")
    return row


def current_names(symbols: Iterable[str]) -> list[str]:
    """Returns the symbols with former names replaced by current ones; each once, in order."""
    wanted = list(symbols)
    aliases = SymbolAlias.objects.filter(symbol__in=wanted)
    today = dict(aliases.values_list("symbol", "target__symbol"))
    return list(dict.fromkeys(today.get(symbol, symbol) for symbol in wanted))


def symbol_states(
    catalog: Catalog, quotes: Mapping[str, Quote] = MappingProxyType({})
) -> list[SymbolState]:
    """Returns the states of all tracked symbols with one query to each database."""
    held = catalog.all()
    # Loading whole rows would take five times as long.
    rows = TrackedSymbol.objects.values_list(*RECORD_FIELDS, named=True)
    return [SymbolState.of(row, held.get(row.symbol), quotes.get(row.symbol)) for row in rows]


def fields_from_answer(row: TrackedSymbol, answer: Fetched | None) -> dict[str, str]:
    """Returns the fields of a row that change by what an answer says about the symbol."""
    if answer is None or not answer.exchange:
        return {}
    values = {
        "mic": mic_of(answer, row.mic),
        "currency": answer.currency or row.currency,
        "timezone": answer.timezone,
        "name": (answer.name or row.name)[:200],
        "instrument_type": answer.instrument_type or row.instrument_type,
    }
    return {field: value for field, value in values.items() if value != getattr(row, field)}


def mic_of(answer: Fetched, known: str) -> str:
    """Returns the MIC of an answer's exchange, empty for an unknown one; `known` if it has none.

    Funds get a calendar of their own: they are not priced by their exchange's sessions.
    """
    if answer.instrument_type == FUND or (known == FUNDS and not answer.instrument_type):
        return FUNDS
    return MIC_OF_EXCHANGE.get(answer.exchange, "") if answer.exchange else known


# The fields of a row without any failure.
CLEAN_RECORD: dict[str, Any] = {
    "last_error": "",
    "failures": 0,
    "next_attempt_at": None,
    "missing_since": None,
    "missing_reason": "",
}
# And those of a row that is synced again, no matter who suspended it.
RESUMED: dict[str, Any] = {**CLEAN_RECORD, "active": True, "suspended_reason": ""}


def resume(rows: QuerySet[TrackedSymbol]) -> int:
    """Resumes suspended symbols with a clean record. Returns how many."""
    return rows.update(**RESUMED)


def droppable_rows() -> QuerySet[TrackedSymbol]:
    """Returns the symbols that only portfolios needed and that never had an answer."""
    return TrackedSymbol.objects.filter(on_its_own=False, last_update=None).order_by()


def drop_unheld(symbols: set[str], find_held: Callable[[set[str]], set[str]]) -> list[str]:
    """Stops tracking those droppable symbols that nothing holds. Returns them.

    `find_held` returns which of some symbols are in use. Nothing is booked while a batch of them
    is dropped.
    """
    dropped: list[str] = []
    for batch in _in_batches(sorted(symbols - find_held(symbols))):
        dropped += _drop_batch(batch, find_held)
    return dropped


@transaction.atomic
def _drop_batch(symbols: Sequence[str], find_held: Callable[[set[str]], set[str]]) -> list[str]:
    rows = droppable_rows().select_for_update().filter(symbol__in=symbols)
    names = set(rows.values_list("symbol", flat=True))
    dropped = sorted(names - find_held(names)) if names else []
    Quarantine.objects.filter(symbol__in=dropped).delete()
    TrackedSymbol.objects.filter(symbol__in=dropped).delete()
    return dropped


def untrack(row: TrackedSymbol, listings: Callable[[], Listings], *, now: datetime) -> None:
    """Stops tracking a symbol, also while the store does not answer. Its prices stay there."""
    with transaction.atomic():
        Quarantine.objects.filter(symbol=row.symbol).delete()
        row.delete()
    try:
        listings().give_up([row.symbol], now=now)
    except StoreError as error:
        # Status will name its series as untracked, until somebody decides again.
        logger.warning("The store does not know that %s was untracked: %s", row.symbol, error)


def forget_alias(
    alias: SymbolAlias, *, bars: BarRepository, quotes: QuoteStore, now: datetime
) -> None:
    """Frees a former name, so that another company can use it."""
    # A fetch that was under way during the rename may have stored bars under the old name.
    bars.delete(SeriesKey(alias.symbol), now=now)
    quotes.delete(alias.symbol)
    alias.delete()
