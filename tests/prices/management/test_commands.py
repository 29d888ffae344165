"""The operator's commands: what they do, what they say, when they fail."""

from __future__ import annotations

import json
from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError
from django.test import override_settings

from prices import services
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.coverage import Gap
from prices.domain.quotes import Quote
from prices.domain.series import Facts
from prices.models import Quarantine, SyncRun, TrackedSymbol
from prices.providers.base import Unavailable
from prices.store.manifests import Manifests
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.fakes import FakeProvider

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def _call(*args: str) -> str:
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


class TestTrack:
    def test_tracks_and_fetches_the_whole_history(self, provider: FakeProvider) -> None:
        provider.histories = {"AAA": WEEK, "BBB": WEEK[:2]}

        said = _call("track", "aaa", "bbb")

        assert "AAA: tracked" in said
        assert "2 updated, 0 unchanged, 0 failed; 7 bars written, 2 requests" in said
        stored = services.bars().read(SeriesKey("BBB"))
        assert stored is not None
        assert len(stored.bars) == 2

    def test_takes_a_market(self, provider: FakeProvider) -> None:
        _call("track", "TEVA", "--market", "tase", "--no-fetch")

        assert TrackedSymbol.objects.get().symbol == "TEVA.TA"
        assert provider.asked == []

    def test_leaves_what_is_tracked_as_it_is(self, provider: FakeProvider) -> None:
        tracked("AAA")

        said = _call("track", "AAA")

        assert said == "AAA: is tracked already\n"
        assert provider.asked == []

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [
            (["AAA", "B B"], "“B B” is not a symbol"),
            (["AAA", "--market", "MOON"], "“MOON” is not a market; known are US, TASE, LSE"),
            (["AAA", "VOD.L", "--market", "US"], "“VOD.L” is a symbol of LSE, not of US"),
            (["", " , "], "Name at least one symbol"),
        ],
    )
    def test_says_what_is_typed_wrong_and_tracks_nothing(
        self, provider: FakeProvider, args: list[str], sentence: str
    ) -> None:
        with pytest.raises(CommandError, match=sentence):
            _call("track", *args)

        assert not TrackedSymbol.objects.exists()

    def test_fails_when_a_symbol_fails_and_does_the_others(self, provider: FakeProvider) -> None:
        provider.histories = {"AAA": WEEK}

        with pytest.raises(CommandError, match="1 symbol failed"):
            _call("track", "NOPE", "AAA")

        assert services.bars().read(SeriesKey("AAA")) is not None
        assert TrackedSymbol.objects.get(symbol="NOPE").last_error == "Nobody knows NOPE"


