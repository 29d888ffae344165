"""Storms of bad symbols among three hundred healthy ones, and a real outage among them."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.contrib.auth.models import User

from portfolio import booking
from portfolio.importing import import_file
from portfolio.models import Portfolio
from prices import services
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.series import Facts
from prices.jobs import execution, requests, runs, tasks
from prices.models import SyncRun, TrackedSymbol
from prices.monitoring.status import status
from prices.store.mongo import Db
from tests.standin import Instrument
from tests.support.against_yahoo import Yahoo, expected_rows, running_yahoo
from tests.support.jobs import run_queue

pytestmark = pytest.mark.django_db

FIRST = date(2026, 2, 2)
HEALTHY = [f"OK{number:03}" for number in range(300)]
# They come first in the order of names, and were the last ones to be answered.
BAD = [f"BAD{number:02}" for number in range(15)]
FRIDAY = datetime(2026, 3, 6, 23, tzinfo=UTC)
MONDAY = datetime(2026, 3, 9, 23, tzinfo=UTC)
TUESDAY = datetime(2026, 3, 10, 23, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Storm:
    """The system's clock and the stand-in's, which are one."""

    def __init__(self, yahoo: Yahoo) -> None:
        self.yahoo, self.standin = yahoo, yahoo.standin
        self.now = FRIDAY

    def at(self, now: datetime) -> None:
        self.now = now
        self.standin.set_clock(now)
        self.standin.clear_log()

    def fill(self, *bad: str) -> None:
        """As a sync of Friday evening left it."""
        self.at(FRIDAY)
        for symbol in (*HEALTHY, *bad):
            rows = expected_rows(self.standin, symbol)
            facts = Facts(source="yahoo", currency="USD", fetched_at=FRIDAY)
            series = BarSeries.from_rows(rows)  # type: ignore[arg-type]
            services.bars().replace(SeriesKey(symbol), None, series, facts, now=FRIDAY)
        TrackedSymbol.objects.bulk_create(
            TrackedSymbol(
                symbol=symbol,
                mic="XNYS",
                timezone="America/New_York",
                last_update=FRIDAY + (symbol in bad) * timedelta(seconds=1),
                last_attempt_at=FRIDAY,
                last_queried_at=FRIDAY + (symbol in bad) * MINUTE,
            )
            for symbol in (*HEALTHY, *bad)
        )
        requests.forget_failures()  # as at a start

    def cycle(self, now: datetime) -> Counter[str]:
        """Syncs what is due. Returns how many requests each symbol cost; "" is for no symbol."""
        self.at(now)
        self.sync()
        return self.asked()

    def sync(self, *symbols: str) -> SyncRun:
        run = runs.begin(
            SyncRun.Kind.HISTORICAL_SYNC, trigger="test", now=self.now, symbols=list(symbols)
        )
        execution.work_on(run, share=False)
        return run

    def live(self, now: datetime) -> list[list[str]]:
        """Renews the quotes that are due. Returns the symbols of each request."""
        self.at(now)
        tasks.live_price_update()
        return [entry["symbols"] for entry in self.standin.log if entry["kind"] == "quote"]

    def canary(self, now: datetime) -> None:
        self.at(now)
        tasks.canary()
        run_queue()

    def asked(self) -> Counter[str]:
        return Counter((entry["symbols"] or [""])[0] for entry in self.standin.log)

    def behind(self) -> list[str]:
        """Returns the healthy symbols that are not fresh."""
        survey = services.overview().survey(now=self.now)
        stale = survey.symbol[survey.stale | survey.failing].tolist()
        return sorted(set(stale) & set(HEALTHY))

    def reasons(self) -> str:
        return " ".join(status(now=self.now).reasons)


@pytest.fixture(scope="module")
def _yahoo() -> Iterator[Yahoo]:
    with running_yahoo(symbols=1) as running:
        for symbol in (*HEALTHY, *BAD):
            running.standin.book.add(Instrument(symbol=symbol, first_session=FIRST))
        running.history("AAPL", FIRST)  # cookie and crumb
        yield running


@pytest.fixture
def storm(_yahoo: Yahoo, store: Db, monkeypatch: pytest.MonkeyPatch) -> Storm:
    storm = Storm(_yahoo.wired(monkeypatch))
    monkeypatch.setattr("django.utils.timezone.now", lambda: storm.now)
    return storm


def blames_yahoo(words: str) -> bool:
    return "unreachable" in words or "outage" in words


def test_storms_of_bad_symbols_harm_no_other(storm: Storm) -> None:
    """Fifteen of Yahoo's answers are HTTP 500, and a user imports 300 tickers that it lacks."""
    storm.fill(*BAD)
    unknown = [f"NIX{number:03}" for number in range(300)]
    for symbol in BAD:
        storm.standin.fault("500", symbol, kind="chart")
    bob = User.objects.create_user("bob")
    portfolio = Portfolio.objects.create(owner=bob, name="Odd", base_currency="USD")
    lines = [f"buy,2026-03-02,{symbol},1,10,USD" for symbol in unknown]
    text = "\n".join(["kind,date,symbol,quantity,price,currency", *lines]).encode()

    result = import_file(portfolio, text, preview=False, trigger="portfolio", now=storm.now)
    run_queue()
    imported, words = storm.asked(), storm.reasons()

    assert result.booked == 300, result.file.errors
    assert {symbol: imported[symbol] for symbol in unknown} == dict.fromkeys(unknown, 1)
    assert "300 of 615 symbols have no history yet: NIX000, NIX001, " in words
    assert not blames_yahoo(words)
    assert status(now=storm.now).error_rate is None

    first = storm.cycle(MONDAY)
    words = storm.reasons()
    assert storm.behind() == []
    assert "symbols failed at their last fetch: BAD00, BAD01, " in words
    assert not blames_yahoo(words)
    assert sum(first[symbol] for symbol in unknown) <= 15

    storm.canary(MONDAY + 6 * MINUTE)
    later = storm.cycle(TUESDAY)
    assert storm.behind() == []
    assert not blames_yahoo(storm.reasons())
    # One request for each that fails, 5 % for the newcomers, and some others are asked for this.
    assert max(later[symbol] for symbol in BAD) == 1
    assert sum(later[symbol] for symbol in unknown) <= 15
    assert sum(later[symbol] for symbol in HEALTHY) <= 300 + 4
    assert sum(len(symbols) for symbols in storm.live(TUESDAY + MINUTE)) <= 4 * 99
    assert TrackedSymbol.objects.filter(added_by=bob, failures__gt=0).count() == 300

    _outage(storm)
    booking.delete_portfolio(portfolio)
    assert set(TrackedSymbol.objects.values_list("symbol", flat=True)) == {*HEALTHY, *BAD}


