"""Mending by hand, against a real store and syncs: a gap is filled, and no sync undoes it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import call_command
from django.test import Client

from prices import services
from prices.domain.answers import Correction, CorrectionReason
from prices.domain.bars import Bar, SeriesKey
from prices.domain.coverage import Gap
from prices.domain.manual_bars import ManualBar
from prices.store.mongo import StoreConflict
from prices.sync.rename import RenameService
from prices.sync.repair import CannotRepair
from tests.support.builders import ACTIONS, NOW, WEEK, published, tracked
from tests.support.fakes import FakeProvider
from tests.support.syncing import facts, stored, synced

pytestmark = [pytest.mark.django_db]

THURSDAY = date(2026, 6, 4)
HOLED = (*WEEK[:2], *WEEK[3:])
VALUES = (11.5, 11.75, 11.0, 11.25, 3_000)
LATER = NOW + timedelta(hours=1)
GAP = Gap(THURSDAY, 5, None, "the provider has none")


@pytest.fixture(autouse=True)
def _holed(provider: FakeProvider) -> None:
    tracked()
    published(rows=HOLED, gaps=(GAP,))
    provider.actions["ACME"] = ACTIONS


def fill(values: tuple[float, ...] = VALUES, note: str = "the exchange's bulletin") -> None:
    services.repair_service().fill("ACME", THURSDAY, values, by="alice", note=note, now=NOW)


def corrections() -> list[Correction]:
    return [entry.correction for entry in services.corrections().latest("ACME")]


class TestFilling:
    def test_stores_the_bar_and_its_author(self) -> None:
        fill()

        assert stored()[2] == WEEK[2]
        assert facts().by_hand == (ManualBar(THURSDAY, "alice", NOW, "the exchange's bulletin"),)
        assert facts().gaps == ()
        assert corrections() == [
            Correction(THURSDAY, "close", None, 11.25, CorrectionReason.BY_HAND)
        ]

    def test_no_sync_overwrites_it_and_the_difference_is_noted(
        self, provider: FakeProvider
    ) -> None:
        fill()
        theirs = (THURSDAY, 11.5, 11.9, 11.0, 11.8, 3_500)
        provider.histories["ACME"] = (*WEEK[:2], theirs, *WEEK[3:])

        synced(now=LATER, whole=True)

        assert stored()[2] == WEEK[2]
        bar = Bar(datetime(2026, 6, 4, tzinfo=UTC), 11.5, 11.9, 11.0, 11.8, 3_500)
        (filled,) = facts().by_hand
        assert (filled.by, filled.offered, filled.offered_at) == ("alice", bar, LATER)
        assert len(corrections()) == 1

    def test_a_verification_notes_it_too_and_finds_no_difference(
        self, provider: FakeProvider
    ) -> None:
        fill()
        theirs = (THURSDAY, 11.5, 11.9, 11.0, 11.8, 3_500)
        provider.histories["ACME"] = (*WEEK[:2], theirs, *WEEK[3:])

        (verified,) = services.verify_service().verify(["ACME"], now=LATER, fix=True)

        assert verified.outcome.message == "agrees on 4 sessions"
        assert facts().by_hand[0].offered.close == 11.8
        assert stored()[2] == WEEK[2]

    def test_is_shown_by_the_api(self, client: Client) -> None:
        fill()

        told = client.get("/cache/corrections/ACME").json()

        assert [c["reason"] for c in told["corrections"]] == ["filled by hand"]
        assert told["by_hand"] == [
            {
                "date": "2026-06-04",
                "by": "a user",
                "at": "2026-06-09T12:00:00Z",
                "note": "the exchange's bulletin",
                "offered": None,
                "offered_at": None,
            }
        ]

    def test_is_shown_by_the_command(self, capsys: pytest.CaptureFixture[str]) -> None:
        fill()

        call_command("corrections", "ACME")

        assert "2026-06-04  filled by alice: the exchange's bulletin" in capsys.readouterr().out

    def test_can_be_corrected_by_hand(self) -> None:
        fill()
        fill((11.5, 11.75, 11.0, 11.5, 3_000), note="the bulletin's erratum")

        assert stored()[2] == (THURSDAY, 11.5, 11.75, 11.0, 11.5, 3_000)
        assert [filled.note for filled in facts().by_hand] == ["the bulletin's erratum"]
        assert corrections()[0] == Correction(
            THURSDAY, "close", 11.25, 11.5, CorrectionReason.BY_HAND
        )

    @pytest.mark.parametrize("session", [date(2026, 6, 3), date(2026, 6, 6), date(2026, 6, 9)])
    def test_fills_only_gaps(self, session: date) -> None:
        with pytest.raises(CannotRepair, match="is not a gap of ACME"):
            services.repair_service().fill("ACME", session, VALUES, by="alice", note="x", now=NOW)

    def test_leaves_the_sample_alone(self) -> None:
        tracked("SAMPLE")
        published("SAMPLE", rows=HOLED, gaps=(GAP,), source="sample")

        with pytest.raises(CannotRepair, match="The sample cannot be repaired"):
            services.repair_service().fill(
                "SAMPLE", THURSDAY, VALUES, by="alice", note="x", now=NOW
            )

    def test_tries_again_when_another_writer_was_first(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bars, replace = services.bars(), services.bars().replace
        losses = [StoreConflict("another writer was first")]

        def contended(*args: object, **options: object) -> object:
            if losses:
                raise losses.pop()
            return replace(*args, **options)  # type: ignore[arg-type]

        monkeypatch.setattr(bars, "replace", contended)

        fill()

        assert stored()[2] == WEEK[2]

    def test_survives_a_new_name(self) -> None:
        fill()
        service: RenameService = services.rename_service()

        service.rename("ACME", "ACME2", now=LATER)

        assert [filled.by for filled in facts("ACME2").by_hand] == ["alice"]


class TestWhatTheProviderSays:
    @pytest.fixture(autouse=True)
    def _differing(self, provider: FakeProvider) -> None:
        fill()
        theirs = (THURSDAY, 11.5, 11.9, 11.0, 11.8, 3_000)
        provider.histories["ACME"] = (*WEEK[:2], theirs, *WEEK[3:])
        synced(now=LATER, whole=True)

    def test_is_taken_over_by_hand(self) -> None:
        services.repair_service().take_offered("ACME", THURSDAY, now=LATER)

        assert stored()[2] == (THURSDAY, 11.5, 11.9, 11.0, 11.8, 3_000)
        assert facts().by_hand == ()
        assert {(c.field, c.old, c.new, c.why) for c in corrections()[:2]} == {
            ("high", 11.75, 11.9, CorrectionReason.RELEASED),
            ("close", 11.25, 11.8, CorrectionReason.RELEASED),
        }

    def test_is_taken_over_only_once(self) -> None:
        services.repair_service().take_offered("ACME", THURSDAY, now=LATER)

        with pytest.raises(CannotRepair, match="is not filled by hand"):
            services.repair_service().take_offered("ACME", THURSDAY, now=LATER)

    def test_stays_noted_when_the_hand_value_changes(self) -> None:
        fill((11.5, 11.75, 11.0, 11.5, 3_000))

        assert facts().by_hand[0].offered.close == 11.8


class TestWithdrawing:
    def test_makes_it_a_gap_again_that_a_sync_heals(self, provider: FakeProvider) -> None:
        fill()

        services.repair_service().withdraw("ACME", THURSDAY, now=LATER)

        assert stored() == list(HOLED)
        assert facts().by_hand == ()
        assert facts().gaps == (Gap(THURSDAY, 0, LATER, "withdrawn by hand"),)
        provider.histories["ACME"] = WEEK
        synced(now=LATER)
        assert stored() == list(WEEK)
        assert facts().gaps == ()


class TestAskingAgain:
    def test_makes_a_gap_due_with_all_its_tries_before_it(self, provider: FakeProvider) -> None:
        provider.histories["ACME"] = HOLED
        synced(now=NOW)

        asked = services.repair_service().retry_gaps("ACME", [THURSDAY], now=LATER)

        assert asked == (THURSDAY,)
        assert facts().gaps == (Gap(THURSDAY, 0, LATER, "the provider has none"),)
        synced(now=LATER)
        assert facts().gaps[0].tries == 1

    def test_says_that_there_is_none(self) -> None:
        with pytest.raises(CannotRepair, match="ACME has no such gap"):
            services.repair_service().retry_gaps("ACME", [date(2026, 6, 3)], now=NOW)

    def test_takes_all(self) -> None:
        assert services.repair_service().retry_gaps("ACME", now=NOW) == (THURSDAY,)
        assert services.bars().manifest(SeriesKey("ACME")).facts.gaps[0].is_due(NOW)  # type: ignore[union-attr]
