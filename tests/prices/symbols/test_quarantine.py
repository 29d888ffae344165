"""Corrections and quarantine as users meet them: jobs, API, commands."""

import json
from datetime import date, timedelta
from io import StringIO
from unittest import mock

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from prices import services
from prices.domain.actions import Actions
from prices.domain.answers import Correction, CorrectionReason
from prices.domain.bars import BarSeries, SeriesKey
from prices.domain.series import Facts
from prices.jobs import execution, runs
from prices.models import Quarantine, SyncRun, TrackedSymbol
from prices.store.mongo import StoreConflict
from tests.support.builders import NOW, WEEK, published, tracked
from tests.support.fakes import FakeProvider
from tests.support.syncing import stored

pytestmark = pytest.mark.django_db

KEY = SeriesKey("ACME")
SETTLED = (*WEEK[:4], (*WEEK[4][:5], 5_500))
DOUBLED = tuple((row[0], *(2 * price for price in row[1:5]), row[5]) for row in WEEK)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(minutes=1))


@pytest.fixture
def acme(provider: FakeProvider) -> FakeProvider:
    """ACME is stored and tracked; the provider says what the test lets it say."""
    tracked()
    published(actions=Actions())
    provider.histories = {"ACME": WEEK}
    return provider


def _sync(*, whole: bool = False, **options: object) -> SyncRun:
    kind = SyncRun.Kind.BACKFILL if whole else SyncRun.Kind.HISTORICAL_SYNC
    options = {"whole": True, **options} if whole else options
    run = runs.begin(kind, trigger="test", symbols=["ACME"], options=options, now=NOW)
    execution.work_on(run)
    run.refresh_from_db()
    return run


def _call(*args: str) -> str:
    out = StringIO()
    call_command(*args, stdout=out)
    return out.getvalue()


class TestCorrections:
    @pytest.mark.parametrize("limit", ["0", "-5", "99999999999999999999"])
    def test_are_listed_up_to_a_limit_that_makes_sense(
        self, acme: FakeProvider, limit: str
    ) -> None:
        with pytest.raises(CommandError, match="Give a --limit from 1 to 10,000"):
            _call("corrections", "ACME", "--limit", limit)

    def test_are_kept_with_the_run_that_made_them(self, acme: FakeProvider) -> None:
        acme.histories = {"ACME": SETTLED}

        run = _sync()

        (entry,) = services.corrections().latest("ACME")
        assert entry.correction == Correction(
            date(2026, 6, 8), "volume", 5_000, 5_500, CorrectionReason.SETTLED
        )
        assert (entry.run, entry.seen_at) == (run.pk, NOW + timedelta(minutes=1))
        assert stored()[-1][5] == 5_500

    def test_are_none_when_the_bars_were_not_published(self, acme: FakeProvider) -> None:
        """The other writer's swap came first: neither the bars nor their corrections count."""
        bars = services.bars()
        base = bars.manifest(KEY)
        assert base is not None
        bars.update_facts(base, base.facts)
        change = (Correction(date(2026, 6, 8), "volume", 5_000, 5_500, CorrectionReason.SETTLED),)

        with pytest.raises(StoreConflict):
            bars.replace(
                KEY, base, BarSeries.from_rows(SETTLED), Facts(), now=NOW, corrections=change
            )

        assert services.corrections().latest("ACME") == []
        assert stored()[-1][5] == 5_000

    def test_are_none_when_they_cannot_be_kept(self, acme: FakeProvider) -> None:
        """One transaction: bars are not published without what they corrected."""
        acme.histories = {"ACME": SETTLED}
        broken = mock.patch(
            "prices.store.corrections.CorrectionLog.add", side_effect=StoreConflict("no room")
        )

        with broken:
            _sync()

        assert stored()[-1][5] == 5_000

    def test_are_answered_by_the_api(self, acme: FakeProvider, client: Client) -> None:
        acme.histories = {"ACME": SETTLED}
        run = _sync()

        body = client.get("/cache/corrections/ACME").json()

        assert body == {
            "symbol": "ACME",
            "count": 1,
            "corrections": [
                {
                    "date": "2026-06-08",
                    "field": "volume",
                    "old": 5000.0,
                    "new": 5500.0,
                    "reason": "volume settled",
                    "seen_at": "2026-06-09T12:01:00Z",
                    "run": run.pk,
                }
            ],
            "by_hand": [],
        }
        assert client.get("/cache/corrections/ACME?since=2026-06-09").json()["count"] == 0
        assert client.get("/cache/corrections/ACME?limit=0").status_code == 400
        assert client.get("/cache/corrections/NOBODY").status_code == 404

    def test_are_listed_by_the_command(self, acme: FakeProvider) -> None:
        acme.histories = {"ACME": SETTLED}
        run = _sync()

        said = _call("corrections", "ACME")

        assert said == (
            "ACME: 1 correction\n"
            "  2026-06-08  volume  5000 → 5500  volume settled"
            f"  (2026-06-09 12:01 UTC, run {run.pk})\n"
        )
        assert json.loads(_call("corrections", "ACME", "--json"))[0]["count"] == 1

    def test_go_with_a_symbol_whose_prices_are_deleted(self, acme: FakeProvider) -> None:
        acme.histories = {"ACME": SETTLED}
        _sync()

        _call("untrack", "ACME", "--delete", "--yes")

        assert services.corrections().latest("ACME") == []


