"""The buttons on the page of one symbol, and filling a gap by hand."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django.test import Client

from prices import services
from prices.admin import user_actions
from prices.domain.answers import CorrectionReason
from prices.domain.coverage import Gap
from prices.models import SyncRun, TrackedSymbol
from tests.support.admin_pages import (
    FORM,
    HOLED,
    THURSDAY,
    fill,
    logged,
    open_symbol,
    press,
    symbol_url,
)
from tests.support.builders import ACTIONS, NOW, WEEK, tracked
from tests.support.fakes import FakeProvider
from tests.support.syncing import facts, stored, synced

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

Kind = SyncRun.Kind


class TestButtons:
    @pytest.mark.parametrize(
        ("button", "kind", "options"),
        [
            ("sync", Kind.HISTORICAL_SYNC, {}),
            ("backfill", Kind.BACKFILL, {"whole": True}),
            ("verify", Kind.VERIFY, {}),
        ],
    )
    def test_queues_a_run_and_shows_its_progress(
        self,
        admin_client: Client,
        row: TrackedSymbol,
        button: str,
        kind: SyncRun.Kind,
        options: dict[str, bool],
    ) -> None:
        page = press(admin_client, row, button)

        run = SyncRun.objects.get()
        assert (run.kind, run.symbols, run.options) == (kind, ["ACME"], options)
        assert "Queued: 0 of 1 done." in page
        assert len(logged(row)) == 1

    def test_suspend_and_resume(self, admin_client: Client, row: TrackedSymbol) -> None:
        assert "Suspended ACME. Stored prices are still served" in press(
            admin_client, row, "suspend"
        )
        assert not TrackedSymbol.objects.get().active

        assert "Resumed ACME." in press(admin_client, row, "resume")
        assert TrackedSymbol.objects.get().active
        assert logged(row) == ["Suspended.", "Resumed."]

    @pytest.mark.parametrize(
        ("button", "expected"), [("ask_again 2026-06-04", "2026-06-04"), ("ask_all", "1 gap")]
    )
    def test_requests_a_gap_again(
        self, admin_client: Client, row: TrackedSymbol, button: str, expected: str
    ) -> None:
        page = press(admin_client, row, button)

        assert facts().gaps == (Gap(THURSDAY, 0, NOW, "the provider has none"),)
        assert f"is queued: a new request for {expected} of ACME." in page
        assert SyncRun.objects.get().symbols == ["ACME"]
        assert logged(row) == [f"Requested {expected} again."]

    @pytest.mark.parametrize(
        ("button", "expected"),
        [
            ("ask_again 2026-06-03", "ACME has no such gap. It may have been filled meanwhile."),
            ("take_offered 2026-06-03", "2026-06-03 is not filled by hand, or no longer."),
            ("withdraw 2026-06-03", "2026-06-03 is not filled by hand, or no longer."),
            ("withdraw 2026-99-99", "This button no longer exists"),
            ("explode", "This button no longer exists"),
            ("", "This button no longer exists"),
        ],
    )
    def test_explains_why_an_action_is_refused(
        self, admin_client: Client, row: TrackedSymbol, button: str, expected: str
    ) -> None:
        assert expected in press(admin_client, row, button)
        assert not LogEntry.objects.exists()
        assert not SyncRun.objects.exists()

    def test_refuses_get_requests(self, admin_client: Client, row: TrackedSymbol) -> None:
        answer = admin_client.get(symbol_url(row, "act"))

        assert answer.status_code == 405
        assert "press the button again" in answer.content.decode()

    def test_reports_that_the_store_does_not_answer(
        self, admin_client: Client, no_store: None
    ) -> None:
        page = press(admin_client, tracked(), "ask_all")

        assert "Nothing was changed. MongoDB does not answer" in page
        assert not LogEntry.objects.exists()

    def test_reports_a_locked_database(
        self, admin_client: Client, row: TrackedSymbol, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def locked(*_: object, **__: object) -> None:
            raise OperationalError("database is locked")

        monkeypatch.setattr(user_actions, "queue_run", locked)

        page = press(admin_client, row, "sync")

        assert "Nothing was changed: the database is busy (database is locked)." in page
        assert not LogEntry.objects.exists()


class TestFilling:
    def test_stores_the_bar_with_its_user_and_source(
        self, admin_client: Client, row: TrackedSymbol
    ) -> None:
        page = fill(admin_client, row)

        assert "2026-06-04 is filled. No sync will change it." in page
        assert stored()[2] == WEEK[2]
        (filled,) = facts().by_hand
        assert (filled.by, filled.at, filled.note) == ("admin", NOW, "the exchange's bulletin")
        assert logged(row) == ["Filled 2026-06-04 by hand: the exchange's bulletin"]

    def test_shows_the_bars_around_it(self, admin_client: Client, row: TrackedSymbol) -> None:
        page = admin_client.get(symbol_url(row, "fill", "2026-06-04")).content.decode()

        assert "in USD and adjusted for later splits" in " ".join(page.split())
        assert "2026-06-03" in page
        assert "11.5" in page

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"close": "x"}, "Enter a number."),
            ({"close": "nan"}, "Enter a number."),
            ({"volume": "-1"}, "greater than or equal to 0"),
            ({"note": ""}, "This field is required."),
            ({"high": "11"}, "between its low and its high"),
            ({"low": "0"}, "prices must be above zero"),
            (
                {"open": "1150", "high": "1175", "low": "1100", "close": "1125"},
                "A close of 1125 is 97.8 times that of 2026-06-03, 11.5",
            ),
        ],
    )
    def test_explains_invalid_values_and_keeps_the_input(
        self, admin_client: Client, row: TrackedSymbol, changes: dict[str, str], expected: str
    ) -> None:
        page = fill(admin_client, row, **changes)

        assert expected in page
        assert 'value="3000"' in page or "volume" in changes
        assert stored() == list(HOLED)

    def test_refuses_sessions_that_are_not_gaps(
        self, admin_client: Client, row: TrackedSymbol
    ) -> None:
        data = {**FORM, "note": "x"}

        page = admin_client.post(symbol_url(row, "fill", "2026-06-03"), data).content.decode()
        nonsense = admin_client.get(symbol_url(row, "fill", "soon"), follow=True).content.decode()

        assert "2026-06-03 is not a gap of ACME. Only gaps can be filled." in page
        assert "“soon” is not a date." in nonsense

    def test_reports_that_the_store_does_not_answer(
        self, admin_client: Client, no_store: None
    ) -> None:
        assert "MongoDB does not answer" in fill(admin_client, tracked())

    def test_shows_a_different_bar_of_the_provider_and_accepts_it(
        self, admin_client: Client, row: TrackedSymbol, provider: FakeProvider
    ) -> None:
        fill(admin_client, row)
        provider.actions["ACME"] = ACTIONS
        theirs = (THURSDAY, 11.5, 11.9, 11.0, 11.8, 3_000)
        provider.histories["ACME"] = (*WEEK[:2], theirs, *WEEK[3:])
        synced(whole=True, now=NOW + timedelta(minutes=1))

        page = open_symbol(admin_client, row)
        assert "open 11.5, high 11.9, low 11, close 11.8, volume 3,000" in page
        assert (
            "2026-06-04: filled by admin (the exchange&#x27;s bulletin); the provider says 11.8"
            in page
        )

        page = press(admin_client, row, "take_offered 2026-06-04")
        assert "2026-06-04 now has the provider&#x27;s bar" in page
        assert stored()[2] == theirs
        latest = services.corrections().latest("ACME")[0].correction
        assert latest.why is CorrectionReason.RELEASED

    def test_changes_and_withdraws_a_bar_filled_by_hand(
        self, admin_client: Client, row: TrackedSymbol
    ) -> None:
        fill(admin_client, row)
        form = admin_client.get(symbol_url(row, "fill", "2026-06-04")).content.decode()
        assert 'value="11.75"' in form

        fill(admin_client, row, close="11.5", note="erratum")
        assert stored()[2][4] == 11.5

        assert "2026-06-04 is a gap again" in press(admin_client, row, "withdraw 2026-06-04")
        assert stored() == list(HOLED)
