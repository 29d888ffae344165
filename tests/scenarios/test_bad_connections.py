"""Requests that fail during a sync of a hundred healthy symbols, as Yahoo makes them fail."""

from datetime import timedelta

import pytest

from prices.models import SyncRun, TrackedSymbol
from tests.support.hundred import HEALTHY, Hundred
from tests.support.syncing import stored

pytestmark = pytest.mark.django_db

State = SyncRun.State

AWAY = [
    ("500", "Yahoo returned HTTP 500 (boom)"),
    ("500_html", "Yahoo returned HTTP 500"),
    ("502", "Yahoo returned HTTP 502"),
    ("right_back", "Yahoo says it will be right back"),
    ("truncated", "Yahoo refused or broke the connection"),
    ("reset", "Yahoo refused or broke the connection"),
    ("hang", "Yahoo did not answer in time"),
]
REFUSED = [
    ("404", {}, "Yahoo says of {}: No data found, symbol may be delisted"),
    ("400", {}, "Yahoo says of {}: Data doesn't exist for startDate"),
    ("422", {}, "Yahoo says of {}: 15m data not available"),
    ("malformed", {}, "Yahoo's answer for {} is not JSON"),
    ("html", {}, "Yahoo's answer for {} is not JSON"),
    ("missing_keys", {"keys": ("indicators",)}, "Yahoo's answer for {} cannot be read"),
    ("missing_keys", {"keys": ("meta",)}, "Yahoo's answer for {} cannot be read"),
    ("missing_keys", {"keys": ("timestamp",)}, "Yahoo's answer for {} cannot be read"),
]


@pytest.fixture
def impatient(hundred: Hundred, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hundred.yahoo.provider._session, "_timeout", 3.0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("faults", [AWAY[:4], AWAY[4:]], ids=["answered", "broken"])
def test_symbols_that_get_no_answer_harm_no_other(
    hundred: Hundred, faults: list[tuple[str, str]]
) -> None:
    """They count as failed, because others were answered at that time."""
    bad = {hundred.one_more(): fault for fault in faults}
    before = {symbol: stored(symbol) for symbol in bad}
    words = {symbol: said for symbol, (_, said) in bad.items()}
    hundred.next_session()
    for symbol, (fault, _) in bad.items():
        hundred.standin.fault(fault, symbol)

    run = hundred.sync()

    assert (run.state, run.total, run.failed) == (State.PARTIAL, 100 + len(bad), len(bad))
    assert hundred.incomplete() == []
    assert run.errors == words
    for symbol, said in words.items():
        row, report = hundred.row(symbol), hundred.report(symbol)
        assert stored(symbol) == before[symbol]
        assert (row.last_error, row.failures) == (said, 1)
        behind = f"1 session behind, last bar {before[symbol][-1][0]}"
        assert report.stale_reason == f"{said}, {behind}"

    hundred.clear_faults()
    assert hundred.wait(timedelta(minutes=5)) == len(bad)
    for symbol in bad:
        assert stored(symbol) == hundred.expected(symbol)
        assert hundred.row(symbol).last_error == hundred.report(symbol).stale_reason == ""


@pytest.mark.parametrize("retry_after", [120, None], ids=["Retry-After", "no Retry-After"])
def test_a_rate_limit_is_waited_for_and_then_all_is_done(
    hundred: Hundred, retry_after: int | None
) -> None:
    bad = hundred.one_more()
    before = stored(bad)
    hundred.next_session()
    hundred.standin.fault("429", bad, count=2, retry_after=retry_after)

    run = hundred.sync()

    # Those that were under way may still have got their answers, or not.
    assert run.state in (State.PARTIAL, State.FAILED)
    assert stored(bad) == before
    assert hundred.row(bad).last_error == "Yahoo allows no more requests for now"
    said = f"rate limited until {hundred.now.date()} 23:0{2 if retry_after else 1} UTC"
    assert said in hundred.report(bad).stale_reason
    left = TrackedSymbol.objects.filter(symbol__in=HEALTHY).exclude(last_error="")
    assert left.count() == run.failed - 1 > 50
    assert {row.last_error for row in left} == {said}

    assert hundred.wait(timedelta(seconds=50)) == 0  # the limit is in force
    hundred.wait(timedelta(minutes=5))
    assert hundred.incomplete() == []
    assert stored(bad) == hundred.expected(bad)
    assert hundred.row(bad).last_error == hundred.report(bad).stale_reason == ""


def test_answers_without_prices_harm_no_other_symbol(hundred: Hundred) -> None:
    bad = [hundred.one_more() for _ in REFUSED]
    before = {symbol: stored(symbol) for symbol in bad}
    said = {s: words.format(s) for s, (_, _, words) in zip(bad, REFUSED, strict=True)}
    hundred.next_session()
    for symbol, (fault, options, _) in zip(bad, REFUSED, strict=True):
        hundred.standin.fault(fault, symbol, **options)

    run = hundred.sync()

    assert (run.state, run.total, run.failed) == (State.PARTIAL, 108, 8)
    assert hundred.incomplete() == []
    for symbol in bad:
        row, report = hundred.row(symbol), hundred.report(symbol)
        assert stored(symbol) == before[symbol]
        assert row.last_error.startswith(said[symbol])
        assert run.errors[symbol] == row.last_error
        behind = f", 1 session behind, last bar {before[symbol][-1][0]}"
        assert report.stale_reason == row.last_error + behind
        assert (row.failures, row.active) == (1, True)

    hundred.clear_faults()
    hundred.next_session()
    hundred.sync()
    for symbol in bad:
        assert stored(symbol) == hundred.expected(symbol)
        assert hundred.row(symbol).last_error == hundred.report(symbol).stale_reason == ""