class TestActions:
    def test_are_answered_by_the_api(self, provider: FakeProvider, client: Client) -> None:
        tracked(currency="GBp")
        published(currency="GBp")

        body = client.get("/cache/actions/ACME").json()

        assert body == {
            "symbol": "ACME",
            "currency": "GBp",
            "major_currency": "GBP",
            "units_per_major": 100,
            "splits": [{"date": "2026-06-04", "numerator": 2, "denominator": 1, "ratio": 2.0}],
            "dividends": [
                {
                    "date": "2026-06-08",
                    "amount": 0.5,
                    "currency": "GBp",
                    "converted_from": None,
                    "suspicious": None,
                }
            ],
            "capital_gains": [],
        }
        assert client.get("/cache/actions/NOBODY").status_code == 404
        assert client.get("/cache/actions/ACME?days=3").status_code == 400

    def test_are_none_of_a_symbol_without_history(
        self, provider: FakeProvider, client: Client
    ) -> None:
        tracked()

        body = client.get("/cache/actions/ACME").json()

        assert (body["currency"], body["splits"], body["dividends"]) == ("USD", [], [])


class TestQuarantine:
    REASON = "prices are 2 times the stored ones, and no split explains it"

    def test_keeps_what_was_refused_and_why(self, acme: FakeProvider) -> None:
        acme.histories = {"ACME": DOUBLED}

        run = _sync()

        entry = Quarantine.objects.get()
        assert (entry.symbol, entry.kind, entry.reason) == ("ACME", "basis", self.REASON)
        assert (entry.run, entry.times, entry.resolved_at) == (run, 1, None)
        assert entry.summary["last_close"] == 24.5
        assert entry.summary["latest_closes"][-1][1] == 24.5
        assert entry.summary["bars"] == 5
        row = TrackedSymbol.objects.get()
        assert row.last_error == f"quarantined: {self.REASON}"
        assert row.last_update == NOW
        assert run.errors == {"ACME": f"quarantined: {self.REASON}"}
        assert stored() == list(WEEK)

    def test_counts_the_same_refusal_once(self, acme: FakeProvider) -> None:
        acme.histories = {"ACME": DOUBLED}

        _sync()
        second = _sync()

        entry = Quarantine.objects.get()
        assert (entry.times, entry.run) == (2, second)

    def test_is_closed_when_the_provider_corrects_its_answer(self, acme: FakeProvider) -> None:
        acme.histories = {"ACME": DOUBLED}
        _sync()
        acme.histories = {"ACME": WEEK}

        _sync()

        entry = Quarantine.objects.get()
        assert entry.resolution == Quarantine.Resolution.SUPERSEDED
        assert TrackedSymbol.objects.get().last_error == ""

    def test_is_shown_by_the_status(self, acme: FakeProvider, client: Client) -> None:
        acme.histories = {"ACME": DOUBLED}
        _sync()

        body = client.get("/cache/status").json()

        assert "Answers for 1 symbol are in quarantine." in body["reasons"]
        assert body["historical_data"]["quarantined"] == 1

    def test_is_listed_and_shown(self, acme: FakeProvider) -> None:
        assert _call("quarantine") == "Nothing is in quarantine.\n"
        acme.histories = {"ACME": DOUBLED}
        _sync()

        assert self.REASON in _call("quarantine")
        assert '"last_close": 24.5' in _call("quarantine", "show", "ACME")
        with pytest.raises(CommandError, match="Name the symbols"):
            _call("quarantine", "show")

    def test_is_released_by_hand(self, acme: FakeProvider) -> None:
        acme.histories = {"ACME": DOUBLED}
        _sync()

        _call("quarantine", "release", "ACME", "--yes")

        assert stored() == list(DOUBLED)
        assert Quarantine.objects.get().resolution == Quarantine.Resolution.RELEASED
        found = [entry.correction for entry in services.corrections().latest("ACME")]
        released = CorrectionReason.RELEASED
        assert found[-1] == Correction(date(2026, 6, 2), "bars", 5, 5, released)
        assert [(c.session, c.old, c.new) for c in found if c.field == "close"] == [
            (old[0], old[4], new[4]) for old, new in zip(WEEK[::-1], DOUBLED[::-1], strict=True)
        ]
        with pytest.raises(CommandError, match="Nothing of ACME is in quarantine"):
            _call("quarantine", "release", "ACME", "--yes")

    def test_is_not_released_without_confirmation(
        self, acme: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        acme.histories = {"ACME": DOUBLED}
        _sync()
        monkeypatch.setattr("builtins.input", lambda question: "")

        with pytest.raises(CommandError, match="Nothing was changed"):
            _call("quarantine", "release", "ACME")

        assert stored() == list(WEEK)


def test_nothing_is_kept_of_a_symbol_that_was_untracked_while_it_was_fetched(
    acme: FakeProvider,
) -> None:
    acme.histories = {"ACME": DOUBLED}
    acme.on_history = lambda symbol: untracked.append(symbol)
    untracked: list[str] = []
    real = runs.record

    def after_untracking(*args: object, **kwargs: object) -> None:
        TrackedSymbol.objects.filter(symbol__in=untracked).delete()
        real(*args, **kwargs)  # type: ignore[arg-type]

    with mock.patch("prices.jobs.runs.record", after_untracking):
        run = _sync(whole=True)

    assert run.failed == 1
    assert not Quarantine.objects.exists()
