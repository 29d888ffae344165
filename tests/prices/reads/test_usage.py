"""Usage: reads are counted in memory and saved in one go."""

from datetime import timedelta

import pytest
from django.db import DatabaseError

from prices.models import ReadCount
from prices.reads import usage
from prices.reads.usage import Usage, hit_rate, median_seconds
from tests.support.builders import NOW, tracked
from tests.support.process_trees import until

pytestmark = pytest.mark.django_db


class TestUsage:
    def test_counts_reads_of_each_symbol_and_their_share(self) -> None:
        acme, other = tracked(), tracked("OTHER", reads=5)
        counted = Usage(every=0)
        for symbol in ("ACME", "ACME", "OTHER"):
            counted.hit(symbol, 0.001)
        counted.miss()

        counted.flush(now=NOW)

        acme.refresh_from_db()
        other.refresh_from_db()
        assert (acme.reads, other.reads, acme.last_queried_at) == (2, 6, NOW)
        assert hit_rate(now=NOW) == 0.75

    def test_adds_to_saved_counts(self) -> None:
        counted = Usage(every=0)
        for _ in range(3):
            counted.hit("ACME", 0.001)
            counted.flush(now=NOW)

        (row,) = ReadCount.objects.all()
        assert (row.hits, sum(row.timings.values())) == (3, 3)

    def test_knows_the_median_to_nine_percent(self) -> None:
        counted = Usage(every=0)
        for seconds in (0.0004, 0.002, 5.0):
            counted.hit("ACME", seconds)
        counted.flush(now=NOW)

        assert median_seconds(now=NOW) == pytest.approx(0.002, rel=0.09)
        assert median_seconds(now=NOW + timedelta(days=2)) is None

    def test_keeps_counts_that_could_not_be_saved(self, monkeypatch: pytest.MonkeyPatch) -> None:
        counted = Usage(every=0)
        counted.hit("ACME", 0.001)

        def locked(*args: object) -> None:
            raise DatabaseError("database is locked")

        with monkeypatch.context() as patch:
            patch.setattr(usage, "_write", locked)
            counted.flush(now=NOW)
        counted.flush(now=NOW)

        assert ReadCount.objects.get().hits == 1

    def test_is_saved_by_a_timer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        written: list[int] = []
        monkeypatch.setattr(usage, "_write", lambda hits, *rest: written.append(hits.total()))
        counted = Usage(every=0.01)

        counted.hit("ACME", 0.001)

        until(lambda: written, "the timer")
        assert written == [1]
