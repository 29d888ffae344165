"""Verifying through the real provider: exactly what Yahoo revised is found, and fixed."""

from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from prices import services
from prices.domain.actions import Split
from prices.models import TrackedSymbol
from prices.store.mongo import Db
from prices.symbols.tracking import fields_from_answer, track
from prices.sync.verify import Verdict, Verified
from tests.standin import Instrument
from tests.support.against_yahoo import SATURDAY, Yahoo, expected_rows, running_yahoo
from tests.support.syncing import facts, stored, synced

pytestmark = pytest.mark.django_db

SYMBOLS = ("AAPL", "MSFT", "VOD.L", "^GSPC", "BTC-USD", "EURUSD=X")
NEXT_SATURDAY = SATURDAY + timedelta(days=7)


@pytest.fixture(scope="module")
def _yahoo() -> Iterator[Yahoo]:
    with running_yahoo() as running:
        yield running


@pytest.fixture
def yahoo(_yahoo: Yahoo, store: Db, monkeypatch: pytest.MonkeyPatch) -> Yahoo:
    return _yahoo.wired(monkeypatch)


def fetched(*symbols: str) -> None:
    """Tracks and syncs, and writes down what was learned as a run does."""
    for symbol in symbols:
        track(symbol, now=SATURDAY)
    outcomes = synced(*symbols, now=SATURDAY)
    for row in TrackedSymbol.objects.all():
        told = fields_from_answer(row, outcomes[row.symbol].answer)
        TrackedSymbol.objects.filter(pk=row.pk).update(last_update=SATURDAY, **told)


def verified(*symbols: str, fix: bool = False) -> dict[str, Verified]:
    now = SATURDAY + timedelta(minutes=1)
    found = services.verify_service().verify(symbols, now=now, fix=fix)
    return {one.outcome.symbol: one for one in found}


def test_what_was_just_fetched_agrees(yahoo: Yahoo) -> None:
    fetched(*SYMBOLS)
    yahoo.standin.clear_log()

    found = verified(*SYMBOLS)

    assert {one.verdict for one in found.values()} == {Verdict.AGREES}
    assert found["AAPL"].outcome.message == "agrees on 796 sessions"
    assert yahoo.asked() == len(SYMBOLS)


def test_finds_exactly_the_bar_that_was_revised_and_fixes_it(yahoo: Yahoo) -> None:
    names = (yahoo.fresh(), yahoo.fresh())
    fetched(*names)
    revised, same = names
    session = date(2026, 1, 14)
    was = next(row for row in stored(revised) if row[0] == session)
    yahoo.standin.book.revise(revised, session, low=was[3] - 1, volume=was[5] + 100)

    found = verified(*names)
    fixed = verified(*names, fix=True)

    assert found[same].verdict is fixed[same].verdict is Verdict.AGREES
    words = (
        f"2 differences: 2026-01-14 low: stored {was[3]:.10g}, provider {was[3] - 1:.10g}; "
        f"2026-01-14 volume: stored {was[5]}, provider {was[5] + 100}"
    )
    assert (found[revised].verdict, found[revised].outcome.message) == (Verdict.DIFFERS, words)
    assert fixed[revised].outcome.message == f"{words}. Fixed"
    assert stored(revised) == expected_rows(yahoo.standin, revised)
    assert {
        (c.correction.session, c.correction.field) for c in services.corrections().latest(revised)
    } == {(session, "low"), (session, "volume")}


def test_a_missed_split_is_reported_and_fixed(yahoo: Yahoo) -> None:
    split = (date(2026, 3, 11), 3, 1)
    yahoo.standin.book.add(
        Instrument(symbol="MISSED", first_session=date(2025, 6, 2), splits=(split,))
    )
    fetched("MISSED")
    yahoo.standin.set_clock(NEXT_SATURDAY)
    service = services.verify_service()

    (found,) = service.verify(["MISSED"], now=NEXT_SATURDAY)
    (fixed,) = service.verify(["MISSED"], now=NEXT_SATURDAY, fix=True)

    assert found.outcome.message == (
        "the provider is on another split basis: 3:1 on 2026-03-11; "
        "1 difference: 2026-03-11 split: stored none, provider 3"
    )
    assert fixed.verdict is Verdict.FIXED
    assert stored("MISSED") == expected_rows(yahoo.standin, "MISSED")
    assert facts("MISSED").actions.splits == (Split(*split),)


def test_a_bad_answer_is_found_and_not_published(yahoo: Yahoo) -> None:
    fetched("MSFT")
    before = stored("MSFT")
    yahoo.standin.mutate("MSFT", "scale", factor=100)

    (found,) = verified("MSFT", fix=True).values()

    assert found.verdict is Verdict.DIFFERS
    assert found.outcome.message.startswith(
        "the provider's prices are 100 times the stored ones. Not fixed: "
    )
    assert stored("MSFT") == before