def _outage(storm: Storm) -> None:
    """A real outage is found within two minutes, and its end within one."""
    began = TUESDAY + 10 * MINUTE
    storm.at(began)
    storm.standin.fault("refuse")
    storm.sync(*HEALTHY[:9])
    found = storm.reasons()
    storm.canary(began + MINUTE)
    still = storm.reasons()
    storm.standin.faults.clear()
    storm.canary(began + 2 * MINUTE)

    assert "Provider unreachable for histories since 2026-03-10 23:10 UTC" in found
    assert "unreachable" in still
    assert not blames_yahoo(storm.reasons())
    # What failed is fetched at once.
    left = TrackedSymbol.objects.filter(symbol__in=HEALTHY[:9], last_update__lt=began)
    assert not left.exists()


def test_a_symbol_that_breaks_its_batch_of_quotes_is_requested_alone(storm: Storm) -> None:
    storm.fill(BAD[0])
    storm.standin.fault("reset", BAD[0], kind="quote")

    first = storm.live(MONDAY - 6 * HOUR)
    quoted, words = services.quotes().all().keys(), storm.reasons()
    second = storm.live(MONDAY - 5 * HOUR)

    assert set(HEALTHY) <= quoted
    assert "1 symbol without a quote, as it fails: BAD00." in words
    assert not blames_yahoo(words)
    # Four batches. The one that fails is halved seven times, and others are asked meanwhile.
    assert len(first) <= 4 + 2 * 7 + 4
    assert [len(symbols) for symbols in second] == [99, 99, 99, 3, 1]
    assert second[-1] == [BAD[0]]

    storm.standin.faults.clear()
    storm.live(MONDAY - 4 * HOUR)
    third = storm.live(MONDAY - 3 * HOUR)
    assert [len(symbols) for symbols in third] == [99, 99, 99, 4]


def test_an_outage_of_quotes_costs_few_requests_and_leaves_histories_alone(storm: Storm) -> None:
    storm.fill()
    storm.standin.fault("502", kind="quote")

    asked = storm.live(MONDAY - 6 * HOUR)
    words = storm.reasons()
    run = storm.sync(HEALTHY[0])
    storm.standin.faults.clear()
    storm.canary(MONDAY - 6 * HOUR + MINUTE)

    assert len(asked) == 4  # a batch, and three symbols that were answered before
    assert "Provider unreachable for quotes since " in words
    assert run.state == SyncRun.State.SUCCEEDED
    assert not blames_yahoo(storm.reasons())
    assert TrackedSymbol.objects.exclude(quote_error="").count() == 0
