"""The list of symbols: what it tells, sorts and filters by hand-made states, and how often it asks."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.models import OrmQ

from prices import services
from prices.admin.symbols import bulk_actions, operations
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.coverage import Gap
from prices.domain.series import Facts
from prices.jobs import schedules
from prices.models import SyncRun, Tag, TrackedSymbol
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.counting import counted_commands

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("store")]

Kind, State = SyncRun.Kind, SyncRun.State
SYMBOLS = reverse("admin:prices_trackedsymbol_changelist")
GAP = Gap(date(2026, 6, 4), 5, None, "the provider has none")
HOLED = (*WEEK[:2], *WEEK[3:])


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def opened(client: Client, query: str = "") -> str:
    answer = client.get(f"{SYMBOLS}{query}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def listed(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"{SYMBOLS}{query}")
    assert answer.status_code == 200
    return [row.symbol for row in answer.context["cl"].result_list]


def several() -> None:
    """WHOLE and HOLED are current, OLD is two sessions behind and fails, GONE is suspended, NEW empty."""
    tracked("WHOLE", reads=50, market="US")
    published("WHOLE")
    tracked("HOLED", reads=200, last_update=NOW - timedelta(hours=1), market="LSE")
    published("HOLED", rows=HOLED, gaps=(GAP,))
    tracked("OLD", reads=1, last_update=NOW - timedelta(hours=4), last_error="Yahoo says no")
    published("OLD", rows=WEEK[:3])
    tracked("GONE", active=False, last_update=NOW - timedelta(days=3))
    published("GONE", rows=WEEK[1:4])
    tracked("NEW", last_update=None)


# By the order of the list's columns, as the address counts them: the box to select is the 0th.
SYMBOL, STATE, COVERAGE, AGE, GAPS, LAST, FIRST, UPDATED, READS, MARKET = (
    1,
    2,
    3,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
)


class TestSorting:
    @pytest.mark.parametrize(
        ("column", "ascending", "descending"),
        [
            (SYMBOL, "GONE HOLED NEW OLD WHOLE", "WHOLE OLD NEW HOLED GONE"),
            # HOLED 4 of 5, OLD 3 of 5, GONE 3 of 4, NEW unknown: last either way.
            (COVERAGE, "OLD GONE HOLED WHOLE NEW", "WHOLE HOLED GONE OLD NEW"),
            (AGE, "HOLED WHOLE GONE OLD NEW", "OLD GONE HOLED WHOLE NEW"),
            (GAPS, "GONE OLD WHOLE HOLED NEW", "HOLED GONE OLD WHOLE NEW"),
            (LAST, "OLD GONE HOLED WHOLE NEW", "HOLED WHOLE GONE OLD NEW"),
            (FIRST, "HOLED OLD WHOLE GONE NEW", "GONE HOLED OLD WHOLE NEW"),
            (UPDATED, "GONE OLD HOLED WHOLE NEW", "WHOLE HOLED OLD GONE NEW"),
            (READS, "GONE NEW OLD WHOLE HOLED", "HOLED WHOLE OLD GONE NEW"),
            # Fresh, suspended, without history, failing.
            (STATE, "HOLED WHOLE GONE NEW OLD", "OLD NEW GONE HOLED WHOLE"),
            (MARKET, "HOLED GONE NEW OLD WHOLE", "GONE NEW OLD WHOLE HOLED"),
        ],
    )
    def test_by_each_column_both_ways(
        self, admin_client: Client, column: int, ascending: str, descending: str
    ) -> None:
        several()

        assert listed(admin_client, f"?o={column}") == ascending.split()
        assert listed(admin_client, f"?o=-{column}") == descending.split()

    def test_by_several_columns(self, admin_client: Client) -> None:
        several()

        assert listed(admin_client, f"?o={GAPS}.-{READS}") == [
            "WHOLE",
            "OLD",
            "GONE",
            "HOLED",
            "NEW",
        ]

    def test_goes_on_over_pages(self, admin_client: Client) -> None:
        TrackedSymbol.objects.bulk_create(
            TrackedSymbol(symbol=f"S{n:03}", reads=n) for n in range(120)
        )

        assert listed(admin_client, f"?o=-{READS}&p=2")[:2] == ["S069", "S068"]
        assert len(listed(admin_client, f"?o=-{READS}&p=3")) == 20
        assert listed(admin_client, f"?o=-{READS}&p=99")[0] == "S119"


class TestFilters:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("state=fresh", "HOLED WHOLE"),
            ("state=stale", ""),
            ("state=failing", "OLD"),
            ("state=suspended", "GONE"),
            ("state=no-history", "NEW"),
            ("coverage=whole", "WHOLE"),
            ("coverage=poor", "GONE HOLED OLD"),
            ("coverage=unknown", "NEW"),
            ("gaps=some", "HOLED"),
            ("gaps=many", ""),
            ("gaps=none", "GONE OLD WHOLE"),
            ("age=0", "HOLED WHOLE"),
            ("age=1", "GONE"),
            ("age=2-5", "OLD"),
            ("age=unknown", "NEW"),
            ("first=since-2020", "GONE HOLED OLD WHOLE"),
            ("first=1990s", ""),
            ("first=none", "NEW"),
            ("last=week", "GONE HOLED OLD WHOLE"),
            ("last=older", ""),
            ("reads=never", "GONE NEW"),
            ("reads=some", "OLD WHOLE"),
            ("reads=many", "HOLED"),
            ("active__exact=0", "GONE"),
            ("market=LSE", "HOLED"),
            ("fetch=failed", "OLD"),
            ("sync=never", "NEW"),
            ("sync=lagging", "GONE NEW OLD"),
            ("tag=none", "GONE HOLED NEW OLD WHOLE"),
            ("age=0&gaps=none", "WHOLE"),
            ("state=fresh&q=whole", "WHOLE"),
            ("state=nonsense", "GONE HOLED NEW OLD WHOLE"),
        ],
    )
    def test_choose_by_what_is_counted(self, admin_client: Client, query: str, found: str) -> None:
        several()

        assert listed(admin_client, f"?{query}") == found.split()

    def test_choose_by_tag(self, admin_client: Client) -> None:
        several()
        tag = Tag.objects.create(name="core")
        TrackedSymbol.objects.get(symbol="OLD").tags.add(tag)

        assert listed(admin_client, f"?tag={tag.pk}") == ["OLD"]
        assert "core" in opened(admin_client, f"?tag={tag.pk}")


class TestRows:
    def test_tell_coverage_state_and_reason(self, admin_client: Client) -> None:
        several()

        page = opened(admin_client, "?q=OLD")

        assert "Acme Corporation" in page
        assert "60 %" in page
        assert "> failing <" in page
        assert "Yahoo says no, 2 sessions behind, last bar 2026-06-04" in page
        assert "3 closes, +7.1 %" in page

    def test_show_markup_in_an_error_as_text(self, admin_client: Client) -> None:
        tracked(last_error="<script>alert(1)</script>")

        page = opened(admin_client)

        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page

    def test_open_without_mongodb_and_say_so(self, admin_client: Client, no_store: None) -> None:
        tracked()
        tracked("OTHER", reads=3)

        page = opened(admin_client)

        assert "Acme Corporation" in page
        assert "The store does not answer" in page
        assert "MongoDB does not answer" in page
        assert listed(admin_client, f"?o=-{READS}&state=fresh") == ["OTHER", "ACME"]

    def test_are_closed_to_strangers(self, client: Client) -> None:
        assert client.get(SYMBOLS).status_code == 302


class TestCost:
    def test_asks_as_often_for_many_symbols_as_for_few(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        query = f"?o=-{COVERAGE}&state=fresh"
        _generate(20)
        opened(admin_client, query)
        few = _asked(admin_client, query, monkeypatch)
        _generate(2_000)
        opened(admin_client, query)  # what changed is fetched once

        many = _asked(admin_client, query, monkeypatch)

        assert many == few
        assert many[1].count("aggregate") == 1
        assert len(many[1]) <= 6
        assert len(listed(admin_client, query)) == 50


def _asked(client: Client, query: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[str]]:
    with CaptureQueriesContext(connection) as statements, counted_commands(monkeypatch) as sent:
        opened(client, query)
    return len(statements), [name for name in sent.names if name != "getMore"]


def _generate(count: int) -> None:
    """Symbols with a week each: their manifests and bars are written in bulk."""
    have = TrackedSymbol.objects.count()
    names = [f"S{n:05}" for n in range(have, count)]
    TrackedSymbol.objects.bulk_create(
        TrackedSymbol(symbol=name, mic="XNYS", market="US", last_update=NOW) for name in names
    )
    db, bars = services.database(), BarSeries.from_rows(WEEK)
    if not have:
        services.bars().replace(SeriesKey(names[0]), None, bars, Facts(source="yahoo"), now=NOW)
        names = names[1:]
    model = db["series"].find_one({"symbol": "S00000"})
    assert model is not None
    copies = [
        {
            **model,
            "_id": f"{name}|1d",
            "symbol": name,
            "bars_key": f"{name}|1d|{model['generation']}",
        }
        for name in names
    ]
    db["series"].insert_many(copies)
    days = list(db["bars"].find({"m": model["bars_key"]}, {"_id": 0}))
    db["bars"].insert_many([{**bar, "m": copy["bars_key"]} for copy in copies for bar in days])


def act(client: Client, action: str, *rows: TrackedSymbol, query: str = "", **more: object) -> str:
    """Chooses an action in the list, confirms it, and gives the page that comes of it."""
    asked = ask(client, action, *rows, query=query, **more)
    hidden = {"_selected_action": asked["first"], "chosen": asked["chosen"], "confirmed": "yes"}
    answer = client.post(f"{SYMBOLS}{query}", {"action": action, **hidden, **more}, follow=True)
    return " ".join(answer.content.decode().split())


def ask(
    client: Client, action: str, *rows: TrackedSymbol, query: str = "", **more: object
) -> dict[str, object]:
    """The context of the page that asks whether to do it."""
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    answer = client.post(f"{SYMBOLS}{query}", data)
    assert answer.status_code == 200
    return {name: answer.context[name] for name in ("title", "named", "first", "chosen")}


def logged(row: TrackedSymbol) -> list[str]:
    """What was written down of a symbol, the oldest first."""
    entries = LogEntry.objects.filter(content_type__model="trackedsymbol", object_id=row.pk)
    return [entry.get_change_message() for entry in entries.order_by("pk")]


class TestActions:
    def test_say_first_what_will_happen_to_how_many(self, admin_client: Client) -> None:
        rows = [tracked(), tracked("OTHER")]

        context = ask(admin_client, "backfill", *rows)

        assert context["title"] == "Backfill whole history: 2 symbols"
        assert context["named"] == ["ACME", "OTHER"]
        assert not SyncRun.objects.exists()

    def test_backfill_queues_a_run_of_the_whole_history_to_follow(
        self, admin_client: Client
    ) -> None:
        schedules.record_canary(now=NOW)
        rows = [tracked(), tracked("OTHER")]

        page = act(admin_client, "backfill", *rows, query="?market=US")

        run = SyncRun.objects.get()
        assert (run.kind, run.state, run.trigger) == (Kind.BACKFILL, State.QUEUED, "admin (admin)")
        assert (run.symbols, run.options) == (["ACME", "OTHER"], {"whole": True})
        assert OrmQ.objects.count() == 1
        assert f">Run {run.pk}</a> is queued: the whole history of ACME, OTHER." in page
        assert "No jobs run" not in page
        assert "Queued: 0 of 2 done." in page
        assert f'href="{SYMBOLS}?market=US"' in page
        assert logged(rows[0]) == [f"Queued a backfill: run {run.pk}."]

    @pytest.mark.parametrize(
        ("action", "kind"), [("sync_now", Kind.HISTORICAL_SYNC), ("verify", Kind.VERIFY)]
    )
    def test_sync_and_verify_queue_runs(
        self, admin_client: Client, action: str, kind: SyncRun.Kind
    ) -> None:
        page = act(admin_client, action, tracked())

        run = SyncRun.objects.get()
        assert (run.kind, run.symbols, run.options) == (kind, ["ACME"], {})
        assert "No jobs run at present" in page

    def test_verify_refuses_what_one_worker_cannot_do(self, admin_client: Client) -> None:
        count = bulk_actions.MAX_TO_VERIFY + 1
        TrackedSymbol.objects.bulk_create(TrackedSymbol(symbol=f"S{n}") for n in range(count))
        first = TrackedSymbol.objects.all()[0]
        data = {"action": "verify", "_selected_action": [first.pk], "select_across": "1"}

        page = admin_client.post(SYMBOLS, data, follow=True).content.decode()

        assert "501 symbols are too many: choose up to 500." in page
        assert not SyncRun.objects.exists()

    def test_take_all_that_the_filters_leave(self, admin_client: Client) -> None:
        several()
        fresh = TrackedSymbol.objects.get(symbol="WHOLE")

        act(admin_client, "sync_now", fresh, query="?state=fresh", select_across="1")

        assert SyncRun.objects.get().symbols == ["HOLED", "WHOLE"]

    def test_do_what_was_asked_about_also_when_the_list_changes(self, admin_client: Client) -> None:
        several()
        fresh = TrackedSymbol.objects.get(symbol="WHOLE")
        asked = ask(admin_client, "suspend", fresh, query="?state=fresh", select_across="1")
        TrackedSymbol.objects.filter(symbol="HOLED").update(active=False)
        hidden = {"_selected_action": asked["first"], "chosen": asked["chosen"]}

        admin_client.post(
            f"{SYMBOLS}?state=fresh",
            {"action": "suspend", **hidden, "confirmed": "yes", "select_across": "1"},
        )

        assert set(TrackedSymbol.objects.filter(active=False).values_list("symbol", flat=True)) == {
            *("GONE", "HOLED", "WHOLE")
        }

    def test_suspend_and_resume(self, admin_client: Client) -> None:
        row = tracked(failures=3, next_attempt_at=NOW + timedelta(hours=1))

        assert "Suspended ACME. Stored prices are still served" in act(admin_client, "suspend", row)
        assert "Suspended no symbol" in act(admin_client, "suspend", row)
        row.refresh_from_db()
        assert row.active is False

        assert "Resumed ACME. The next sync" in act(admin_client, "resume", row)
        assert "Resumed no symbol" in act(admin_client, "resume", row)
        row.refresh_from_db()
        assert (row.active, row.failures, row.next_attempt_at) == (True, 0, None)
        assert logged(row) == ["Suspended.", "Resumed."]

    def test_tag_and_untag(self, admin_client: Client) -> None:
        rows = [tracked(), tracked("OTHER")]
        old = Tag.objects.create(name="old")
        rows[0].tags.add(old)

        page = act(admin_client, "tag", *rows, new="core", remove=[old.pk])

        assert "2 symbols: tagged core, untagged old." in page
        assert [list(row.tags.values_list("name", flat=True)) for row in rows] == [["core"]] * 2
        act(admin_client, "tag", *rows, new="core")  # twice is once
        assert Tag.objects.get(name="core").symbols.count() == 2

    def test_tag_asks_again_when_no_tag_was_named(self, admin_client: Client) -> None:
        row = tracked()

        page = act(admin_client, "tag", row, new="")

        assert "Choose a tag to add or to remove, or name a new one." in page

    def test_export_the_figures_of_the_chosen(self, client: Client, staff: User) -> None:
        several()
        TrackedSymbol.objects.filter(symbol="OLD").update(name="=HYPERLINK(1)")
        chosen = TrackedSymbol.objects.filter(symbol__in=["HOLED", "OLD", "NEW"])
        data = {"action": "export", "_selected_action": [row.pk for row in chosen]}

        answer = client.post(SYMBOLS, data)

        assert answer["Content-Disposition"] == 'attachment; filename="symbols-2026-06-09.csv"'
        lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
        assert [line["symbol"] for line in lines] == ["HOLED", "NEW", "OLD"]
        holed, new, old = lines
        assert (holed["expected"], holed["present"], holed["coverage_percent"]) == (
            "5",
            "4",
            "80.00",
        )
        assert (holed["gaps"], holed["first_bar"], holed["reads"]) == ("1", "2026-06-02", "200")
        assert (new["state"], new["coverage_percent"], new["last_bar"]) == ("no history", "", "")
        assert (old["state"], old["sessions_behind"], old["name"]) == (
            "failing",
            "2",
            "'=HYPERLINK(1)",
        )

    @pytest.mark.parametrize(
        "action", ["backfill", "sync_now", "verify", "suspend", "tag", "delete_selected"]
    )
    def test_are_not_for_those_who_may_only_view(
        self, client: Client, staff: User, action: str
    ) -> None:
        row = tracked()
        data = {"action": action, "_selected_action": [row.pk], "chosen": f"[{row.pk}]"}

        page = client.post(
            SYMBOLS, {**data, "confirmed": "yes", "post": "yes", "new": "x"}, follow=True
        ).content.decode()

        assert "Backfill whole history" not in page
        assert not SyncRun.objects.exists()
        assert not Tag.objects.exists()
        row.refresh_from_db()
        assert row.active is True

    def test_work_without_mongodb(self, admin_client: Client, no_store: None) -> None:
        assert "is queued" in act(admin_client, "backfill", tracked())

    def test_say_so_when_the_database_is_locked(
        self, admin_client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def locked(*_: object, **__: object) -> None:
            raise OperationalError("database is locked")

        row = tracked()
        monkeypatch.setattr(operations, "queue_run", locked)

        page = act(admin_client, "backfill", row)

        assert "Nothing was changed: the database is busy (database is locked)." in page
        assert not SyncRun.objects.exists()

    @pytest.mark.parametrize("action", ["backfill", "sync_now", "verify"])
    def test_queue_nothing_for_symbols_that_are_gone(
        self, admin_client: Client, action: str
    ) -> None:
        """A run without symbols would be about all of them."""
        row = tracked()
        asked = ask(admin_client, action, row)
        row.delete()
        tracked("OTHER")
        hidden = {"_selected_action": asked["first"], "chosen": asked["chosen"]}

        answer = admin_client.post(
            SYMBOLS, {"action": action, **hidden, "confirmed": "yes"}, follow=True
        )

        assert "Nothing was done: the chosen entries no longer exist" in answer.content.decode()
        assert not SyncRun.objects.exists()

    @pytest.mark.parametrize("chosen", ["nonsense", '{"a": 1}', '["x"]'])
    def test_do_nothing_on_what_they_did_not_ask(self, admin_client: Client, chosen: str) -> None:
        row = tracked()
        data = {"action": "suspend", "_selected_action": [row.pk], "confirmed": "yes"}

        answer = admin_client.post(SYMBOLS, {**data, "chosen": chosen}, follow=True)

        assert answer.status_code == 200
        row.refresh_from_db()
        assert row.active is True
