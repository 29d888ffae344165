"""Renaming a symbol: its history continues, and another company's is not joined."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management.base import CommandError

from prices import services
from prices.domain.answers import Correction
from prices.domain.bars import InvalidSymbol, SeriesKey
from prices.domain.coverage import RequestedRange
from prices.models import Quarantine
from prices.store.locks import Leases
from prices.store.mongo import Db
from prices.sync.rename import CannotRename
from tests.support.builders import ACTIONS, NOW, WEEK, published, tracked
from tests.support.commands import manage
from tests.support.renaming import NO_ACTIONS, STRANGER, aliases, facebook, renamed, symbols
from tests.support.syncing import stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("provider", "fixed_now")]


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
        published("META", WEEK[2:], NO_ACTIONS)

        renamed()

        assert stored("META") == list(WEEK[2:])


class TestBothTracked:
    def test_joins_histories_of_one_company(self) -> None:
        facebook(added_at=NOW - timedelta(days=900), last_queried_at=NOW)
        row = tracked("META", name="")
        published("META", [*WEEK[3:4], (*WEEK[4][:5], 5_555)], NO_ACTIONS, final_through=WEEK[3][0])

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
        published("META", rows, NO_ACTIONS, **facts)
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
        published("META", STRANGER, NO_ACTIONS)

        with pytest.raises(CannotRename, match="track META --no-fetch, then"):
            renamed()

        assert (symbols(), len(stored("FB"))) == ({"FB"}, 5)


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
                manage("rename", "FB", "META")

        assert ours
        assert symbols() == {"FB"}
