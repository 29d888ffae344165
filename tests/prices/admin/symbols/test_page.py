"""The page of one symbol: its content, chart and rights, and the page that follows a run."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from prices import services
from prices.domain.actions import Actions, CapitalGain, Dividend
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.coverage import DateRange
from prices.domain.series import Facts
from prices.domain.sessions import sessions_of
from prices.jobs import runs
from prices.models import Attempt, Quarantine, SyncRun, TrackedSymbol
from tests.support.admin_pages import (
    HOLED,
    bar_rows,
    fill,
    open_symbol,
    symbol_url,
)
from tests.support.builders import ACTIONS, NOW, published, tracked
from tests.support.counting import counting
from tests.support.fakes import FakeProvider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

Kind = SyncRun.Kind


class TestContent:
    def test_shows_history_gaps_and_the_map(self, admin_client: Client, row: TrackedSymbol) -> None:
        page = open_symbol(admin_client, row)

        assert "Acme Corporation" in page
        assert "80 %" in page
        assert "4 sessions from 2026-06-02 to 2026-06-08 are stored; 1 gap, 1 provisional." in page
        assert "2026-06-04: gap, the provider has none; requested 5 times, no more requests" in page
        assert "none: request it again by hand" in page
        assert "split 2:1" in page
        assert "dividend 0.5" in page
        assert "No stored bar has been changed." in page

    def test_says_that_the_sample_was_never_confirmed(self, admin_client: Client) -> None:
        row = tracked(last_update=None)
        published(source="sample", fetched_at=datetime(2013, 3, 1, 21, tzinfo=UTC))

        page = open_symbol(admin_client, row)

        assert "never: sample" in page
        assert all("never" in line[8] for line in bar_rows(admin_client, row))

    def test_names_no_exchange_of_a_fund(self, admin_client: Client) -> None:
        assert "none: a fund is priced once a weekday" in open_symbol(
            admin_client, tracked(mic="FUNDS")
        )

    def test_shows_bars_with_their_provenance(
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

    def test_dates_bars_by_the_newest_answer_that_covers_them(
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

    def test_shows_bars_of_a_range_in_pages(self, admin_client: Client) -> None:
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

    def test_shows_attempts_and_quarantine(self, admin_client: Client, row: TrackedSymbol) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="test", now=NOW)
        Attempt.objects.create(
            symbol=row, run=run, at=NOW, result="failed", error="Yahoo says <b>no</b>"
        )
        Quarantine.objects.create(symbol="ACME", kind="basis", reason="prices are 4 times")

        page = open_symbol(admin_client, row)

        assert f">Backfill #{run.pk}</a>" in page
        assert "Yahoo says &lt;b&gt;no&lt;/b&gt;" in page
        assert "In quarantine" in page
        assert "prices are 4 times" in page

    def test_leads_from_an_entry_to_both_decisions(
        self, admin_client: Client, row: TrackedSymbol
    ) -> None:
        entry = Quarantine.objects.create(symbol="ACME", kind="basis", reason="prices are 4 times")
        event = Quarantine.objects.create(symbol="ACME", kind="event", reason="a split of 1:0")

        page = open_symbol(admin_client, row)

        decide, of_event = (
            f'formaction="{reverse("admin:prices_quarantine_decide", args=[one.pk])}"'
            for one in (entry, event)
        )
        assert reverse("admin:prices_quarantine_change", args=[entry.pk]) in page
        assert f'{decide} name="action" value="keep"' in page
        assert f'{decide} name="action" value="release"' in page
        assert f'{of_event} name="action" value="keep"' in page
        assert f'{of_event} name="action" value="release"' not in page

    def test_marks_normalised_and_unconfirmed_bars(self, admin_client: Client) -> None:
        row = tracked()
        published(
            rows=HOLED,
            normalised=(DateRange(date(2026, 6, 2), date(2026, 6, 4)),),
            unconfirmed=(date(2026, 6, 5),),
            held=frozenset({"unit 2026-06-04 close 1125"}),
        )

        states = {line[0][-17:-7]: line[7] for line in bar_rows(admin_client, row)}
        page = open_symbol(admin_client, row)

        assert ["normalised" in states[f"2026-06-0{n}"] for n in (2, 3, 5, 8)] == [
            *(True, True, False, False),
        ]
        assert ["unconfirmed" in state for state in states.values()] == [False, True, False, False]
        assert "2 bars. The provider&#x27;s open, high or low did not fit the close" in page
        assert "2026-06-05. The price moved like a split" in page
        assert "2026-06-04. The new bar is suspicious and not stored until somebody" in page

    def test_explains_what_is_special_about_distributions(self, admin_client: Client) -> None:
        row = tracked()
        published(
            actions=Actions(
                dividends=(
                    Dividend(date(2026, 6, 3), 50.0, converted_from="GBP"),
                    Dividend(date(2026, 6, 5), 0.5, currency="USD"),
                    Dividend(date(2026, 6, 8), 75.0, suspicious="it is 100 times the usual amount"),
                ),
                gains=(
                    CapitalGain(date(2026, 6, 4), 1.25),
                    CapitalGain(date(2026, 6, 5), 0.25, in_dividend=True),
                ),
            ),
            currency="GBp",
        )

        table = admin_client.get(symbol_url(row)).context["actions"]

        found = {str(line[1]): str(line[2]) for line in table.rows}
        assert found["dividend 50 GBp"] == "converted from GBP"
        assert found["dividend 0.5 USD"] == "paid in USD, so prices are not adjusted for it"
        assert "suspicious" in found["dividend 75 GBp"]
        assert "100 times the usual amount; prices are not adjusted" in found["dividend 75 GBp"]
        assert "pc-subtle" in found["capital gain 1.25 GBp"]
        assert found["capital gain 0.25 GBp"] == "contained in the dividend of the day"
        chart = admin_client.get(symbol_url(row, "chart")).json()
        assert chart["gains"] == [["2026-06-04", "1.25"], ["2026-06-05", "0.25"]]

    def test_explains_that_there_is_no_history(self, admin_client: Client) -> None:
        page = open_symbol(admin_client, tracked(last_update=None))

        assert "There is no history yet. The next sync fetches it" in page
        assert "lightweight-charts" not in page

    def test_opens_without_mongodb_and_explains_it(
        self, admin_client: Client, no_store: None
    ) -> None:
        page = open_symbol(admin_client, tracked())

        assert "The store does not answer" in page
        assert "The prices are not known while the store does not answer." in page

    def test_follows_a_run(self, admin_client: Client, row: TrackedSymbol) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="test", now=NOW, symbols=["ACME", "OTHER"])
        SyncRun.objects.filter(pk=run.pk).update(total=2, updated=1)

        page = open_symbol(admin_client, row, f"?run={run.pk}")

        assert "Running: 1 of 2 done." in page
        assert "Under way" not in open_symbol(admin_client, row, "?run=nonsense")

    def test_redirects_for_an_unknown_symbol(self, admin_client: Client) -> None:
        gone = reverse("admin:prices_trackedsymbol_change", args=[999])

        assert admin_client.get(gone).status_code == 302
        assert admin_client.post(f"/admin/prices/trackedsymbol/{999}/act/").status_code == 404


class TestChart:
    def test_returns_columns_and_marks(self, admin_client: Client, row: TrackedSymbol) -> None:
        data = admin_client.get(symbol_url(row, "chart")).json()

        assert data["time"] == ["2026-06-02", "2026-06-03", "2026-06-05", "2026-06-08"]
        assert data["close"] == [10.5, 11.5, 12.5, 12.25]
        assert data["volume"] == [1_000, 2_000, 4_000, 5_000]
        assert data["splits"] == [["2026-06-04", "2:1"]]
        assert data["dividends"] == [["2026-06-08", "0.5"]]

    def test_reports_that_the_store_does_not_answer(
        self, admin_client: Client, no_store: None
    ) -> None:
        answer = admin_client.get(symbol_url(tracked(), "chart"))

        assert answer.status_code == 503
        assert "MongoDB does not answer" in answer.json()["error"]


class TestRights:
    def test_shows_no_buttons_to_users_who_may_only_view(
        self, client: Client, staff: User, row: TrackedSymbol
    ) -> None:
        page = open_symbol(client, row)

        assert "the provider has none" in page
        for button in ("Sync now", "Request again", "Fill by hand", ">Suspend<", "Stop tracking"):
            assert button not in page
        assert client.post(symbol_url(row, "act"), {"do": "sync"}).status_code == 403
        assert client.post(symbol_url(row, "act"), {"do": "suspend"}).status_code == 403
        assert client.get(symbol_url(row, "fill", "2026-06-04")).status_code == 403
        assert client.post(symbol_url(row), {"active": ""}).status_code == 403
        assert client.get(symbol_url(row, "chart")).status_code == 200
        row.refresh_from_db()
        assert row.active is True
        assert not SyncRun.objects.exists()

    def test_refuses_staff_without_permission(self, client: Client, row: TrackedSymbol) -> None:
        client.force_login(User.objects.create_user("dave", is_staff=True))

        run = runs.queue(Kind.BACKFILL, trigger="test", symbols=[row.symbol])
        follow = [
            reverse(f"admin:prices_trackedsymbol_{name}", args=[run.pk])
            for name in ("progress", "progress_data")
        ]

        for url in (symbol_url(row), symbol_url(row, "chart"), *follow):
            answer = client.get(url)
            assert answer.status_code == 403
            assert "You don't have permission to do this" in answer.content.decode()


class TestProgress:
    def test_adds_up_the_parts_of_a_run(self, admin_client: Client) -> None:
        run = runs.begin(Kind.BACKFILL, trigger="test", now=NOW, symbols=["A", "B", "C"])
        SyncRun.objects.filter(pk=run.pk).update(total=3)
        SyncRun.objects.create(kind=Kind.BACKFILL, trigger="test", parent=run, updated=1, failed=1)
        url = reverse("admin:prices_trackedsymbol_progress_data", args=[run.pk])

        data = admin_client.get(url).json()

        assert (data["open"], data["done"], data["total"]) == (True, 2, 3)
        assert data["words"] == "Running: 2 of 3 done, 1 failed."

    def test_reports_that_a_run_no_longer_exists(self, admin_client: Client) -> None:
        answer = admin_client.get(reverse("admin:prices_trackedsymbol_progress_data", args=[99]))

        assert answer.status_code == 404
        assert answer.json()["words"] == "This run no longer exists."


def ten_years(row: TrackedSymbol, **known: Any) -> None:
    """A session each from 2016-06-09 to 2026-06-08, without a gap."""
    calendar = sessions_of("XNYS")
    assert calendar is not None
    days = calendar.between(date(2016, 6, 9), date(2026, 6, 9))
    flat = np.full(len(days), 100.0)
    bars = BarSeries(
        days.astype("datetime64[ms]"), flat, flat, flat, flat, np.full(len(days), 5, "i8")
    )
    facts = Facts(**{"source": "yahoo", "currency": "USD", "fetched_at": NOW, **known})
    services.bars().replace(SeriesKey(row.symbol), None, bars, facts, now=NOW)


class TestCost:
    def test_needs_as_many_queries_for_ten_years_as_for_a_week(
        self, admin_client: Client, row: TrackedSymbol
    ) -> None:
        long = tracked("LONG")
        ten_years(long)
        open_symbol(admin_client, row)

        short, whole = (self._asked(admin_client, of) for of in (row, long))

        assert whole == short
        assert whole[1] == ["aggregate", "find", "find"]

    def _asked(self, client: Client, row: TrackedSymbol) -> tuple[int, list[str]]:
        with CaptureQueriesContext(connection) as statements, counting() as work:
            open_symbol(client, row)
        return len(statements), work.commands
