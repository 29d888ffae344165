"""The page of one symbol: what it tells, what its buttons do, who may press them, and failures."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from prices import services
from prices.admin.symbols import buttons
from prices.domain.answers import Why
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.coverage import Gap
from prices.domain.series import Facts
from prices.domain.sessions import sessions_of
from prices.jobs import runs
from prices.models import Attempt, Quarantine, SyncRun, TrackedSymbol
from tests.prices.admin.symbols.test_change_list import logged
from tests.support.builders import ACTIONS, NOW, WEEK, published, tracked
from tests.support.counting import counted_commands
from tests.support.fakes import FakeProvider
from tests.support.syncing import facts, stored, synced

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

Kind = SyncRun.Kind
THURSDAY = date(2026, 6, 4)
GAP = Gap(THURSDAY, 5, None, "the provider has none")
HOLED = (*WEEK[:2], *WEEK[3:])
FORM = {"open": "11.5", "high": "11.75", "low": "11", "close": "11.25", "volume": "3000"}


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def row() -> TrackedSymbol:
    """One session lacks its bar, and its tries are used up."""
    row = tracked()
    published(rows=HOLED, gaps=(GAP,), final_through=date(2026, 6, 5))
    return row


def address(row: TrackedSymbol, name: str = "change", *more: str) -> str:
    return reverse(f"admin:prices_trackedsymbol_{name}", args=[row.pk, *more])


def opened(client: Client, row: TrackedSymbol, query: str = "") -> str:
    answer = client.get(address(row) + query)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def press(client: Client, row: TrackedSymbol, do: str) -> str:
    answer = client.post(address(row, "act"), {"do": do}, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def fill(client: Client, row: TrackedSymbol, **changes: str) -> str:
    data = {**FORM, "note": "the exchange's bulletin", **changes}
    answer = client.post(address(row, "fill", "2026-06-04"), data, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def bar_rows(client: Client, row: TrackedSymbol, query: str = "") -> list[list[str]]:
    """The table of bars as its cells' texts, without markup."""
    table = client.get(address(row) + query).context["bars"].table
    return [[str(cell) for cell in line] for line in table["rows"]]


