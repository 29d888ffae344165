"""Decisions about quarantined answers: what is chosen, taken, kept, remembered, and said first."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest

from prices import services
from prices.domain.actions import Actions, Dividend
from prices.domain.answers import CorrectionReason, Guard, Outcome, Refusal, Result
from prices.domain.quotes import Quote
from prices.jobs import requests
from prices.models import Quarantine, SyncRun, TrackedSymbol
from prices.store.mongo import StoreUnavailable
from prices.symbols.health import record_refusals
from prices.sync import decisions
from prices.sync.decisions import NothingToDecide, choose_entries
from tests.support.builders import NOW, published, tracked
from tests.support.fakes import FakeProvider
from tests.support.quarantined import Rows, run_sync, sixty, stored_sixty, times, work
from tests.support.syncing import facts, stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]


def entry_of(kind: Guard) -> Quarantine:
    return Quarantine.objects.get(symbol="ACME", kind=kind, resolved_at=None)


def release(entries: list[Quarantine], sessions: Iterable[date] = ()) -> SyncRun:
    accepted = decisions.accepted_keys(entries, list(sessions))
    ask = requests.release([entries[0].symbol], trigger="test", accepted=accepted)
    return work(ask.begin(now=NOW))


def keep(entries: list[Quarantine], sessions: Iterable[date] = ()) -> None:
    decisions.keep_stored(entries, list(sessions), bars=services.bars(), by="alice", now=NOW)


@pytest.fixture
def revised(provider: FakeProvider) -> Rows:
    """The provider changes two settled bars to a tenth. Returns the stored rows."""
    rows = stored_sixty(provider)
    provider.histories["ACME"] = times(rows, 0.1, 20, 40)
    run_sync()
    return rows


class TestChoosing:
    def test_takes_all_open_entries_by_default(self, revised: Rows) -> None:
        Quarantine.objects.create(symbol="ACME", kind="step", reason="x", resolved_at=NOW)

        assert choose_entries(["ACME"]) == [entry_of(Guard.BAR)]

    def test_takes_entries_by_id_and_session(self, revised: Rows) -> None:
        other = Quarantine.objects.create(symbol="ACME", kind="currency", reason="x")
        entry = entry_of(Guard.BAR)

        assert choose_entries(["ACME"], ids=[entry.pk]) == [entry]
        assert choose_entries(["ACME"], sessions=[revised[20][0]]) == [entry]
        assert other not in choose_entries(["ACME"], sessions=[revised[40][0]])

    def test_refuses_what_is_not_open(self, revised: Rows) -> None:
        entry = entry_of(Guard.BAR)

        with pytest.raises(NothingToDecide, match=r"Nothing of OTHER is in quarantine\."):
            choose_entries(["ACME", "OTHER"])
        with pytest.raises(NothingToDecide, match="is in quarantine"):
            choose_entries(["ACME"], sessions=[revised[0][0]])
        with pytest.raises(NothingToDecide, match=r"No open entry 999 of ACME\."):
            choose_entries(["ACME"], ids=[entry.pk, 999])


class TestTaking:
    def test_stores_the_providers_values_as_released_by_hand(self, revised: Rows) -> None:
        run = release([entry_of(Guard.BAR)])

        assert stored()[20][4] == pytest.approx(10.0)
        assert stored()[40][4] == pytest.approx(10.0)
        found = [e.correction for e in services.corrections().latest("ACME")]
        assert {c.session for c in found} == {revised[20][0], revised[40][0]}
        assert {c.why for c in found} == {CorrectionReason.RELEASED}
        entry = Quarantine.objects.get()
        assert (entry.resolution, entry.decided_by) == (Quarantine.Resolution.RELEASED, "test")
        assert run.updated == 1

    def test_takes_one_session_and_leaves_the_other_in_quarantine(self, revised: Rows) -> None:
        release([entry_of(Guard.BAR)], [revised[20][0]])

        assert stored()[20][4] == pytest.approx(10.0)
        assert stored()[40][4] == 100.0
        entry = entry_of(Guard.BAR)
        assert [d[0] for d in entry.summary["differences"]] == [str(revised[40][0])]

    def test_does_not_claim_what_resolved_by_itself(self, revised: Rows) -> None:
        other = Quarantine.objects.create(
            symbol="ACME", kind="dividend", reason="x", summary={"keys": ["dividend 2026-06-08"]}
        )

        release([entry_of(Guard.BAR)])

        other.refresh_from_db()
        assert (other.resolution, other.decided_by) == (Quarantine.Resolution.SUPERSEDED, "")

    def test_is_not_lost_at_the_next_sync(self, revised: Rows) -> None:
        release([entry_of(Guard.BAR)])

        run_sync()

        assert stored()[20][4] == pytest.approx(10.0)
        assert not Quarantine.objects.filter(resolved_at=None).exists()

    def test_stores_bars_that_a_first_history_held_back(self, provider: FakeProvider) -> None:
        tracked(last_update=None)
        rows = sixty()
        provider.histories["ACME"] = times(rows, 100, 30)
        run_sync()
        assert len(stored()) == 59
        assert facts().held_back == (rows[30][0],)

        release([entry_of(Guard.UNIT)])

        assert stored()[30][4] == pytest.approx(10_000.0)
        assert facts().held_back == ()

    def test_takes_a_dividend(self, provider: FakeProvider) -> None:
        rows = stored_sixty(provider)
        provider.actions["ACME"] = Actions(dividends=(Dividend(rows[30][0], 60.0),))
        run_sync()
        assert facts().actions.dividends[0].suspicious

        release([entry_of(Guard.DIVIDEND)])

        assert facts().actions.dividends == (Dividend(rows[30][0], 60.0),)
        run_sync()
        assert facts().actions.dividends == (Dividend(rows[30][0], 60.0),)

    def test_takes_bars_that_wait_for_a_split(self, provider: FakeProvider) -> None:
        """Release wins also over a quote that shows another basis."""
        rows = _on_another_basis(provider)
        run_sync(whole=False)
        assert len(stored()) == 59

        release([entry_of(Guard.STEP)])

        assert len(stored()) == 60
        assert stored()[-1][4] == rows[-1][4]
        assert not Quarantine.objects.filter(resolved_at=None).exists()

    def test_takes_a_whole_answer_without_keys(self, provider: FakeProvider) -> None:
        rows = stored_sixty(provider)
        provider.histories["ACME"] = times(rows, 2, *range(60))
        run_sync()
        entry = entry_of(Guard.BASIS)

        assert decisions.accepted_keys([entry]) == {}
        release([entry])

        assert stored()[0][4] == 200.0

    def test_of_a_whole_answer_includes_the_parts(self, revised: Rows) -> None:
        whole = Quarantine.objects.create(symbol="ACME", kind="basis", reason="x", summary={})

        assert decisions.accepted_keys([entry_of(Guard.BAR), whole]) == {}

    def test_is_impossible_for_an_impossible_event(self) -> None:
        entry = Quarantine(symbol="ACME", kind=Guard.EVENT, reason="a split of 1:0")

        with pytest.raises(NothingToDecide, match=r"1:0\. It cannot be taken; keep what is stored"):
            decisions.accepted_keys([entry])


def _on_another_basis(provider: FakeProvider) -> Rows:
    """A quote and the newest bar are on another basis than the 59 stored bars."""
    rows = sixty()
    tracked()
    published(rows=rows[:-1], actions=Actions(), final_through=rows[-3][0])
    halved = times(rows, 0.5, 59)
    provider.histories["ACME"] = halved
    quote = Quote(
        symbol="ACME",
        price=halved[-1][4],
        market_state="CLOSED",
        currency="USD",
        market_time=NOW - timedelta(hours=16),
        fetched_at=NOW,
        previous_close=rows[-2][4] / 2,
        timezone="America/New_York",
    )
    services.quotes().put([quote])
    return halved


class TestKeeping:
    def test_keeps_the_stored_values_and_records_who_decided(self, revised: Rows) -> None:
        keep([entry_of(Guard.BAR)])

        entry = Quarantine.objects.get()
        assert (entry.resolution, entry.resolved_at) == (Quarantine.Resolution.KEPT, NOW)
        assert entry.decided_by == "alice"
        assert stored() == revised

    def test_does_not_show_the_same_difference_again(self, revised: Rows) -> None:
        keep([entry_of(Guard.BAR)])

        run_sync()

        assert Quarantine.objects.count() == 1
        assert stored() == revised
        assert TrackedSymbol.objects.get().last_error == ""

    def test_shows_a_changed_difference(self, revised: Rows, provider: FakeProvider) -> None:
        keep([entry_of(Guard.BAR)])
        provider.histories["ACME"] = times(times(revised, 0.1, 20), 0.2, 40)

        run_sync()

        entry = entry_of(Guard.BAR)
        assert [d[0] for d in entry.summary["differences"]] == [str(revised[40][0])]
        assert stored() == revised

    def test_keeps_one_session_and_asks_about_the_other(self, revised: Rows) -> None:
        keep([entry_of(Guard.BAR)], [revised[20][0]])
        assert [d[0] for d in entry_of(Guard.BAR).summary["differences"]] == [str(revised[40][0])]

        run_sync()

        entry = entry_of(Guard.BAR)
        assert [d[0] for d in entry.summary["differences"]] == [str(revised[40][0])]
        assert entry.decided_by == "alice"
        keep([entry])
        run_sync()
        assert not Quarantine.objects.filter(resolved_at=None).exists()

    def test_keeps_a_new_bar_out(self, provider: FakeProvider) -> None:
        tracked(last_update=None)
        provider.histories["ACME"] = times(sixty(), 100, 30)
        run_sync()

        keep([entry_of(Guard.UNIT)])
        run_sync()

        assert len(stored()) == 59
        assert facts().held_back == ()
        assert not Quarantine.objects.filter(resolved_at=None).exists()

    def test_keeps_what_is_stored_instead_of_a_whole_answer(self, provider: FakeProvider) -> None:
        rows = stored_sixty(provider)
        provider.histories["ACME"] = times(rows, 2, *range(60))
        run_sync()

        keep([entry_of(Guard.BASIS)])
        run_sync()

        assert Quarantine.objects.count() == 1
        provider.histories["ACME"] = times(rows, 3, *range(60))
        run_sync()
        assert entry_of(Guard.BASIS).reason.startswith("prices are 3 times")
        assert stored() == rows

    def test_remembers_a_short_answer_that_grows_by_a_session(self, provider: FakeProvider) -> None:
        rows = sixty()
        tracked()
        published(rows=rows[:59], actions=Actions(), final_through=rows[-3][0])
        provider.histories["ACME"] = rows[40:59]
        run_sync()

        keep([entry_of(Guard.COMPLETENESS)])
        provider.histories["ACME"] = rows[40:]
        run_sync()

        assert stored() == rows
        assert not Quarantine.objects.filter(resolved_at=None).exists()

    def test_keeps_bars_that_wait_for_a_split_out_without_asking(
        self, provider: FakeProvider
    ) -> None:
        _on_another_basis(provider)
        run_sync(whole=False)

        keep([entry_of(Guard.STEP)])
        run_sync(whole=False)

        assert len(stored()) == 59
        assert not Quarantine.objects.filter(resolved_at=None).exists()

    def test_is_possible_for_an_impossible_event(self, provider: FakeProvider) -> None:
        rows = stored_sixty(provider)
        refusal = Refusal(Guard.EVENT, "a split of 1:0", subject="a split of 1:0")
        run = run_sync()
        outcome = Outcome("ACME", Result.UNCHANGED, refused=(refusal,))
        record_refusals(outcome, run, now=NOW)

        keep([entry_of(Guard.EVENT)])

        assert facts().kept == frozenset({"event a split of 1:0"})
        assert stored() == rows

    def test_changes_nothing_while_the_store_is_away(
        self, revised: Rows, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*args: object) -> None:
            raise StoreUnavailable("MongoDB does not answer")

        monkeypatch.setattr("prices.store.bars.BarRepository.update_facts", away)

        with pytest.raises(StoreUnavailable):
            keep([entry_of(Guard.BAR)])

        assert Quarantine.objects.get().resolved_at is None


def described(entry: Quarantine, sessions: Iterable[date] = ()) -> str:
    (line,) = decisions.describe_release([entry], services.bars(), list(sessions))
    return line


class TestDescribing:
    def whole(self, kind: Guard, **summary: Any) -> Quarantine:
        known = {"asked_from": "1900-01-01", "differences": [], "keys": [str(kind)]}
        return Quarantine(symbol="ACME", kind=kind, reason="x", summary={**known, **summary})

    def many(self, count: int) -> None:
        calendar_days = [date(2026, 1, 1) + timedelta(days=at) for at in range(count)]
        published(rows=[(day, 10.0, 11.0, 9.0, 10.0, 1) for day in calendar_days])

    def test_counts_the_values_of_single_sessions(self, revised: Rows) -> None:
        entry = entry_of(Guard.BAR)

        assert described(entry) == "ACME: the provider's 2 values are taken"
        assert described(entry, [revised[20][0]]) == "ACME: the provider's value is taken"

    @pytest.mark.usefixtures("store")
    @pytest.mark.parametrize("kind", [Guard.COMPLETENESS, Guard.ACTIONS, Guard.BASIS])
    def test_says_what_would_be_lost(self, kind: Guard) -> None:
        self.many(135)
        answer = self.whole(kind, bars=70, first="2026-03-07", last="2026-05-15")

        assert described(answer) == (
            "ACME: the provider's history (70 bars from 2026-03-07 to 2026-05-15) REPLACES "
            "135 stored bars; 65 bars would be LOST"
        )

    @pytest.mark.usefixtures("store")
    def test_counts_lost_bars_also_if_the_answer_has_more(self) -> None:
        self.many(135)
        answer = self.whole(Guard.COMPLETENESS, bars=200, first="2026-05-11", last="2026-12-30")

        assert "REPLACES 135 stored bars; 130 bars would be LOST" in described(answer)

    @pytest.mark.usefixtures("store")
    def test_says_that_nothing_is_lost_by_an_adjoining_answer(self) -> None:
        self.many(135)
        answer = self.whole(Guard.COMPLETENESS, bars=70, first="2026-05-16", last="2026-07-30")

        assert described(answer) == (
            "ACME: the provider's history (70 bars from 2026-05-16 to 2026-07-30) continues the "
            "stored one; nothing stored is lost"
        )

    @pytest.mark.usefixtures("store")
    def test_claims_no_loss_by_an_answer_for_a_part(self) -> None:
        """The whole history is fetched then, and how much it has is not known."""
        self.many(135)
        answer = self.whole(
            Guard.BASIS, asked_from="2026-05-01", bars=15, first="2026-05-01", last="2026-05-15"
        )

        assert described(answer) == "ACME: the provider's whole history replaces 135 stored bars"

    @pytest.mark.usefixtures("store")
    def test_says_that_nothing_is_stored(self) -> None:
        answer = self.whole(Guard.BASIS, bars=70, first="2026-03-07", last="2026-05-15")

        assert described(answer) == (
            "ACME: the provider's history is stored (at the last answer 70 bars from 2026-03-07 "
            "to 2026-05-15)"
        )

    @pytest.mark.usefixtures("store")
    def test_survives_an_answer_without_bars(self) -> None:
        self.many(135)
        answer = self.whole(Guard.COMPLETENESS, bars=0, first=None, last=None)

        assert "if the provider still has none, nothing changes" in described(answer)
