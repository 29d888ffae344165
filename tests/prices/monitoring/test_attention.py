"""Which symbols need attention: each trouble, its reason and its remedy, and the order."""

from datetime import date, timedelta

import pytest

from prices import services
from prices.domain.coverage import Gap
from prices.models import TrackedSymbol
from prices.monitoring import attention
from prices.monitoring.attention import Needs, Remedy
from tests.support.builders import NOW, WEEK, published, tracked

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]


def needs() -> Needs:
    return attention.needs(services.overview().survey(now=NOW), now=NOW)


def reasons() -> dict[str, tuple[Remedy, str]]:
    return {need.row.symbol: (need.remedy, need.reason) for need in needs().worst}


def test_names_each_trouble_and_what_repairs_it(troubled: None) -> None:
    found = reasons()

    assert list(found) == ["ODD", "NEW", "OLD", "FAILS", "GONE", "GAP"]
    assert found["ODD"] == (Remedy.REVIEW, "an answer is in quarantine: all prices are doubled")
    assert found["NEW"] == (Remedy.BACKFILL, "no history yet")
    assert found["OLD"] == (Remedy.SYNC, "2 sessions behind, last bar 2026-06-04")
    assert found["FAILS"] == (Remedy.SYNC, "its last fetch failed: Yahoo says 500")
    assert found["GONE"] == (Remedy.RESUME, "suspended: Yahoo knows no GONE, on two days")
    assert found["GAP"] == (Remedy.GAPS, "2026-06-03 is missing: the provider has none")


def test_names_ten_symbols_and_those_that_are_read_most_first() -> None:
    for number in range(12):
        tracked(f"SYM{number:02}", last_update=None, reads=number)

    found = needs()

    assert [need.row.symbol for need in found.worst] == [f"SYM{n:02}" for n in range(11, 1, -1)]
    assert found.total == 12


def test_says_since_when_a_complete_symbol_got_no_answer() -> None:
    tracked(last_update=NOW - timedelta(hours=4))
    published()

    assert reasons() == {
        "ACME": (Remedy.SYNC, "the provider has not answered for it since 2026-06-09 08:00 UTC")
    }


def test_names_three_of_many_gaps() -> None:
    tracked()
    gaps = tuple(Gap(date(2026, 6, day), 5, None, "none") for day in (2, 3, 4, 5))
    published(rows=WEEK[4:], gaps=gaps)

    (reason,) = [reason for _, reason in reasons().values()]

    assert reason == "2026-06-02, 2026-06-03, 2026-06-04 and 1 more are missing: none"


def test_leaves_out_a_symbol_that_is_untracked_meanwhile() -> None:
    tracked("AAA", last_update=None)
    tracked("BBB", last_update=None)
    survey = services.overview().survey(now=NOW)
    TrackedSymbol.objects.filter(symbol="AAA").delete()

    found = attention.needs(survey, now=NOW)

    assert [need.row.symbol for need in found.worst] == ["BBB"]
