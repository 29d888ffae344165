"""The bars of the last days' runs: their pieces, and their description."""

from datetime import date

from prices.admin.dashboard import run_bars
from prices.jobs.history import RunDay

BUSY = RunDay(date(2026, 6, 8), good=299, partial=0, failed=1, other=0)
QUIET = RunDay(date(2026, 6, 9), good=0, partial=0, failed=0, other=0)


def test_draws_a_single_failure_among_hundreds_visibly() -> None:
    (bar, empty) = run_bars([BUSY, QUIET])["bars"]

    good, failed = bar["pieces"]
    assert (good["kind"], failed["kind"]) == ("good", "failed")
    assert failed["height"] == 3.0
    assert failed["y"] < good["y"]
    assert empty["pieces"] == []


def test_describes_each_day_and_all_days() -> None:
    drawn = run_bars([BUSY, QUIET])

    assert drawn["bars"][0]["words"] == "2026-06-08: 299 good, 0 partly failed, 1 failed"
    assert drawn["bars"][1]["words"] == "2026-06-09: no sync"
    assert drawn["summary"] == (
        "300 syncs in the last 2 days: 299 good, 0 partly failed, 1 failed."
    )
    assert run_bars([QUIET])["summary"] == "No sync in the last 1 days."
