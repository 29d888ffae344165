"""What users see of runs: progress, the latest, failures, days, and verifications."""

from datetime import date, timedelta
from typing import Any

import pytest

from prices.jobs import history
from prices.models import SyncRun
from prices.store.locks import worker_name
from tests.support.builders import NOW, tracked

pytestmark = pytest.mark.django_db

Kind, State = SyncRun.Kind, SyncRun.State


def run(state: str = State.SUCCEEDED, kind: str = Kind.BACKFILL, **fields: Any) -> SyncRun:
    return SyncRun.objects.create(**{"kind": kind, "state": state, "trigger": "x"} | fields)


class TestProgress:
    def test_counts_the_symbols_of_a_run(self) -> None:
        one = run(State.RUNNING, total=9, updated=2, unchanged=1, failed=1, heartbeat_at=NOW)
        SyncRun.objects.update(worker=worker_name())

        (found,) = history.under_way(now=NOW)

        assert (found.run, found.run.total, found.done, found.failed) == (one, 9, 4, 1)
        assert (found.parts, found.lost, found.stopping) == (0, False, False)

    def test_sums_the_parts_of_an_open_run(self) -> None:
        whole = run(State.RUNNING, total=50, heartbeat_at=NOW, cancelled_by="carol")
        run(parent=whole, updated=20, failed=5)
        run(State.RUNNING, parent=whole, updated=3)

        (found,) = history.under_way(now=NOW)

        assert (found.done, found.failed, found.parts, found.open_parts) == (28, 5, 2, 1)
        assert found.stopping

    def test_adds_what_a_run_did_before_it_was_split(self) -> None:
        whole = run(State.RUNNING, total=50, heartbeat_at=NOW, updated=10, failed=1)
        run(parent=whole, updated=20)

        (found,) = history.under_way(now=NOW)

        assert (found.done, found.failed) == (31, 1)

    def test_counts_a_closed_run_by_its_own_sums(self) -> None:
        whole = run(updated=25)
        run(parent=whole, updated=25)

        assert history.progress_of(whole, now=NOW).done == 25
        assert history.under_way(now=NOW) == []

    def test_knows_a_run_that_lost_its_worker(self) -> None:
        lost = run(State.RUNNING, worker=worker_name(), heartbeat_at=NOW - timedelta(minutes=2))

        assert history.progress_of(lost, now=NOW).lost


class TestLists:
    def test_has_the_last_eight_whole_runs_of_each_kind(self) -> None:
        found = [run() for _ in range(10)]
        run(parent=found[-1])
        other = run(kind=Kind.VERIFY)

        latest = history.latest_runs()

        assert latest == {Kind.BACKFILL: found[:1:-1], Kind.VERIFY: [other]}

    def test_has_the_failed_runs_with_the_newest_first(self) -> None:
        failed, partial = run(State.FAILED), run(State.PARTIAL)
        run(State.FAILED, parent=failed)
        run()

        assert history.failed_runs() == [partial, failed]


class TestAgain:
    def test_queues_the_symbols_that_failed_with_the_same_options(self) -> None:
        failed = run(
            State.PARTIAL,
            symbols=["A", "B", "C"],
            errors={"C": "gone", "A": "gone"},
            options={"whole": True},
        )

        repeated = history.again(failed, trigger="admin (carol)")

        assert (repeated.kind, repeated.symbols) == (Kind.BACKFILL, ["A", "C"])
        assert (repeated.options, repeated.trigger) == ({"whole": True}, "admin (carol)")

    def test_queues_the_whole_run_if_it_broke(self) -> None:
        assert history.again(run(State.FAILED, symbols=["A"]), trigger="x").symbols == ["A"]

    @pytest.mark.parametrize(
        ("state", "kind", "repeatable"),
        [
            (State.FAILED, Kind.BACKFILL, True),
            (State.RUNNING, Kind.BACKFILL, False),
            (State.FAILED, Kind.STORE_SWEEP, False),
        ],
    )
    def test_repeats_closed_runs_about_symbols_only(
        self, state: str, kind: str, repeatable: bool
    ) -> None:
        assert history.is_repeatable(run(state, kind)) is repeatable


def test_counts_whole_runs_of_histories_by_day_and_end() -> None:
    first = NOW.replace(month=5, day=11, hour=0)
    for state in (State.SUCCEEDED, State.PARTIAL, State.FAILED, State.CANCELLED, State.RUNNING):
        run(state, created_at=NOW)
    run(kind=Kind.LIVE_PRICE_UPDATE, created_at=NOW)
    run(parent=run(created_at=first), created_at=NOW)
    run(created_at=first - timedelta(seconds=1))

    days = history.run_days(now=NOW)

    assert len(days) == 30
    counts = {d.day: (d.good, d.partial, d.failed, d.other) for d in days if d.total}
    assert counts == {date(2026, 5, 11): (1, 0, 0, 0), date(2026, 6, 9): (1, 1, 1, 2)}


class TestVerification:
    def verified(self, *symbols: str, differing: tuple[str, ...] = (), **fields: Any) -> SyncRun:
        return run(
            kind=Kind.VERIFY,
            finished_at=NOW,
            symbols=list(symbols),
            differing=list(differing),
            errors=dict.fromkeys(differing, "differs"),
            **{"total": len(symbols), "failed": len(differing)} | fields,
        )

    def test_is_none_before_the_first_has_ended(self) -> None:
        run(State.RUNNING, Kind.VERIFY)

        assert history.latest_verification() is None

    def test_counts_the_latest(self) -> None:
        tracked("B")
        self.verified("A", "B", "C", differing=("B",), updated=1, unchanged=1)

        found = history.latest_verification()

        assert found == history.Verification(NOW, 3, 2, 1, 0, ("B",))

    def test_forgets_a_difference_once_the_symbol_agrees(self) -> None:
        tracked("A")
        self.verified("A", differing=("A",))
        assert history.unfixed() == ("A",)

        self.verified("A", unchanged=1)

        assert history.unfixed() == ()

    def test_keeps_a_difference_over_a_verification_that_stopped_early(self) -> None:
        tracked("A")
        self.verified("A", differing=("A",))

        self.verified("A", "B", total=2)

        assert history.unfixed() == ("A",)
