"""Reads, jobs and commands find a symbol by its former name."""

from typing import Any

import numpy as np
import pytest
from django.core.management.base import CommandError
from django.test import Client

from prices import services
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.coverage import RequestedRange
from prices.domain.series import Facts
from prices.jobs import tasks
from prices.models import SyncRun
from prices.store.series_cache import SeriesCache
from tests.support.builders import ACTIONS, NOW, WEEK, tracked
from tests.support.commands import manage
from tests.support.fakes import FakeProvider
from tests.support.renaming import aliases, facebook, renamed, symbols
from tests.support.syncing import stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider", "fixed_now")]


class TestReads:
    def test_of_the_former_name_say_so(self, client: Client) -> None:
        row = facebook()
        renamed()

        body = client.get("/cache/historical/fb").json()
        today = client.get("/cache/historical/META").json()
        services.usage().flush(now=NOW)

        assert (body["symbol"], body["renamed_from"], body["count"]) == ("META", "FB", 5)
        assert (today["symbol"], today["renamed_from"]) == ("META", None)
        assert body["data"] == today["data"]
        row.refresh_from_db()
        assert row.last_queried_at == NOW

    def test_in_the_middle_of_a_rename_find_the_history(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        facebook()
        read = SeriesCache.read

        def renamed_first(memory: SeriesCache, key: SeriesKey) -> Any:
            monkeypatch.setattr(SeriesCache, "read", read)
            renamed()
            return read(memory, key)

        monkeypatch.setattr(SeriesCache, "read", renamed_first)

        history = services.reader().history("FB", RequestedRange(), now=NOW)

        assert (history.row.symbol, len(history.bars)) == ("META", 5)

    def test_reports_and_commands_follow(self, provider: FakeProvider) -> None:
        facebook()
        tracked("OTHER")
        renamed()
        provider.histories, provider.actions = {"META": WEEK}, {"META": ACTIONS}

        reports = services.reader().reports(["FB", "OTHER"], now=NOW)
        said = manage("sync_historical", "--symbols", "FB")

        assert [report.row.symbol for report in reports] == ["META", "OTHER"]
        assert "1 unchanged" in said
        assert {symbol for symbol, _ in provider.asked} == {"META"}

    def test_a_queued_run_follows(self, provider: FakeProvider) -> None:
        facebook()
        run = SyncRun.objects.create(kind=SyncRun.Kind.HISTORICAL_SYNC, symbols=["FB", "META"])
        renamed()
        provider.histories, provider.actions = {"META": WEEK}, {"META": ACTIONS}

        tasks.perform(run.pk)

        run.refresh_from_db()
        assert (run.state, run.total, run.unchanged) == ("succeeded", 1, 1)

    def test_a_post_follows(self, admin_client: Client) -> None:
        facebook()
        renamed()

        answer = admin_client.post(
            "/cache/sync-historical", {"symbols": ["FB"]}, content_type="application/json"
        )

        assert answer.status_code == 202
        assert SyncRun.objects.get().symbols == ["META"]


class TestTracking:
    def test_a_former_name_tracks_todays(self, provider: FakeProvider) -> None:
        facebook()
        renamed()
        provider.histories = {"META": WEEK}

        tracked_said = manage("track", "fb")
        backfilled_said = manage("backfill", "FB")

        told = "FB is a former name of META."
        assert tracked_said == f"{told}\nMETA: is tracked already\n"
        assert backfilled_said.startswith(f"{told}\n")
        assert symbols() == {"META"}
        assert [symbol for symbol, _ in provider.asked] == ["META"]

    def test_a_former_name_is_freed_for_another_company(self, provider: FakeProvider) -> None:
        facebook()
        renamed()
        key = SeriesKey("FB")  # what a fetch left that was under way meanwhile
        stray = BarSeries.from_rows(WEEK).with_prices(np.full(5, 7.0))
        services.bars().replace(key, services.bars().manifest(key), stray, Facts(), now=NOW)
        provider.histories = {"FB": WEEK[:2]}

        said = manage("untrack", "FB", "--yes")
        manage("track", "FB")

        assert said == "FB: no name of META any more\n"
        assert (symbols(), aliases()) == ({"FB", "META"}, {})
        assert (len(stored("FB")), len(stored("META"))) == (2, 5)

    def test_asks_before_it_frees(self, monkeypatch: pytest.MonkeyPatch) -> None:
        facebook()
        tracked("OTHER")
        renamed()
        asked = []

        def refuse(question: str) -> str:
            asked.append(question)
            return "n"

        monkeypatch.setattr("builtins.input", refuse)

        for names in (["FB"], ["FB", "OTHER"]):
            with pytest.raises(CommandError, match="Nothing was changed"):
                manage("untrack", *names)

        assert asked == [
            "Forget the former name FB of META? [y/N] ",
            "Stop tracking OTHER (their prices stay in the store) and "
            "forget the former name FB of META? [y/N] ",
        ]
        assert (symbols(), aliases()) == ({"META", "OTHER"}, {"FB": "META"})

    def test_a_former_name_has_no_prices_to_delete(self) -> None:
        facebook()
        renamed()

        with pytest.raises(CommandError, match="Leave --delete out, or name META"):
            manage("untrack", "FB", "--delete", "--yes")

        assert aliases() == {"FB": "META"}
