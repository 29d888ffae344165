"""Renaming a symbol: its history continues, reads follow, and a second call completes a crash."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from prices import services
from prices.domain.actions import Actions
from prices.domain.answers import Correction
from prices.domain.bars import BarSeries, InvalidSymbol, SeriesKey
from prices.domain.coverage import RequestedRange
from prices.domain.quotes import Quote
from prices.domain.series import Facts
from prices.jobs import tasks
from prices.models import Quarantine, SymbolAlias, SyncRun, TrackedSymbol
from prices.store.bars import BarRepository
from prices.store.corrections import CorrectionLog
from prices.store.locks import Leases
from prices.store.mongo import Db
from prices.store.quotes import QuoteStore
from prices.store.series_cache import SeriesCache
from prices.sync import rename
from prices.sync.rename import CannotRename, RenameResult
from tests.support.builders import ACTIONS, NOW, WEEK, published, tracked
from tests.support.fakes import FakeProvider
from tests.support.syncing import stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider")]

NONE = Actions()
# Another company's prices on the same days.
STRANGER = tuple((row[0], *(price * 7 for price in row[1:5]), row[5]) for row in WEEK)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def renamed(old: str = "FB", new: str = "META") -> RenameResult:
    return services.rename_service().rename(old, new, now=NOW)


def aliases() -> dict[str, str]:
    return dict(SymbolAlias.objects.values_list("symbol", "target__symbol"))


def symbols() -> set[str]:
    return set(TrackedSymbol.objects.values_list("symbol", flat=True))


def call(*args: str) -> str:
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


def facebook(**fields: Any) -> TrackedSymbol:
    """FB with all that is keyed by its symbol."""
    row = tracked("FB", **fields)
    published("FB")
    services.quotes().put([Quote("FB", 12.0, NOW, NOW, "REGULAR")])
    Quarantine.objects.create(symbol="FB", kind="basis", reason="prices are 7 times the stored")
    return row


class TestRename:
    def test_keeps_the_history_and_leaves_an_alias(self) -> None:
        row = facebook()
        facts = services.bars().manifest(SeriesKey("FB"))

        done = renamed()

        row.refresh_from_db()
        assert (row.symbol, done.row.pk, done.was_done, done.joined) == (
            "META",
            row.pk,
            False,
            False,
        )
        assert stored("META") == list(WEEK)
        assert done.manifest is not None
        assert facts is not None
        assert done.manifest.facts == facts.facts
        assert aliases() == {"FB": "META"}
        assert stored("FB") == []
        assert services.quotes().get(["FB"]) == {}
        assert Quarantine.objects.get().symbol == "META"

    def test_hands_the_corrections_over(self) -> None:
        facebook()
        stored_fb = services.bars().read(SeriesKey("FB"))
        assert stored_fb is not None
        services.bars().replace(
            SeriesKey("FB"),
            stored_fb.manifest,
            stored_fb.bars,
            stored_fb.manifest.facts,
            now=NOW,
            corrections=(Correction(date(2026, 6, 2), "volume", 900, 1_000),),
        )

        renamed()

        assert [one.correction.old for one in services.corrections().latest("META")] == [900]
        assert services.corrections().latest("FB") == []

    def test_lets_what_the_provider_said_of_the_old_name_go(self) -> None:
        row = facebook(
            active=False,
            failures=5,
            last_error="Nobody knows FB",
            next_attempt_at=NOW + timedelta(days=1),
            missing_since=NOW.date(),
            missing_reason="Nobody knows FB",
            suspended_reason="Nobody knows FB",
        )

        renamed()

        row.refresh_from_db()
        assert (row.active, row.failures, row.last_error, row.next_attempt_at) == (
            *(True, 0, ""),
            None,
        )
        assert (row.missing_since, row.missing_reason, row.suspended_reason) == (None, "", "")
        assert row.last_update == NOW

    def test_what_was_suspended_by_hand_stays_so(self) -> None:
        row = facebook(active=False)

        renamed()

        row.refresh_from_db()
        assert row.active is False

    def test_takes_the_market_of_the_new_name(self) -> None:
        row = facebook()

        renamed(new="META.L")

        row.refresh_from_db()
        assert (row.market, row.mic) == ("LSE", "XLON")

    def test_a_symbol_without_history_has_none_after(self) -> None:
        tracked("FB", last_update=None)

        done = renamed()

        assert done.manifest is None
        assert (symbols(), aliases()) == ({"META"}, {"FB": "META"})

    def test_names_follow_in_chains(self) -> None:
        facebook()

        renamed("FB", "META")
        renamed("META", "META2")

        assert aliases() == {"FB": "META2", "META": "META2"}
        for name in ("FB", "META", "META2"):
            history = services.reader().history(name, RequestedRange(), now=NOW)
            assert (history.row.symbol, len(history.bars)) == ("META2", 5)

    def test_goes_back(self) -> None:
        facebook()

        renamed("FB", "META")
        renamed("META", "FB")

        assert (symbols(), aliases()) == ({"FB"}, {"META": "FB"})
        assert stored("FB") == list(WEEK)

    def test_the_sample_makes_room_for_real_prices(self) -> None:
        facebook()
        tracked("META", last_update=None)
        published("META", STRANGER, source="sample")

        renamed()

        assert stored("META") == list(WEEK)

    def test_the_sample_does_not_mix_with_real_prices(self) -> None:
        tracked("FB", last_update=None)
        published("FB", WEEK, source="sample")
        tracked("META")
        published("META", WEEK[2:], NONE)

        renamed()

        assert stored("META") == list(WEEK[2:])


class TestBothTracked:
    def test_joins_histories_of_one_company(self) -> None:
        facebook(added_at=NOW - timedelta(days=900), last_queried_at=NOW)
        row = tracked("META", name="")
        published("META", [*WEEK[3:4], (*WEEK[4][:5], 5_555)], NONE, final_through=WEEK[3][0])

        done = renamed()

        assert done.joined
        assert stored("META") == [*WEEK[:4], (*WEEK[4][:5], 5_555)]
        assert done.manifest is not None
        # The split of the 4th lies before META's span, the dividend of the 8th within it.
        assert done.manifest.facts.actions == replace(ACTIONS, dividends=())
        assert done.manifest.facts.final_through == WEEK[3][0]
        row.refresh_from_db()
        assert (done.row.pk, row.name) == (row.pk, "Acme Corporation")
        assert (row.added_at, row.last_queried_at) == (NOW - timedelta(days=900), NOW)
        assert (symbols(), aliases()) == ({"META"}, {"FB": "META"})

    def test_one_without_history_gets_the_others(self) -> None:
        facebook()
        row = tracked("META", last_update=None)

        done = renamed()

        row.refresh_from_db()
        assert (done.joined, row.last_update) == (False, NOW)
        assert stored("META") == list(WEEK)

    def test_former_names_of_both_lead_to_the_one(self) -> None:
        facebook()
        renamed("FB", "FACE")
        tracked("META2", last_update=None)
        renamed("META2", "META")

        renamed("FACE", "META")

        assert aliases() == {"FB": "META", "FACE": "META", "META2": "META"}

    def test_keeps_one_open_entry_a_kind_in_quarantine(self) -> None:
        facebook()
        tracked("META", last_update=None)
        Quarantine.objects.create(symbol="META", kind="basis", reason="mine")

        renamed()

        open_ones = Quarantine.objects.filter(symbol="META", resolved_at=None)
        assert [entry.reason for entry in open_ones] == ["mine"]
        assert Quarantine.objects.filter(symbol="META").count() == 2

    @pytest.mark.parametrize(
        ("rows", "facts", "why"),
        [
            (STRANGER, {}, "the closes differ on 5 of the 5 sessions in common"),
            ([(date(2026, 5, 1), 9, 9, 9, 9, 9)], {}, "no session in common to compare"),
            (WEEK, {"currency": "GBp"}, "the prices are in GBp and in USD"),
        ],
    )
    def test_refuses_another_company_and_changes_nothing(
        self, rows: Any, facts: dict[str, Any], why: str
    ) -> None:
        facebook()
        tracked("META")
        published("META", rows, NONE, **facts)
        before = stored("META")

        with pytest.raises(CannotRename, match=why) as refused:
            renamed()

        assert "manage.py untrack META --delete" in str(refused.value)
        assert (symbols(), aliases()) == ({"FB", "META"}, {})
        assert (stored("FB"), stored("META")) == (list(WEEK), before)
        assert Quarantine.objects.get().symbol == "FB"
        assert set(services.quotes().get(["FB"])) == {"FB"}

    def test_refuses_untracked_prices_under_the_new_name(self) -> None:
        facebook()
        published("META", STRANGER, NONE)

        with pytest.raises(CannotRename, match="track META --no-fetch, then"):
            renamed()

        assert (symbols(), len(stored("FB"))) == ({"FB"}, 5)


class _CrashError(Exception):
    """The process ends here."""


def _crash(*args: Any, **kwargs: Any) -> None:
    raise _CrashError


def crashed_at(owner: Any, name: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(owner, name, _crash)
        with pytest.raises(_CrashError):
            renamed()


# What is not done any more when the process ends: in the order of the work.
POINTS = [
    (BarRepository, "_publish"),
    (rename, "_move_rows"),
    (rename, "_move_quarantine"),
    (CorrectionLog, "rename"),
    (QuoteStore, "delete"),
    (BarRepository, "delete"),
]


class TestCrash:
    @pytest.mark.parametrize("both", [False, True], ids=["alone", "both tracked"])
    @pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point[0].__name__}.{point[1]}")
    def test_a_second_call_completes_the_first(self, point: Any, both: bool) -> None:
        facebook()
        if both:
            tracked("META")
            published("META", WEEK[1:4])
        crashed_at(*point)
        readable = services.reader().history("FB", RequestedRange(), now=NOW)

        renamed()

        assert len(readable.bars) == 5
        assert stored("META") == list(WEEK)
        assert (symbols(), aliases()) == ({"META"}, {"FB": "META"})
        assert stored("FB") == []
        assert services.quotes().get(["FB"]) == {}
        assert Quarantine.objects.get().symbol == "META"

    def test_takes_what_came_between_the_two_calls(self, provider: FakeProvider) -> None:
        tracked("FB")
        published("FB", WEEK[:4], NONE)
        crashed_at(rename, "_move_rows")
        provider.histories = {"FB": WEEK}
        call("sync_historical", "--symbols", "FB")

        renamed()

        assert stored("META") == list(WEEK)

    def test_a_third_call_finds_nothing_to_do(self) -> None:
        facebook()
        renamed()
        before = services.bars().manifest(SeriesKey("META"))

        done = renamed()

        assert done.was_done
        assert services.bars().manifest(SeriesKey("META")) == before


class TestRefusals:
    @pytest.mark.parametrize(
        ("old", "new", "sentence"),
        [
            ("FB", "fb ", "FB already has that name"),
            ("NOPE", "META", "NOPE is not tracked. Start with: manage.py track META"),
            ("FACE", "META", "FACE is a former name of FB. Rename that, or free the name"),
            ("OTHER", "FACE", "FACE is a former name of FB. If another company has it now"),
        ],
    )
    def test_says_what_cannot_be(self, old: str, new: str, sentence: str) -> None:
        tracked("OTHER")
        tracked("FACE")
        renamed("FACE", "FB")

        with pytest.raises(CannotRename, match=sentence):
            renamed(old, new)

        assert (symbols(), aliases()) == ({"FB", "OTHER"}, {"FACE": "FB"})

    @pytest.mark.parametrize(("old", "new"), [("F B", "META"), ("FB", "ME TA"), ("FB", "")])
    def test_knows_what_is_no_symbol(self, old: str, new: str) -> None:
        facebook()

        with pytest.raises(InvalidSymbol):
            renamed(old, new)

    @pytest.mark.parametrize("symbol", ["FB", "META"])
    def test_waits_for_a_fetch_and_gives_up(
        self, store: Db, monkeypatch: pytest.MonkeyPatch, symbol: str
    ) -> None:
        facebook()
        monkeypatch.setattr("prices.store.locks._MAX_WAIT_SECONDS", 0.0)
        with ExitStack() as another_machine:
            with patch("prices.store.locks.worker_name", return_value="elsewhere/1/1"):
                lease = Leases(store).held(f"fetch {SeriesKey(symbol)}")
                ours = another_machine.enter_context(lease)

            with pytest.raises(CommandError, match=f"{symbol} is being fetched by another job"):
                call("rename", "FB", "META")

        assert ours
        assert symbols() == {"FB"}


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
        said = call("sync_historical", "--symbols", "FB")

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

        tracked_said = call("track", "fb")
        backfilled_said = call("backfill", "FB")

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

        said = call("untrack", "FB", "--yes")
        call("track", "FB")

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
                call("untrack", *names)

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
            call("untrack", "FB", "--delete", "--yes")

        assert aliases() == {"FB": "META"}


class TestCommand:
    def test_prints_the_result(self) -> None:
        facebook()

        first, second = call("rename", "fb", "meta"), call("rename", "FB", "META")

        assert first == (
            "FB is called META now (5 bars, 2026-06-02 to 2026-06-08). Reads of FB lead there.\n"
        )
        assert second == "FB is called META already. Nothing is left to do.\n"

    def test_prints_that_histories_were_joined(self) -> None:
        facebook()
        tracked("META")
        published("META", WEEK[3:], NONE)

        said = call("rename", "FB", "META")

        assert "(5 bars, 2026-06-02 to 2026-06-08, joined with those it had)" in said

    def test_fails_with_a_sentence(self) -> None:
        with pytest.raises(CommandError, match="NOPE is not tracked"):
            call("rename", "NOPE", "META")

        with pytest.raises(CommandError, match="is not a symbol"):
            call("rename", "NO PE", "META")