class TestWhatItTells:
    def test_history_gaps_and_the_map(self, admin_client: Client, row: TrackedSymbol) -> None:
        page = opened(admin_client, row)

        assert "Acme Corporation" in page
        assert "80 %" in page
        assert "4 sessions from 2026-06-02 to 2026-06-08 are stored; 1 gap, 1 provisional." in page
        assert (
            "2026-06-04: gap, the provider has none; asked 5 times, not asked for any more" in page
        )
        assert "no more: ask again by hand" in page
        assert "split 2:1" in page
        assert "dividend 0.5" in page
        assert "No stored bar was ever changed." in page

    def test_bars_with_their_provenance(
        self, admin_client: Client, row: TrackedSymbol, provider: FakeProvider
    ) -> None:
        provider.actions["ACME"] = ACTIONS
        revised = (*HOLED[:1], (date(2026, 6, 3), 10.5, 12.0, 10.0, 11.6, 2_000), *HOLED[2:])
        provider.histories["ACME"] = revised
        run = runs.begin(Kind.HISTORICAL_SYNC, trigger="test", now=NOW)
        for outcome in services.sync_service().sync(["ACME"], now=NOW, run=run.pk):
            runs.record(run, outcome, now=NOW)
        fill(admin_client, row)

        lines = {line[0][-17:-7]: line for line in bar_rows(admin_client, row)}

        monday, friday, thursday, wednesday = (lines[f"2026-06-0{n}"] for n in (8, 5, 4, 3))
        assert "provisional" in monday[7]
        assert "provisional" in friday[7]
        assert friday[6] == "yahoo"
        assert "0 s ago" in friday[8]
        assert "by hand: admin" in thursday[6]
        assert "the exchange&#x27;s bulletin" in thursday[6]
        assert "by hand" in thursday[7]
        assert "final" in wednesday[7]
        assert "close: 11.5 → 11.6, revised" in wednesday[9]

    def test_confirmed_by_the_newest_answer_that_reaches_back(
        self, admin_client: Client, row: TrackedSymbol
    ) -> None:
        run = runs.begin(Kind.HISTORICAL_SYNC, trigger="test", now=NOW)
        for hours, since, result in (
            (30, date(2026, 6, 3), "updated"),
            (20, date(2026, 6, 5), "unchanged"),
            (10, None, "failed"),
        ):
            when = NOW - timedelta(hours=hours)
            Attempt.objects.create(symbol=row, run=run, at=when, since=since, result=result)

        confirmed = [line[8] for line in bar_rows(admin_client, row)]

        assert ["20\xa0hours ago" in text for text in confirmed] == [True, True, False, False]
        assert "1\xa0day ago" in confirmed[2]
        assert "earlier" in confirmed[3]

    def test_bars_of_a_range_and_page_by_page(self, admin_client: Client) -> None:
        row = tracked()
        ten_years(row)

        whole = bar_rows(admin_client, row)
        third = bar_rows(admin_client, row, "?page=3")
        june = bar_rows(admin_client, row, "?from=2020-06-01&to=2020-06-05")

        assert len(whole) == 50
        assert "2026-06-08" in whole[0][0]
        assert "2026-01-13" in third[0][0]
        assert ["2020-06-05" in june[0][0], "2020-06-01" in june[-1][0], len(june)] == [
            True,
            True,
            5,
        ]
        assert len(bar_rows(admin_client, row, "?from=nonsense&page=x")) == 50
        assert bar_rows(admin_client, row, "?from=2030-01-01") == []

    def test_attempts_and_quarantine(self, admin_client: Client, row: TrackedSymbol) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="test", now=NOW)
        Attempt.objects.create(
            symbol=row, run=run, at=NOW, result="failed", error="Yahoo says <b>no</b>"
        )
        Quarantine.objects.create(symbol="ACME", kind="basis", reason="prices are 4 times")

        page = opened(admin_client, row)

        assert f">Backfill #{run.pk}</a>" in page
        assert "Yahoo says &lt;b&gt;no&lt;/b&gt;" in page
        assert "In quarantine" in page
        assert "prices are 4 times" in page

    def test_says_that_there_is_no_history(self, admin_client: Client) -> None:
        page = opened(admin_client, tracked(last_update=None))

        assert "There is no history yet. It comes with the next sync" in page
        assert "lightweight-charts" not in page

    def test_opens_without_mongodb_and_says_so(self, admin_client: Client, no_store: None) -> None:
        page = opened(admin_client, tracked())

        assert "The store does not answer" in page
        assert "The prices are not known while the store does not answer." in page

    def test_follows_a_run(self, admin_client: Client, row: TrackedSymbol) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="test", now=NOW, symbols=["ACME", "OTHER"])
        SyncRun.objects.filter(pk=run.pk).update(total=2, updated=1)

        page = opened(admin_client, row, f"?run={run.pk}")

        assert "Running: 1 of 2 done." in page
        assert "Under way" not in opened(admin_client, row, "?run=nonsense")

    def test_is_not_there_for_a_symbol_that_is_not(self, admin_client: Client) -> None:
        gone = reverse("admin:prices_trackedsymbol_change", args=[999])

        assert admin_client.get(gone).status_code == 302
        assert admin_client.post(f"/admin/prices/trackedsymbol/{999}/act/").status_code == 404


class TestChart:
    def test_gives_columns_and_marks(self, admin_client: Client, row: TrackedSymbol) -> None:
        told = admin_client.get(address(row, "chart")).json()

        assert told["time"] == ["2026-06-02", "2026-06-03", "2026-06-05", "2026-06-08"]
        assert told["close"] == [10.5, 11.5, 12.5, 12.25]
        assert told["volume"] == [1_000, 2_000, 4_000, 5_000]
        assert told["splits"] == [["2026-06-04", "2:1"]]
        assert told["dividends"] == [["2026-06-08", "0.5"]]

    def test_says_that_the_store_is_away(self, admin_client: Client, no_store: None) -> None:
        answer = admin_client.get(address(tracked(), "chart"))

        assert answer.status_code == 503
        assert "MongoDB does not answer" in answer.json()["error"]


