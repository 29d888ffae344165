"""A clock twenty days off moves nothing forward, and what one has written heals within one sync."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django_q.models import OrmQ, Schedule

from prices import services
from prices.domain.bars import SeriesKey
from prices.jobs import cluster_health, execution, requests, runs, schedules, tasks
from prices.models import Attempt, SyncRun, TrackedSymbol
from prices.monitoring.status import status
from prices.store.mongo import Db
from tests.standin import Instrument
from tests.support.against_yahoo import Yahoo, expected_rows, running_yahoo
from tests.support.jobs import run_queue

pytestmark = pytest.mark.django_db

# The market is open: a clock ahead takes the running day for a closed one.
NOON = datetime(2026, 3, 10, 17, 0, tzinfo=UTC)
EVENING = datetime(2026, 3, 10, 23, 0, tzinfo=UTC)
SKEW = timedelta(days=20)
SYMBOLS = [f"CLOCK{number:02}" for number in range(30)]


class World:
    """The true time, which is the stand-in's, and this machine's clock."""

    def __init__(self, yahoo: Yahoo) -> None:
        self.yahoo = yahoo
        self.now = NOON

    def at(self, true: datetime, off: timedelta = timedelta(0)) -> None:
        self.now = true + off
        self.yahoo.standin.set_clock(true)
        self.yahoo.standin.clear_log()

    def sync(self) -> SyncRun:
        run = runs.begin(SyncRun.Kind.HISTORICAL_SYNC, trigger="test", now=self.now)
        execution.work_on(run, share=False)
        run.refresh_from_db()
        return run

    def bars(self, symbol: str) -> list[tuple[object, ...]]:
        stored = services.bars().read(SeriesKey(symbol))
        assert stored
        return [(stored.bars[at].ts.date(), *stored.bars[at][1:]) for at in range(len(stored.bars))]

    def differing(self) -> list[str]:
        """Returns the symbols whose bars are not those of the stand-in."""
        standin = self.yahoo.standin
        return [s for s in SYMBOLS if self.bars(s) != expected_rows(standin, s)]

    def rows(self) -> list[Any]:
        return list(TrackedSymbol.objects.order_by("symbol").values())


@pytest.fixture(scope="module")
def _yahoo() -> Iterator[Yahoo]:
    with running_yahoo(symbols=1) as running:
        for symbol in SYMBOLS:
            instrument = Instrument(symbol=symbol, first_session=date(2026, 2, 2))
            running.standin.book.add(instrument)
        yield running


@pytest.fixture
def world(_yahoo: Yahoo, store: Db, monkeypatch: pytest.MonkeyPatch) -> World:
    """All symbols are fresh by a sync of Monday evening."""
    world = World(_yahoo.wired(monkeypatch))
    monkeypatch.setattr("django.utils.timezone.now", lambda: world.now)
    TrackedSymbol.objects.bulk_create(
        TrackedSymbol(symbol=symbol, mic="XNYS", added_at=NOON - SKEW) for symbol in SYMBOLS
    )
    world.at(EVENING - timedelta(days=1))
    assert world.sync().updated == len(SYMBOLS)
    world.at(NOON)
    return world


@pytest.mark.parametrize(
    ("off", "words"),
    [(SKEW, "20 days ahead of"), (-SKEW, "20 days behind"), (timedelta(hours=3), "3 hours ahead")],
)
def test_stores_nothing_and_tells(world: World, off: timedelta, words: str) -> None:
    before, manifests = world.rows(), services.bars().manifests()
    attempts = Attempt.objects.count()
    world.at(NOON, off)

    run = world.sync()
    again, asked = world.sync(), world.yahoo.asked()
    tasks.live_price_update()
    sweep = runs.begin(SyncRun.Kind.STORE_SWEEP, trigger="test", now=world.now)
    execution.work_on(sweep)
    sweep.refresh_from_db()

    assert {run.state, again.state, sweep.state} <= {"failed", "succeeded"}
    assert words in " ".join(status(now=world.now).impaired)
    assert words in sweep.message
    assert asked <= 4, "Only what is under way at the same time is requested."
    assert world.rows() == before
    assert services.bars().manifests() == manifests
    assert services.quotes().all() == {}
    assert Attempt.objects.count() == attempts


def test_calls_no_symbol_stale_by_a_wrong_clock(world: World) -> None:
    world.at(NOON, SKEW)
    world.sync()

    reasons = status(now=world.now).reasons

    assert any(reason.startswith("This machine's clock is 20 days ahead") for reason in reasons)
    assert not any("are stale" in reason or "failed" in reason for reason in reasons)
    report = services.reader().reports([SYMBOLS[0]], now=world.now)[0]
    assert report.stale_reason == ""


@pytest.mark.parametrize("off", [SKEW, -SKEW])
def test_heals_once_the_clock_is_right(world: World, off: timedelta) -> None:
    world.at(NOON, off)
    schedules.install(now=world.now)
    Schedule.objects.exclude(name="canary").update(next_run=world.now + timedelta(hours=3))
    tasks.canary()
    world.sync()
    requests.sync([SYMBOLS[0]], trigger="test").queue()
    OrmQ.objects.update(lock=world.now)

    world.at(EVENING)
    schedules.bring_back(now=world.now)
    due = Schedule.objects.filter(next_run__lte=world.now).count()
    takeable = OrmQ.objects.filter(lock__lt=world.now).count()
    tasks.canary()
    run_queue()

    assert (due, takeable) == (len(schedules.JOBS), 1)
    assert cluster_health.cluster_state(now=world.now).canary_at == EVENING
    assert world.differing() == []
    assert not TrackedSymbol.objects.exclude(last_update=EVENING).exists()
    assert not SyncRun.objects.filter(state__in=SyncRun.OPEN).exists()
    assert "clock" not in " ".join(status(now=world.now).impaired)


def test_heals_what_a_wrong_clock_wrote_before_it_was_noticed(world: World) -> None:
    """As a version did that believed every clock: all moments are 20 days ahead."""
    ahead = NOON + SKEW
    TrackedSymbol.objects.update(
        last_update=ahead,
        last_attempt_at=ahead,
        next_attempt_at=ahead + timedelta(minutes=5),
        last_error="Yahoo did not answer in time",
        failures=1,
    )
    later = {"facts.fetched_at": ahead, "fetched_at": ahead, "final_through": EVENING + SKEW}
    services.database()["series"].update_many({}, {"$set": later})
    services.forget()
    monday = services.reader().reports([SYMBOLS[0]], now=NOON)[0]

    world.at(EVENING)
    run = world.sync()

    assert monday.stale_reason == ""
    assert run.updated == len(SYMBOLS)
    assert world.differing() == []
    assert not TrackedSymbol.objects.exclude(last_update=EVENING).exists()


def test_a_clock_that_is_moved_during_a_run_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.at(EVENING)
    before, record = world.rows(), runs.record

    def record_and_move(*args: Any, **options: Any) -> None:
        record(*args, **options)
        world.now += SKEW

    monkeypatch.setattr(runs, "record", record_and_move)
    run = world.sync()

    assert run.message == "This machine's clock was moved during the run."
    changed = [row for row in world.rows() if row not in before]
    assert [row["last_update"] for row in changed] == [EVENING]


@pytest.mark.parametrize("is_split", [False, True])
def test_a_backfill_that_a_wrong_clock_ended_is_queued_again_once(
    world: World, monkeypatch: pytest.MonkeyPatch, is_split: bool
) -> None:
    monkeypatch.setattr(runs, "PART_SIZE", 7 if is_split else 50)
    for symbol in SYMBOLS:
        world.yahoo.standin.book.revise(symbol, date(2026, 2, 3), volume=77)
    run = requests.backfill(SYMBOLS, trigger="alice").queue()
    world.at(NOON, SKEW)
    run_queue()
    tasks.canary()
    run_queue()
    run.refresh_from_db()
    assert (run.state, run.parts.exists()) == ("failed", is_split)

    world.at(EVENING)
    for _ in range(2):
        tasks.canary()
        run_queue()

    again = SyncRun.objects.filter(kind=SyncRun.Kind.BACKFILL, parent=None).exclude(pk=run.pk)
    assert [(one.state, one.trigger, one.symbols) for one in again] == [
        ("succeeded", "alice", SYMBOLS)
    ]
    assert world.differing() == []


def test_a_job_process_whose_clock_is_ahead_leaves_the_run_to_another(world: World) -> None:
    run = runs.queue(SyncRun.Kind.HISTORICAL_SYNC, trigger="test", symbols=SYMBOLS[:3])
    OrmQ.objects.all().delete()
    world.at(EVENING, SKEW)
    assert runs.claim(run.pk, now=world.now)  # and then it hangs

    world.at(EVENING)
    revived = runs.revive(now=world.now)
    run_queue()
    run.refresh_from_db()

    assert revived == 1
    assert (run.state, run.updated) == ("succeeded", 3)
