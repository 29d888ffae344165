"""PriceReader: many histories equal single reads and take as many round trips as one."""

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from prices import services
from prices.domain.actions import Adjust
from prices.domain.coverage import RequestedRange
from prices.models import SymbolAlias, TrackedSymbol
from tests.support.builders import ACTIONS, NOW, published, tracked
from tests.support.counting import counting

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

ASKED = RequestedRange(start=date(2026, 6, 3), end=date(2026, 6, 5))


class TestHistories:
    def test_equal_single_histories(self) -> None:
        for symbol in ("ACME", "OTHER"):
            tracked(symbol)
            published(symbol)
        tracked("NEW")

        found = services.reader().histories(["OTHER", "ACME", "NEW"], ASKED, Adjust.NONE, now=NOW)

        assert list(found) == ["OTHER", "ACME", "NEW"]
        # As traded: the stored closes of the 3rd, 4th and 5th, the 2:1 split of the 4th undone.
        assert found["ACME"].bars.close.tolist() == [23.0, 11.25, 12.5]
        assert found["ACME"].actions == ACTIONS
        assert len(found["NEW"].bars) == 0
        assert found["NEW"].stale_reason == "no history yet"
        for symbol, history in found.items():
            alone = services.reader().history(symbol, ASKED, Adjust.NONE, now=NOW)
            assert (history.version, history.bars) == (alone.version, alone.bars)

    def test_leave_out_untracked_symbols(self) -> None:
        tracked()
        published()

        assert list(services.reader().histories(["NOBODY", "ACME"], ASKED, now=NOW)) == ["ACME"]

    def test_are_found_by_former_names(self) -> None:
        SymbolAlias.objects.create(symbol="FORMER", target=tracked())
        published()

        found = services.reader().histories(["FORMER"], ASKED, now=NOW)

        assert found["FORMER"].renamed_from == "FORMER"
        assert len(found["FORMER"].bars) == 3

    def test_follow_a_symbol_that_was_just_renamed(self, settings: object) -> None:
        settings.VERSION_TTL = 60.0  # type: ignore[attr-defined]
        services.forget()
        row = tracked()
        published("RENAMED")
        services.reader().histories(["ACME"], ASKED, now=NOW)
        TrackedSymbol.objects.filter(pk=row.pk).update(symbol="RENAMED")
        SymbolAlias.objects.create(symbol="ACME", target=row)

        found = services.reader().histories(["ACME"], ASKED, now=NOW)

        assert len(found["ACME"].bars) == 3

    @pytest.mark.parametrize("count", [1, 20])
    def test_take_as_many_round_trips_for_twenty_as_for_one(self, count: int) -> None:
        symbols = [f"S{n}" for n in range(count)]
        for symbol in symbols:
            tracked(symbol)
            published(symbol)
        reader = services.reader()

        with CaptureQueriesContext(connection) as sql, counting() as first:
            reader.histories(symbols, ASKED, now=NOW)
        with counting() as again:
            reader.histories(symbols, ASKED, now=NOW)

        assert len(sql) == 1
        assert first.commands.count("aggregate") == 1
        # The versions of all, and how the provider is.
        assert again.commands == ["find", "find"]
