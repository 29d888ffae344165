"""Sync and live update through the real provider: what is stored is what Yahoo serves."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest

from prices import services
from prices.domain.actions import Split
from prices.domain.answers import Outcome, Result
from prices.models import TrackedSymbol
from prices.store.mongo import Db
from prices.symbols.tracking import fields_from_answer, track
from tests.standin import Instrument
from tests.support.against_yahoo import SATURDAY, Yahoo, expected_rows, running_yahoo
from tests.support.syncing import facts, stored, synced

pytestmark = pytest.mark.django_db

NEXT_SATURDAY = SATURDAY + timedelta(days=7)
SYMBOLS = ("AAPL", "MSFT", "GOOG", "VOD.L", "SAP.DE", "^GSPC", "BTC-USD", "EURUSD=X")
# Friday 2026-03-06 closed at 16:00 in New York, 21:00 UTC.
FRIDAYS_CLOSE = datetime(2026, 3, 6, 21, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def _yahoo() -> Iterator[Yahoo]:
    with running_yahoo(symbols=211) as running:
        yield running


@pytest.fixture
def yahoo(_yahoo: Yahoo, store: Db, monkeypatch: pytest.MonkeyPatch) -> Yahoo:
    return _yahoo.wired(monkeypatch)


def tracked(*symbols: str, now: datetime = SATURDAY) -> None:
    for symbol in symbols:
        track(symbol, now=now)


def updated(now: datetime, *symbols: str) -> dict[str, Outcome]:
    """Syncs, and writes down what was learned as a run does."""
    outcomes = synced(*symbols, now=now)
    for row in TrackedSymbol.objects.filter(symbol__in=symbols):
        if outcomes[row.symbol].result is not Result.FAILED:
            fields = fields_from_answer(row, outcomes[row.symbol].answer)
            TrackedSymbol.objects.filter(pk=row.pk).update(last_update=now, **fields)
    return outcomes


class TestSync:
    def test_stores_what_yahoo_serves_to_the_last_bit(self, yahoo: Yahoo) -> None:
        tracked(*SYMBOLS)

        outcomes = updated(SATURDAY, *SYMBOLS)

        for symbol in SYMBOLS:
            assert stored(symbol) == expected_rows(yahoo.standin, symbol), symbol
            assert outcomes[symbol].result is Result.UPDATED
        assert len(stored("AAPL")) == 796  # three years and two months of sessions

    def test_updates_them_with_one_request_each(self, yahoo: Yahoo) -> None:
        tracked(*SYMBOLS)
        updated(SATURDAY, *SYMBOLS)
        yahoo.standin.set_clock(NEXT_SATURDAY)
        yahoo.standin.clear_log()

        updated(NEXT_SATURDAY, *SYMBOLS)

        for symbol in SYMBOLS:
            assert stored(symbol) == expected_rows(yahoo.standin, symbol), symbol
        assert stored("AAPL")[-1][0] == date(2026, 3, 13)
        assert yahoo.asked() == len(SYMBOLS)

    def test_restates_a_series_after_a_split(self, yahoo: Yahoo) -> None:
        split = (date(2026, 3, 11), 3, 1)
        yahoo.standin.book.add(
            Instrument(symbol="TRIPLE", first_session=date(2025, 6, 2), splits=(split,))
        )
        tracked("TRIPLE")
        updated(SATURDAY, "TRIPLE")
        before = stored("TRIPLE")
        yahoo.standin.set_clock(NEXT_SATURDAY)

        updated(NEXT_SATURDAY, "TRIPLE")

        after = stored("TRIPLE")
        assert after == expected_rows(yahoo.standin, "TRIPLE")
        assert after[0][4] == pytest.approx(before[0][4] / 3)
        assert facts("TRIPLE").actions.splits == (Split(*split),)

    def test_waits_for_the_event_that_explains_a_split(self, yahoo: Yahoo) -> None:
        yahoo.standin.book.add(
            Instrument(
                symbol="LATEEVENT",
                first_session=date(2025, 6, 2),
                splits=((date(2026, 3, 11), 3, 1),),
                split_event_late=timedelta(days=5),
            )
        )
        tracked("LATEEVENT")
        updated(SATURDAY, "LATEEVENT")
        before = stored("LATEEVENT")
        yahoo.standin.set_clock(NEXT_SATURDAY)

        early = updated(NEXT_SATURDAY, "LATEEVENT")["LATEEVENT"]
        kept = stored("LATEEVENT")
        monday_after = NEXT_SATURDAY + timedelta(days=2)
        yahoo.standin.set_clock(monday_after)
        late = updated(monday_after, "LATEEVENT")["LATEEVENT"]

        assert early.result is Result.FAILED
        assert "no split explains it" in early.error
        assert kept == before
        assert late.result is Result.UPDATED
        assert stored("LATEEVENT") == expected_rows(yahoo.standin, "LATEEVENT")

    def test_holds_pounds_for_pence_back_until_they_are_right(self, yahoo: Yahoo) -> None:
        tracked("VOD.L")
        updated(SATURDAY, "VOD.L")
        before = stored("VOD.L")
        yahoo.standin.set_clock(NEXT_SATURDAY)
        yahoo.standin.mutate("VOD.L", "scale", factor=0.01, first="2026-03-10")

        refused = updated(NEXT_SATURDAY, "VOD.L")["VOD.L"]
        kept = stored("VOD.L")
        yahoo.standin.clear_mutations()
        healed = updated(NEXT_SATURDAY, "VOD.L")["VOD.L"]

        assert refused.result is not Result.FAILED
        assert "no corporate action explains it" in refused.error
        assert kept == [row for row in expected_rows(yahoo.standin, "VOD.L") if row in kept]
        assert kept[: len(before)] == before
        assert kept[-1][0] == date(2026, 3, 9)
        assert healed.result is Result.UPDATED
        assert stored("VOD.L") == expected_rows(yahoo.standin, "VOD.L")

    def test_heals_a_session_that_was_null(self, yahoo: Yahoo) -> None:
        tracked("MSFT")
        yahoo.standin.mutate("MSFT", "null_bar", session="2024-07-02")
        updated(SATURDAY, "MSFT")
        gaps = facts("MSFT").gaps
        yahoo.standin.clear_mutations()

        updated(SATURDAY + timedelta(hours=1), "MSFT")

        assert [gap.session for gap in gaps] == [date(2024, 7, 2)]
        assert stored("MSFT") == expected_rows(yahoo.standin, "MSFT")
        assert facts("MSFT").gaps == ()

    @pytest.mark.parametrize("fault", ["reset", "500", "malformed", "truncated", "right_back"])
    def test_ends_the_same_after_faults(self, yahoo: Yahoo, fault: str) -> None:
        names = ("AAPL", "MSFT", "GOOG", "SAP.DE")
        tracked(*names)
        yahoo.standin.fault(fault, "MSFT")

        first = updated(SATURDAY, *names)
        yahoo.standin.faults.clear()
        again = updated(SATURDAY + timedelta(minutes=10), *names)

        assert [s for s, one in first.items() if one.result is Result.FAILED] == ["MSFT"]
        assert all(one.result is not Result.FAILED for one in again.values())
        for symbol in names:
            assert stored(symbol) == expected_rows(yahoo.standin, symbol)


class TestLive:
    def test_quotes_of_two_hundred_symbols_are_three_requests(self, yahoo: Yahoo) -> None:
        names = list(yahoo.standin.book.instruments)[11:211]
        list(services.live_service().refresh(["AAPL"], now=SATURDAY))  # cookie and crumb
        yahoo.standin.clear_log()

        outcomes = list(services.live_service().refresh(names, now=SATURDAY))

        assert len(names) == 200
        assert {one.result for one in outcomes} == {Result.UPDATED}
        assert len(yahoo.standin.log) == yahoo.asked("quote") == 3
        assert set(services.quotes().all()) == {*names, "AAPL"}

    def test_quotes_become_bars_after_the_close_and_not_before(self, yahoo: Yahoo) -> None:
        names = list(yahoo.standin.book.instruments)[11:31]
        thursday = FRIDAYS_CLOSE - timedelta(hours=20)
        yahoo.standin.set_clock(thursday)
        tracked(*names, "NOHISTORY")
        updated(thursday, *names)
        live, sync = services.live_service(), services.sync_service()

        before_close = FRIDAYS_CLOSE - timedelta(minutes=1)
        yahoo.standin.set_clock(before_close)
        list(live.refresh(names, now=before_close))
        early = sync.transfer(now=before_close)
        after_close = FRIDAYS_CLOSE + timedelta(minutes=1)
        yahoo.standin.set_clock(after_close)
        list(live.refresh(names, now=after_close))
        yahoo.standin.clear_log()
        made = sync.transfer(now=after_close)

        assert early == 0
        assert made == 20
        assert yahoo.standin.log == []
        for symbol in names:
            assert stored(symbol) == expected_rows(yahoo.standin, symbol)
            assert facts(symbol).final_through == date(2026, 3, 3)
