"""A hundred healthy symbols and some faulty ones, synced by the jobs of production."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from unittest import mock

from prices import services
from prices.jobs import execution, runs, tasks
from prices.models import Quarantine, SyncRun, TrackedSymbol
from prices.reads.reader import SymbolReport
from prices.symbols.tracking import track
from tests.standin import Instrument
from tests.support.against_yahoo import Yahoo, expected_rows, running_yahoo
from tests.support.jobs import run_queue
from tests.support.syncing import stored

Rows = list[tuple[Any, ...]]

FIRST = date(2026, 1, 2)
# Monday 2026-03-02, after the close: its bar is to be had.
BEGIN = datetime(2026, 3, 2, 23, tzinfo=UTC)
HEALTHY = tuple(f"OK{number:02}" for number in range(100))


class Hundred:
    """The hundred symbols with a stored history, and the clock of this process.

    The store is kept from test to test, and their rows are restored in each. All other symbols
    are removed with their test.
    """

    def __init__(self, yahoo: Yahoo) -> None:
        self.yahoo = yahoo
        self.standin = yahoo.standin
        self.now = BEGIN
        self._rows: list[TrackedSymbol] = []
        self._named = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Restores the rows and the provider for the length of one test."""
        with (
            mock.patch("django.utils.timezone.now", self._clock),
            mock.patch.object(services, "build_provider", return_value=self.yahoo.provider),
        ):
            if self._rows:
                TrackedSymbol.objects.bulk_create(self._rows)
            else:
                self._fill()
            yield
            self.clear_faults()
            self._rows = list(TrackedSymbol.objects.filter(symbol__in=HEALTHY))

    def _clock(self) -> datetime:
        return self.now

    def _fill(self) -> None:
        self.set_clock(BEGIN)
        for symbol in HEALTHY:
            self.standin.book.add(Instrument(symbol=symbol, first_session=FIRST))
            track(symbol, now=BEGIN)
        self.sync()
        assert self.incomplete() == []

    def set_clock(self, now: datetime) -> None:
        self.now = now
        self.standin.set_clock(now)

    def next_session(self) -> date:
        """Moves the clock to the evening of the next session, which is returned."""
        session = self.session(1)
        self.set_clock(datetime.combine(session, time(23), UTC))
        return session

    def session(self, later: int) -> date:
        """Returns the session `later` sessions after today's, or before if negative."""
        tape = self.standin.book.tape(HEALTHY[0])
        assert tape is not None
        return tape.sessions[tape.index(self.now.date()) + later]

    def clear_faults(self) -> None:
        """Ends all faults and mutations of the stand-in."""
        self.standin.faults.clear()
        self.standin.clear_mutations()

    def track(self, *instruments: Instrument) -> None:
        """Tracks symbols and syncs them. They are read often, so that every sync has them first."""
        for instrument in instruments:
            self.standin.book.add(instrument)
            row, _ = track(instrument.symbol, now=self.now)
            TrackedSymbol.objects.filter(pk=row.pk).update(last_queried_at=self.now)
        self.sync()
        for instrument in instruments:
            assert stored(instrument.symbol) == self.expected(instrument.symbol)

    def one_more(self) -> str:
        """Adds one more symbol like the hundred, for a fault."""
        self._named += 1
        symbol = f"BAD{self._named:02}"
        self.track(Instrument(symbol=symbol, first_session=FIRST))
        return symbol

    def sync(self, *symbols: str, **options: Any) -> SyncRun:
        """One run of the job, of the symbols given or of all that are due."""
        return self._run(SyncRun.Kind.HISTORICAL_SYNC, symbols, options)

    def backfill(self) -> SyncRun:
        """One run that fetches the whole history of every symbol."""
        return self._run(SyncRun.Kind.BACKFILL, (), {"whole": True})

    def _run(
        self, kind: SyncRun.Kind, symbols: tuple[str, ...], options: dict[str, Any]
    ) -> SyncRun:
        run = runs.begin(
            kind,
            trigger="test",
            now=self.now,
            symbols=symbols,
            options=options,
        )
        execution.work_on(run, share=False)
        run.refresh_from_db()
        return run

    def wait(self, pause: timedelta) -> int:
        """Moves the clock, runs what the canary queues, and returns the number of requests."""
        before = self.yahoo.asked()
        self.set_clock(self.now + pause)
        tasks.canary()
        run_queue()
        return self.yahoo.asked() - before

    def expected(self, symbol: str) -> Rows:
        return expected_rows(self.standin, symbol)

    def incomplete(self) -> list[str]:
        """Returns the healthy symbols with a missing or wrong bar, or with an error or a stale reason."""
        reports = {report.row.symbol: report for report in services.reader().reports(now=self.now)}
        return [
            symbol
            for symbol in HEALTHY
            if stored(symbol) != self.expected(symbol)
            or reports[symbol].stale_reason
            or reports[symbol].row.last_error
            or reports[symbol].coverage.percent != 100
        ]

    def row(self, symbol: str) -> TrackedSymbol:
        return TrackedSymbol.objects.get(symbol=symbol)

    def report(self, symbol: str) -> SymbolReport:
        (report,) = services.reader().reports([symbol], now=self.now)
        return report

    def quarantined(self, symbol: str) -> dict[str, str]:
        """Returns the open quarantine entries: kind → reason."""
        entries = Quarantine.objects.filter(symbol=symbol, resolved_at=None)
        return dict(entries.values_list("kind", "reason"))


@contextmanager
def running_hundred() -> Iterator[Hundred]:
    with running_yahoo(symbols=0) as yahoo:
        services.forget()
        yield Hundred(yahoo)
