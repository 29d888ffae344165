"""manage.py coverage: lines, gaps and JSON."""

import json
from datetime import date

import pytest
from django.core.management.base import CommandError

from prices.domain.coverage import Gap
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.commands import manage
from tests.support.fakes import FakeProvider
from tests.support.unreachable import unreachable_store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]


class TestCoverage:
    def test_prints_a_line_a_symbol(self, provider: FakeProvider) -> None:
        tracked()
        tracked("NEW", last_update=None)
        published(rows=WEEK[:4])

        said = manage("coverage").splitlines()

        assert said == [
            "ACME          80.00 %      4 bars  2026-06-02 to 2026-06-05  1 session behind, last bar 2026-06-05",
            "NEW                 -      0 bars  no history yet          no history yet",
        ]

    def test_lists_the_gaps_of_a_symbol_with_their_next_try(self, provider: FakeProvider) -> None:
        tracked()
        gaps = (
            Gap(date(2026, 6, 3), 1, NOW, "the provider has none"),
            Gap(date(2026, 6, 4), 6, None, "the provider has none"),
        )
        published(rows=(*WEEK[:1], *WEEK[3:]), gaps=gaps)

        said = manage("coverage", "ACME").splitlines()

        assert said[1:] == [
            "  gap 2026-06-03: the provider has none (1 try, next try at 2026-06-09 12:00 UTC)",
            "  gap 2026-06-04: the provider has none (6 tries, given up)",
        ]

    def test_gives_json(self, provider: FakeProvider) -> None:
        tracked()
        published()

        report = json.loads(manage("coverage", "ACME", "--json"))

        assert len(report) == 1
        assert (report[0]["symbol"], report[0]["bars"], report[0]["stale"]) == ("ACME", 5, False)
        assert (report[0]["first"], report[0]["coverage_percent"]) == ("2026-06-02", 100.0)

    def test_says_how_to_begin(self, provider: FakeProvider) -> None:
        assert "manage.py track" in manage("coverage")

    def test_fails_while_the_store_does_not_answer(self, provider: FakeProvider) -> None:
        with (
            unreachable_store(),
            pytest.raises(CommandError, match=r"MongoDB does not answer.*manage.py up"),
        ):
            manage("coverage")