class TestUntrack:
    def test_keeps_the_prices(self, provider: FakeProvider) -> None:
        tracked()
        published()

        _call("untrack", "ACME", "--yes")

        assert not TrackedSymbol.objects.exists()
        assert services.bars().read(SeriesKey("ACME")) is not None

    def test_deletes_them_when_told(self, provider: FakeProvider) -> None:
        tracked()
        published()

        _call("untrack", "ACME", "--delete", "--yes")

        assert services.bars().read(SeriesKey("ACME")) is None

    @pytest.mark.parametrize("answer", ["", "n", "no", "perhaps"])
    def test_asks_first(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch, answer: str
    ) -> None:
        tracked()
        monkeypatch.setattr("builtins.input", lambda question: answer)

        with pytest.raises(CommandError, match="Nothing was changed"):
            _call("untrack", "ACME")

        assert TrackedSymbol.objects.exists()

    def test_knows_only_what_is_tracked(self, provider: FakeProvider) -> None:
        with pytest.raises(CommandError, match="Not tracked: NOPE"):
            _call("untrack", "NOPE", "--yes")

    def test_keeps_all_while_the_store_is_away(self, provider: FakeProvider) -> None:
        tracked()
        Quarantine.objects.create(symbol="ACME", kind="step", reason="prices moved")

        with override_settings(MONGODB_URI="mongodb://127.0.0.1:1/?directConnection=true"):
            services.forget()
            with pytest.raises(CommandError, match="Is the system up"):
                _call("untrack", "ACME", "--delete", "--yes")
        services.forget()

        assert TrackedSymbol.objects.exists()
        assert Quarantine.objects.exists()

    def test_deletes_what_somebody_else_is_changing(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tracked()
        published()
        swap, others = Manifests.swap, [WEEK[:3]]

        def overtaken(self: Manifests, *args: object, **kwargs: object) -> object:
            if others:
                series = BarSeries.from_rows(others.pop())
                base = services.bars().manifest(SeriesKey("ACME"))
                services.bars().replace(SeriesKey("ACME"), base, series, Facts(), now=NOW)
            return swap(self, *args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(Manifests, "swap", overtaken)

        _call("untrack", "ACME", "--delete", "--yes")

        assert services.bars().read(SeriesKey("ACME")) is None


class TestTrouble:
    def test_is_told_in_a_sentence_where_nothing_was_prepared(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def absent(*_: object) -> None:
            raise OperationalError("no such table: prices_trackedsymbol")

        monkeypatch.setattr("prices.management.commands.coverage.tracked", absent)

        with pytest.raises(CommandError, match=r"is not prepared .* Run manage.py prepare"):
            _call("coverage", "ACME")

    def test_is_told_in_a_sentence_where_the_database_is_locked(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def locked(*_: object, **__: object) -> None:
            raise OperationalError("database is locked")

        monkeypatch.setattr("prices.jobs.runs.begin", locked)

        with pytest.raises(CommandError, match="Another program has locked"):
            _call("sync_historical")

    def test_of_impatience_ends_the_run_for_good(self, provider: FakeProvider) -> None:
        def stopped(symbol: str) -> None:
            raise KeyboardInterrupt

        provider.on_history = stopped

        with pytest.raises(CommandError, match="Stopped; what is done stays done") as told:
            _call("track", "AAA", "BBB")

        run = SyncRun.objects.get()
        assert told.value.returncode == 130
        assert (run.state, run.cancelled_by) == ("cancelled", "Ctrl-C")
        assert run.message == "cancelled by Ctrl-C, 0 of 2 symbols were done"


class TestBackfill:
    def test_does_not_begin_in_the_future(self, provider: FakeProvider) -> None:
        with pytest.raises(CommandError, match="9999-12-31 lies in the future"):
            _call("backfill", "AAA", "--start", "9999-12-31")

        assert not TrackedSymbol.objects.exists()

    def test_tracks_what_is_new(self, provider: FakeProvider) -> None:
        provider.histories = {"AAA": WEEK}

        said = _call("backfill", "AAA")

        assert "1 updated" in said
        assert provider.asked == [("AAA", None)]

    def test_takes_a_start(self, provider: FakeProvider) -> None:
        provider.histories = {"AAA": WEEK}

        _call("backfill", "AAA", "--start", "2026-06-04")

        stored = services.bars().read(SeriesKey("AAA"))
        assert stored is not None
        assert [str(day) for day in stored.bars.sessions] == [
            "2026-06-04",
            "2026-06-05",
            "2026-06-08",
        ]

    def test_takes_all_active_symbols(self, provider: FakeProvider) -> None:
        for symbol in ("AAA", "BBB"):
            tracked(symbol)
        tracked("OLD", active=False)
        provider.histories = {"AAA": WEEK, "BBB": WEEK}

        said = _call("backfill", "--all")

        assert "2 updated" in said
        assert {symbol for symbol, _ in provider.asked} == {"AAA", "BBB"}

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [
            ([], "Name at least one symbol"),
            (["AAA", "--all"], "not both"),
            (["AAA", "--start", "soon"], r"date \(YYYY-MM-DD\)"),
        ],
    )
    def test_says_what_is_typed_wrong(
        self, provider: FakeProvider, args: list[str], sentence: str
    ) -> None:
        with pytest.raises(CommandError, match=sentence):
            _call("backfill", *args)


class TestSyncAndRefresh:
    def test_sync_takes_what_is_due(self, provider: FakeProvider) -> None:
        tracked("NEW", last_update=None)
        provider.histories = {"NEW": WEEK}

        said = _call("sync_historical")

        assert "1 updated" in said
        assert SyncRun.objects.get().trigger == "command"

    def test_sync_takes_symbols_with_commas_too(self, provider: FakeProvider) -> None:
        for symbol in ("AAA", "BBB"):
            tracked(symbol, last_update=None)
        provider.histories = {"AAA": WEEK, "BBB": WEEK}

        assert "2 updated" in _call("sync_historical", "--symbols", "aaa,bbb")

    def test_sync_with_an_empty_list_is_a_typing_error(self, provider: FakeProvider) -> None:
        with pytest.raises(CommandError, match="Name at least one symbol"):
            _call("sync_historical", "--symbols", ",")

    def test_sync_says_that_the_provider_is_away(self, provider: FakeProvider) -> None:
        tracked("AAA", last_update=None)
        provider.histories = {"AAA": Unavailable("Yahoo is out of order")}

        with pytest.raises(CommandError, match="1 symbol failed"):
            _call("sync_historical")

    def test_refresh_takes_all(self, provider: FakeProvider) -> None:
        tracked("AAA")
        provider.quoted = {"AAA": Quote("AAA", 5.0, NOW, NOW, "REGULAR")}

        said = _call("refresh_live")

        assert "1 updated" in said
        assert services.quotes().get(["AAA"])["AAA"].price == 5.0


class TestCoverage:
    def test_prints_a_line_a_symbol(self, provider: FakeProvider) -> None:
        tracked()
        tracked("NEW", last_update=None)
        published(rows=WEEK[:4])

        said = _call("coverage").splitlines()

        assert said == [
            "ACME          80.00 %      4 bars  2026-06-02 to 2026-06-05  1 session behind, last bar 2026-06-05",
            "NEW                 -      0 bars  no history yet          no history yet",
        ]

    def test_lists_the_gaps_of_a_symbol_and_when_they_are_asked_for_again(
        self, provider: FakeProvider
    ) -> None:
        tracked()
        gaps = (
            Gap(date(2026, 6, 3), 1, NOW, "the provider has none"),
            Gap(date(2026, 6, 4), 6, None, "the provider has none"),
        )
        published(rows=(*WEEK[:1], *WEEK[3:]), gaps=gaps)

        said = _call("coverage", "ACME").splitlines()

        assert said[1:] == [
            "  gap 2026-06-03: the provider has none "
            "(1 tries, asked for again at 2026-06-09 12:00 UTC)",
            "  gap 2026-06-04: the provider has none (6 tries, given up)",
        ]

    def test_gives_json(self, provider: FakeProvider) -> None:
        tracked()
        published()

        report = json.loads(_call("coverage", "ACME", "--json"))

        assert len(report) == 1
        assert (report[0]["symbol"], report[0]["bars"], report[0]["stale"]) == ("ACME", 5, False)
        assert (report[0]["first"], report[0]["coverage_percent"]) == ("2026-06-02", 100.0)

    def test_says_how_to_begin(self, provider: FakeProvider) -> None:
        assert "manage.py track" in _call("coverage")

    def test_says_that_the_store_is_away(self, provider: FakeProvider) -> None:
        with override_settings(MONGODB_URI="mongodb://127.0.0.1:1/?directConnection=true"):
            services.forget()
            with pytest.raises(CommandError, match=r"MongoDB does not answer.*manage.py up"):
                _call("coverage")


class TestLoadSample:
    def test_publishes_five_histories_once(self, provider: FakeProvider) -> None:
        first, second = _call("load_sample"), _call("load_sample")

        assert len(first.splitlines()) == 5
        assert second == "All five have a history already: nothing was changed.\n"
        manifests = services.bars().manifests()
        assert sum(manifest.count for manifest in manifests.values()) == 12_154
        assert {manifest.facts.source for manifest in manifests.values()} == {"sample"}
        row = TrackedSymbol.objects.get(symbol="META")
        assert (row.name, row.last_update) == ("Meta Platforms, Inc.", None)

    def test_is_replaced_by_the_provider(self, provider: FakeProvider) -> None:
        _call("load_sample")
        provider.histories = {"AAPL": WEEK}

        _call("sync_historical", "--symbols", "AAPL")

        stored = services.bars().read(SeriesKey("AAPL"))
        assert stored is not None
        assert (len(stored.bars), stored.manifest.facts.source) == (5, "yahoo")


class TestCheck:
    @pytest.mark.parametrize(
        ("setting", "value", "identity"),
        [
            ("UNREADABLE", [("PRICECACHE_PORT", "http", "a whole number")], "prices.E000"),
            ("MONGODB_URI", "localhost:27017", "prices.E001"),
            ("MONGODB_URI", "mongodb://", "prices.E001"),
            ("MONGODB_URI", "mongodb://[::1", "prices.E001"),
            ("MONGODB_DATABASE", "a b/c", "prices.E010"),
            ("YAHOO_PROXY", "proxy:3128", "prices.E002"),
            ("YAHOO_PROXY", "http://[::1", "prices.E002"),
            ("YAHOO_PROXY", "http://proxy:99999", "prices.E002"),
            ("WEB_PORT", 0, "prices.E003"),
            ("WEB_WORKERS", 0, "prices.E004"),
            ("CLUSTER_WORKERS", 100_000, "prices.E004"),
            ("YAHOO_REQUESTS_PER_MINUTE", 0, "prices.E004"),
            ("YAHOO_BURST", 0, "prices.E004"),
            ("YAHOO_TIMEOUT_SECONDS", 0.0, "prices.E005"),
            ("HISTORY_YEARS", -1, "prices.E006"),
            ("HISTORY_YEARS", 10**9, "prices.E006"),
            ("SERIES_MEMORY_MB", -1, "prices.E011"),
            ("VERSION_TTL", -1.0, "prices.E012"),
            ("VERIFY_SAMPLE", -1, "prices.E009"),
            ("MONGOD_CACHE_GB", 0.1, "prices.E007"),
            ("PRICES_PROVIDER", "prices.providers.nowhere.Provider", "prices.E008"),
            ("PRICES_PROVIDER", "..nowhere", "prices.E008"),
            ("PRICES_PROVIDER", "os.path", "prices.E008"),
        ],
    )
    def test_names_a_wrong_setting(self, setting: str, value: object, identity: str) -> None:
        from pricecache_site.operations.checks import settings_check

        with override_settings(**{setting: value}):
            found = settings_check(None)

        assert [message.id for message in found] == [identity]
        assert found[0].hint

    def test_tells_no_password(self) -> None:
        from pricecache_site.operations.checks import settings_check

        wrong = {"MONGODB_URI": "mongo://u:secret@h", "YAHOO_PROXY": "http://u:secret@"}
        with override_settings(**wrong):
            found = settings_check(None)

        assert len(found) == 2
        assert "secret" not in str(found)

    def test_is_silent_when_all_is_well(self) -> None:
        from pricecache_site.operations.checks import settings_check

        assert settings_check(None) == []
