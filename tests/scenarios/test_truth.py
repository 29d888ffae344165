"""What is stored is what Yahoo says now, through revisions and splits, also while readers read."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from prices import services
from prices.domain.actions import Adjust
from prices.domain.answers import Result
from prices.domain.bars import SeriesKey
from prices.domain.coverage import RequestedRange
from prices.store.mongo import Db
from prices.symbols.tracking import fields_from_answer, track
from tests.standin import Instrument
from tests.support.against_yahoo import SATURDAY, Yahoo, expected_rows, running_yahoo
from tests.support.syncing import stored, synced

pytestmark = pytest.mark.django_db(transaction=True)

NEW_YORK = ZoneInfo("America/New_York")
Row = tuple[float, float, float, float, int]


@pytest.fixture(scope="module")
def _yahoo() -> Iterator[Yahoo]:
    with running_yahoo(symbols=1) as running:
        yield running


@pytest.fixture
def yahoo(_yahoo: Yahoo, store: Db, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yahoo]:
    yield _yahoo.wired(monkeypatch)
    for symbol in ("AAPL", "GOOG"):
        _yahoo.standin.replay(symbol, [])


class Moment:
    """One recording: when it was made, and the bars of the sessions that were closed by then."""

    def __init__(self, path: Path) -> None:
        self.path = path
        result = json.loads(path.read_text())["chart"]["result"][0]
        self.now = datetime.fromtimestamp(result["meta"]["regularMarketTime"], UTC)
        quote = result["indicators"]["quote"][0]
        local = self.now.astimezone(NEW_YORK)
        self.closed: dict[date, Row] = {}
        for at, stamp in enumerate(result["timestamp"]):
            session = datetime.fromtimestamp(stamp, NEW_YORK).date()
            row = tuple(quote[name][at] for name in ("open", "high", "low", "close", "volume"))
            if session < local.date() or local.hour >= 16:
                self.closed[session] = row


@pytest.fixture
def moments(recordings: Path) -> list[Moment]:
    return [Moment(path) for path in sorted((recordings / "revisions-AAPL").glob("*.json"))]


def replay(yahoo: Yahoo, moments: list[Moment]) -> None:
    for moment in moments:
        yahoo.standin.replay("AAPL", moment.path)
        outcome = synced("AAPL", now=moment.now)["AAPL"]
        assert outcome.result is not Result.FAILED, (moment.path.name, outcome.error)
        row, _ = track("AAPL", now=moment.now)
        for field, value in fields_from_answer(row, outcome.answer).items():
            setattr(row, field, value)
        row.last_update = moment.now
        row.save()
        today = moment.now.astimezone(NEW_YORK)
        last = stored("AAPL")[-1][0]
        assert last < today.date() or (last == today.date() and today.hour >= 16)


def revisions(moments: list[Moment]) -> list[tuple[Any, ...]]:
    """(session, field, old, new) of what changed between one recording and the next."""
    known: dict[date, Row] = {}
    found: list[tuple[Any, ...]] = []
    names = ("open", "high", "low", "close", "volume")
    for moment in moments:
        for session, row in moment.closed.items():
            before = known.get(session, row)
            for name, old, new in zip(names, before, row, strict=True):
                if abs(new - old) > 1e-7 * old:
                    found.append((session, name, old, new))
        known.update(moment.closed)
    return found


def recorded(symbol: str) -> list[tuple[Any, ...]]:
    found = services.corrections().latest(symbol)[::-1]
    return [
        (r.correction.session, r.correction.field, r.correction.old, r.correction.new)
        for r in found
    ]


class TestRevisions:
    """AAPL asked 43 times from August to October 2025."""

    def test_end_as_the_last_answer_with_every_change_on_record_once(
        self, yahoo: Yahoo, moments: list[Moment]
    ) -> None:
        track("AAPL", now=moments[0].now)

        replay(yahoo, moments)

        held = {row[0]: row[1:] for row in stored("AAPL")}
        for session, row in moments[-1].closed.items():
            assert held[session] == pytest.approx(row, rel=1e-6), session
        real, kept = revisions(moments), recorded("AAPL")
        volumes = [r for r in real if r[1] == "volume"]
        assert len(volumes) > 10
        assert sorted(r for r in kept if r[1] == "volume") == sorted(volumes)
        assert {r[:2] for r in kept} == {r[:2] for r in real}

        # Replayed again, they change nothing.
        before = stored("AAPL")
        for moment in moments:
            yahoo.standin.replay("AAPL", moment.path)
            synced("AAPL", now=moment.now)

        assert stored("AAPL") == before
        assert recorded("AAPL") == kept


class Readers:
    """Two threads that read a series as often as they can, in the basis it is stored in."""

    def __init__(self, symbol: str, start: date) -> None:
        self.seen: set[tuple[float, ...]] = set()
        self.failures: list[Exception] = []
        self._asked = RequestedRange(start=start)
        self._symbol = symbol
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._read) for _ in range(2)]

    def _read(self) -> None:
        from django.db import connection

        reader = services.reader()
        while not self._stop.wait(0.005):  # without a pause, the sync would hardly get on
            try:
                found = reader.history(self._symbol, self._asked, Adjust.SPLITS, now=SATURDAY)
                self.seen.add(tuple(found.bars.close.round(6).tolist()))
            except Exception as error:
                self.failures.append(error)
        connection.close()

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


SPLIT_DAY = datetime(2022, 7, 18, 13, 30, tzinfo=UTC)


def _tell_the_split(result: dict[str, Any]) -> None:
    at = int(SPLIT_DAY.timestamp())
    event = {"date": at, "numerator": 20, "denominator": 1, "splitRatio": "20:1"}
    result["events"] = {"splits": {str(at): event}}


class TestSplit:
    @pytest.mark.parametrize(
        ("restate_late", "event_late"),
        [(0, 0), (3, 0), (3, 3), (0, 3)],
        ids=["on time", "history late", "both late", "event late"],
    )
    def test_is_never_read_in_a_mixed_basis(
        self, yahoo: Yahoo, restate_late: int, event_late: int
    ) -> None:
        """20:1 on Wednesday 2026-03-11, asked before, during and after."""
        yahoo.standin.book.add(
            Instrument(
                symbol="TWENTY",
                first_session=date(2026, 1, 5),
                start_price=2_000.0,
                splits=((date(2026, 3, 11), 20, 1),),
                restate_late=timedelta(days=restate_late),
                split_event_late=timedelta(days=event_late),
            )
        )
        row, _ = track("TWENTY", now=SATURDAY)
        assert synced("TWENTY", now=SATURDAY)["TWENTY"].result is Result.UPDATED
        row.last_update = SATURDAY
        row.mic = "XNYS"
        row.save()
        services.reader()

        with Readers("TWENTY", date(2026, 1, 5)) as readers:
            for hours in range(60, 24 * 11, 6):
                now = SATURDAY + timedelta(hours=hours)
                yahoo.standin.set_clock(now)
                list(services.live_service().refresh(["TWENTY"], now=now))
                synced("TWENTY", now=now)

        assert readers.failures == []
        assert len(readers.seen) > 2
        for closes in readers.seen:
            # All above 500 (as before the split) or all below: no answer has both.
            assert len({close > 500 for close in closes}) == 1, closes
        assert stored("TWENTY") == expected_rows(yahoo.standin, "TWENTY")
        assert max(row[4] for row in stored("TWENTY")) < 500

    def test_of_goog_as_it_was_recorded(self, yahoo: Yahoo, recordings: Path) -> None:
        """The session of 2020-01-02 before and after 20:1 of 2022-07-18, told with the latter."""
        before = next((recordings / "recordings").glob("*GOOG*2022-03-06*"))
        after = next((recordings / "recordings").glob("*GOOG*2025-02-27*"))
        track("GOOG", now=SATURDAY)
        yahoo.standin.replay("GOOG", before)
        seen = []
        for now, tells in (
            (datetime(2022, 3, 6, tzinfo=UTC), False),
            (SPLIT_DAY + timedelta(days=1), False),
            (SPLIT_DAY + timedelta(days=2), True),
            (datetime(2025, 2, 27, tzinfo=UTC), True),
        ):
            yahoo.standin.clear_mutations()
            if tells:
                yahoo.standin.mutate("GOOG", _tell_the_split)
            if now.year == 2025:
                yahoo.standin.replay("GOOG", after)
            outcome = synced("GOOG", now=now)["GOOG"]
            seen.append((outcome.error[:13], round(stored("GOOG")[0][4], 2)))

        assert seen == [("", 1367.37), ("", 1367.37), ("split pending", 1367.37), ("", 68.37)]
        key = SeriesKey("GOOG")
        manifest = services.bars().manifest(key)
        assert manifest is not None
        assert [s.ratio for s in manifest.facts.actions.splits] == [20.0]