class TestButtons:
    @pytest.mark.parametrize(
        ("button", "kind", "options"),
        [
            ("sync", Kind.HISTORICAL_SYNC, {}),
            ("backfill", Kind.BACKFILL, {"whole": True}),
            ("verify", Kind.VERIFY, {}),
        ],
    )
    def test_queue_a_run_and_follow_it(
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
        assert "ACME is suspended: still served" in press(admin_client, row, "suspend")
        assert not TrackedSymbol.objects.get().active

        assert "ACME is resumed" in press(admin_client, row, "resume")
        assert TrackedSymbol.objects.get().active
        assert logged(row) == ["Suspended.", "Resumed."]

    @pytest.mark.parametrize(
        ("button", "told"), [("ask_again 2026-06-04", "2026-06-04"), ("ask_all", "1 gap")]
    )
    def test_ask_again_for_a_gap(
        self, admin_client: Client, row: TrackedSymbol, button: str, told: str
    ) -> None:
        page = press(admin_client, row, button)

        assert facts().gaps == (Gap(THURSDAY, 0, NOW, "the provider has none"),)
        assert f"is queued: {told} of ACME asked for again." in page
        assert SyncRun.objects.get().symbols == ["ACME"]
        assert logged(row) == [f"Asked again for {told}."]

    @pytest.mark.parametrize(
        ("button", "told"),
        [
            ("ask_again 2026-06-03", "ACME has no such gap. It may have been filled meanwhile."),
            ("take_offered 2026-06-03", "2026-06-03 is not filled by hand"),
            ("withdraw 2026-06-03", "2026-06-03 is not filled by hand"),
            ("withdraw 2026-99-99", "There is no such button any more"),
            ("explode", "There is no such button any more"),
            ("", "There is no such button any more"),
        ],
    )
    def test_say_what_cannot_be_done(
        self, admin_client: Client, row: TrackedSymbol, button: str, told: str
    ) -> None:
        assert told in press(admin_client, row, button)
        assert not LogEntry.objects.exists()
        assert not SyncRun.objects.exists()

    def test_are_pressed_and_not_opened(self, admin_client: Client, row: TrackedSymbol) -> None:
        answer = admin_client.get(address(row, "act"))

        assert answer.status_code == 405
        assert "press the button again" in answer.content.decode()

    def test_say_that_the_store_is_away(self, admin_client: Client, no_store: None) -> None:
        page = press(admin_client, tracked(), "ask_all")

        assert "Nothing was changed. MongoDB does not answer" in page
        assert not LogEntry.objects.exists()

    def test_say_that_the_database_is_locked(
        self, admin_client: Client, row: TrackedSymbol, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def locked(*_: object, **__: object) -> None:
            raise OperationalError("database is locked")

        monkeypatch.setattr(buttons, "queue_run", locked)

        page = press(admin_client, row, "sync")

        assert "Nothing was changed: the database is busy (database is locked)." in page
        assert not LogEntry.objects.exists()


class TestFilling:
    def test_fills_with_who_and_from_where(self, admin_client: Client, row: TrackedSymbol) -> None:
        page = fill(admin_client, row)

        assert "2026-06-04 is filled; no sync will change it." in page
        assert stored()[2] == WEEK[2]
        (filled,) = facts().by_hand
        assert (filled.by, filled.at, filled.note) == ("admin", NOW, "the exchange's bulletin")
        assert logged(row) == ["Filled 2026-06-04 by hand: the exchange's bulletin"]

    def test_shows_the_bars_around_it(self, admin_client: Client, row: TrackedSymbol) -> None:
        page = admin_client.get(address(row, "fill", "2026-06-04")).content.decode()

        assert "in USD and adjusted for later splits" in " ".join(page.split())
        assert "2026-06-03" in page
        assert "11.5" in page

    @pytest.mark.parametrize(
        ("changes", "told"),
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
    def test_refuses_with_a_sentence_and_keeps_what_was_typed(
        self, admin_client: Client, row: TrackedSymbol, changes: dict[str, str], told: str
    ) -> None:
        page = fill(admin_client, row, **changes)

        assert told in page
        assert 'value="3000"' in page or "volume" in changes
        assert stored() == list(HOLED)

    def test_refuses_what_is_no_gap(self, admin_client: Client, row: TrackedSymbol) -> None:
        data = {**FORM, "note": "x"}

        page = admin_client.post(address(row, "fill", "2026-06-03"), data).content.decode()
        nonsense = admin_client.get(address(row, "fill", "soon"), follow=True).content.decode()

        assert "2026-06-03 is not a gap of ACME. Only gaps can be filled." in page
        assert "“soon” is no date." in nonsense

    def test_says_that_the_store_is_away(self, admin_client: Client, no_store: None) -> None:
        assert "MongoDB does not answer" in fill(admin_client, tracked())

    def test_a_difference_is_told_and_can_be_taken_over(
        self, admin_client: Client, row: TrackedSymbol, provider: FakeProvider
    ) -> None:
        fill(admin_client, row)
        provider.actions["ACME"] = ACTIONS
        theirs = (THURSDAY, 11.5, 11.9, 11.0, 11.8, 3_000)
        provider.histories["ACME"] = (*WEEK[:2], theirs, *WEEK[3:])
        synced(whole=True, now=NOW + timedelta(minutes=1))

        page = opened(admin_client, row)
        assert "open 11.5, high 11.9, low 11, close 11.8, volume 3,000" in page
        assert (
            "2026-06-04: filled by admin (the exchange&#x27;s bulletin); the provider says 11.8"
            in page
        )

        page = press(admin_client, row, "take_offered 2026-06-04")
        assert "2026-06-04 is now what the provider says" in page
        assert stored()[2] == theirs
        latest = services.corrections().latest("ACME")[0].correction
        assert latest.why is Why.RELEASED

    def test_what_was_filled_can_be_changed_and_withdrawn(
        self, admin_client: Client, row: TrackedSymbol
    ) -> None:
        fill(admin_client, row)
        form = admin_client.get(address(row, "fill", "2026-06-04")).content.decode()
        assert 'value="11.75"' in form

        fill(admin_client, row, close="11.5", note="erratum")
        assert stored()[2][4] == 11.5

        assert "2026-06-04 is a gap again" in press(admin_client, row, "withdraw 2026-06-04")
        assert stored() == list(HOLED)


class TestRights:
    def test_who_may_only_view_sees_all_and_presses_nothing(
        self, client: Client, staff: User, row: TrackedSymbol
    ) -> None:
        page = opened(client, row)

        assert "the provider has none" in page
        for button in ("Sync now", "Ask again", "Fill by hand", ">Suspend<", "Stop tracking"):
            assert button not in page
        assert client.post(address(row, "act"), {"do": "sync"}).status_code == 403
        assert client.post(address(row, "act"), {"do": "suspend"}).status_code == 403
        assert client.get(address(row, "fill", "2026-06-04")).status_code == 403
        assert client.post(address(row), {"active": ""}).status_code == 403
        assert client.get(address(row, "chart")).status_code == 200
        row.refresh_from_db()
        assert row.active is True
        assert not SyncRun.objects.exists()

    def test_others_see_nothing(self, client: Client, row: TrackedSymbol) -> None:
        client.force_login(User.objects.create_user("dave", is_staff=True))

        run = runs.queue(Kind.BACKFILL, trigger="test", symbols=[row.symbol])
        follow = [
            reverse(f"admin:prices_trackedsymbol_{name}", args=[run.pk])
            for name in ("progress", "progress_data")
        ]

        for url in (address(row), address(row, "chart"), *follow):
            answer = client.get(url)
            assert answer.status_code == 403
            assert "This is not yours to do" in answer.content.decode()


class TestProgress:
    def test_counts_the_parts_of_a_run(self, admin_client: Client) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="test", now=NOW, symbols=["A", "B", "C"])
        SyncRun.objects.filter(pk=run.pk).update(total=3)
        SyncRun.objects.create(kind=Kind.BACKFILL, trigger="test", parent=run, updated=1, failed=1)
        data = reverse("admin:prices_trackedsymbol_progress_data", args=[run.pk])

        told = admin_client.get(data).json()

        assert (told["open"], told["done"], told["total"]) == (True, 2, 3)
        assert told["words"] == "Running: 2 of 3 done, 1 failed."

    def test_says_that_a_run_is_gone(self, admin_client: Client) -> None:
        answer = admin_client.get(reverse("admin:prices_trackedsymbol_progress_data", args=[99]))

        assert answer.status_code == 404
        assert answer.json()["words"] == "There is no such run any more."


def ten_years(row: TrackedSymbol, **known: Any) -> None:
    """A session each from 2016-06-09 to 2026-06-08, without a gap."""
    calendar = sessions_of("XNYS")
    assert calendar is not None
    days = calendar.between(date(2016, 6, 9), date(2026, 6, 9))
    flat = np.full(len(days), 100.0)
    bars = BarSeries(
        days.astype("datetime64[ms]"), flat, flat, flat, flat, np.full(len(days), 5, "i8")
    )
    told = Facts(**{"source": "yahoo", "currency": "USD", "fetched_at": NOW, **known})
    services.bars().replace(SeriesKey(row.symbol), None, bars, told, now=NOW)


class TestCost:
    def test_asks_as_often_for_ten_years_as_for_a_week(
        self, admin_client: Client, row: TrackedSymbol, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        long = tracked("LONG")
        ten_years(long)
        opened(admin_client, row)

        short, whole = (self._asked(admin_client, of, monkeypatch) for of in (row, long))

        assert whole == short
        assert whole[1] == ["aggregate", "find", "find"]

    def _asked(
        self, client: Client, row: TrackedSymbol, monkeypatch: pytest.MonkeyPatch
    ) -> tuple[int, list[str]]:
        with (
            CaptureQueriesContext(connection) as statements,
            counted_commands(monkeypatch) as sent,
        ):
            opened(client, row)
        return len(statements), sent.names
