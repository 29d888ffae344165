"""Requests for runs: what each records, queued and begun, and onboarding."""

from datetime import date
from typing import Any

import pytest
from django_q.models import OrmQ

from prices.domain.bars import InvalidSymbol
from prices.jobs import requests
from prices.jobs.requests import Onboarding, RunRequest
from prices.models import SymbolAlias, SyncRun, TrackedSymbol
from tests.support.builders import NOW, tracked

pytestmark = pytest.mark.django_db

SYMBOLS = ["AAA", "BBB"]
START = date(2026, 1, 2)
BY = "test"


@pytest.mark.parametrize(
    ("request_", "kind", "symbols", "options"),
    [
        (requests.sync(trigger=BY), "historical_sync", [], {}),
        (requests.sync(SYMBOLS, trigger=BY), "historical_sync", SYMBOLS, {}),
        (requests.backfill(SYMBOLS, trigger=BY), "backfill", SYMBOLS, {"whole": True}),
        (
            requests.backfill(SYMBOLS, start=START, trigger=BY),
            *("backfill", SYMBOLS, {"whole": True, "start": "2026-01-02"}),
        ),
        (requests.backfill_all(trigger=BY), "backfill", [], {"whole": True}),
        (
            requests.backfill_all(start=START, trigger=BY),
            *("backfill", [], {"whole": True, "start": "2026-01-02"}),
        ),
        (
            requests.release(SYMBOLS, trigger=BY),
            "backfill",
            SYMBOLS,
            {"whole": True, "trusted": True},
        ),
        (requests.verify(SYMBOLS, trigger=BY), "verify", SYMBOLS, {}),
        (requests.verify(SYMBOLS, fix=True, trigger=BY), "verify", SYMBOLS, {"fix": True}),
        (requests.refresh(SYMBOLS, trigger=BY), "live_price_update", SYMBOLS, {}),
        (requests.refresh(trigger=BY), "live_price_update", [], {"all": True}),
    ],
)
def test_records_the_run_with_the_options_that_earlier_versions_stored(
    request_: RunRequest, kind: str, symbols: list[str], options: dict[str, Any]
) -> None:
    queued, begun = request_.queue(), request_.begin(now=NOW)

    for run in (queued, begun):
        run.refresh_from_db()
        assert (run.kind, run.symbols, run.options, run.trigger) == (kind, symbols, options, "test")
    assert (queued.state, begun.state, begun.attempts) == ("queued", "running", 1)
    assert OrmQ.objects.get().task["args"] == (queued.pk,)


@pytest.mark.parametrize("request_", [requests.backfill, requests.release])
def test_refuses_to_take_no_symbols_for_all_of_them(request_: Any) -> None:
    with pytest.raises(ValueError, match="at least one symbol"):
        request_([], trigger="test")


class TestOnboarding:
    def onboard(self, *symbols: str) -> list[str]:
        onboarding = Onboarding.prepare(symbols, trigger="portfolio", user=None)
        onboarding.queue()
        return onboarding.track(now=NOW)

    def test_tracks_new_symbols_and_queues_one_backfill_of_them(self) -> None:
        tracked("OLD")

        new = self.onboard("NEW", "OLD", "vod.l", "NEW")

        assert new == ["NEW", "VOD.L"]
        run = SyncRun.objects.get()
        assert (run.kind, run.symbols, run.options["whole"]) == ("backfill", new, True)
        row = TrackedSymbol.objects.get(symbol="VOD.L")
        assert (row.market, row.mic, row.currency, row.on_its_own) == ("LSE", "XLON", "GBp", False)

    def test_follows_a_former_name_and_queues_nothing(self) -> None:
        SymbolAlias.objects.create(symbol="FB", target=tracked("META"))

        assert self.onboard("FB") == []
        assert not SyncRun.objects.exists()

    def test_refuses_what_is_no_symbol(self) -> None:
        with pytest.raises(InvalidSymbol):
            self.onboard("B B")

        assert not TrackedSymbol.objects.exists()
