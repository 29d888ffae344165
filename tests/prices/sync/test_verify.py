"""Verifying: differences are found, fixed unless the guards refuse it, and reported in status."""

from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client, override_settings

from prices import services
from prices.domain.actions import Actions, Dividend
from prices.domain.answers import Result
from prices.domain.bars import SeriesKey
from prices.domain.coverage import DateRange
from prices.jobs import cluster_health, history, runs, tasks
from prices.models import Quarantine, SyncRun
from prices.providers.base import ProviderError, Unavailable, UnknownSymbol
from prices.store.mongo import StoreUnavailable
from prices.sync.verify import Verdict, Verified, random_sample
from tests.support.builders import ACTIONS, NOW, WEEK, published, tracked
from tests.support.fakes import FakeProvider
from tests.support.syncing import facts, stored

pytestmark = pytest.mark.django_db

Kind, State = SyncRun.Kind, SyncRun.State
# Thursday the 4th is the last final session of the week at `NOW`.
FINAL = date(2026, 6, 4)
# The provider says of the 3rd that it closed at 11.75, and traded 2,002.
REVISED = (*WEEK[:1], (*WEEK[1][:4], 11.75, 2_002), *WEEK[2:])
STRANGER = tuple((row[0], *(price * 7 for price in row[1:5]), row[5]) for row in WEEK)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


def holds(symbol: str = "ACME", rows: Any = WEEK, **more: Any) -> None:
    tracked(symbol)
    published(symbol, rows, final_through=FINAL, **more)


def says(provider: FakeProvider, rows: Any, *symbols: str, actions: Actions = ACTIONS) -> None:
    for symbol in symbols or ("ACME",):
        provider.histories[symbol] = rows
        provider.actions[symbol] = actions


def verified(*symbols: str, **options: Any) -> dict[str, Verified]:
    found = services.verify_service().verify(symbols or ("ACME",), now=NOW, **options)
    return {one.outcome.symbol: one for one in found}


def call(*args: str) -> str:
    out = StringIO()
    call_command("verify", *args, stdout=out)
    return out.getvalue()


def failed(*args: str) -> tuple[str, str]:
    """What a command that fails said, and why it failed."""
    out = StringIO()
    with pytest.raises(CommandError) as error:
        call_command("verify", *args, stdout=out)
    return out.getvalue(), str(error.value)


class TestVerify:
    def test_what_is_stored_agrees(self, provider: FakeProvider) -> None:
        holds()
        says(provider, WEEK)
        before = services.bars().manifest(SeriesKey("ACME"))

        one = verified(fix=True)["ACME"]

        assert (one.verdict, one.outcome.result) == (Verdict.AGREES, Result.UNCHANGED)
        assert one.outcome.message == "agrees on 5 sessions"
        assert services.bars().manifest(SeriesKey("ACME")) == before

    def test_finds_exactly_what_differs_and_changes_nothing(self, provider: FakeProvider) -> None:
        holds()
        says(provider, REVISED)

        one = verified()["ACME"]

        assert (one.verdict, one.outcome.result) == (Verdict.DIFFERS, Result.FAILED)
        assert one.outcome.message == one.outcome.error
        assert one.outcome.message == (
            "2 differences: 2026-06-03 close: stored 11.5, provider 11.75; "
            "2026-06-03 volume: stored 2000, provider 2002"
        )
        assert stored() == list(WEEK)

    def test_fixes_what_differs_and_keeps_it_on_record(self, provider: FakeProvider) -> None:
        holds()
        says(provider, REVISED)

        one = verified(fix=True, run=7)["ACME"]

        assert (one.verdict, one.outcome.result) == (Verdict.FIXED, Result.UPDATED)
        assert one.outcome.message.endswith("provider 2002. Fixed")
        assert stored() == list(REVISED)
        assert {
            (c.correction.field, c.correction.old, c.correction.new, c.run)
            for c in services.corrections().latest("ACME")
        } == {("close", 11.5, 11.75, 7), ("volume", 2_000, 2_002, 7)}
        assert verified()["ACME"].verdict is Verdict.AGREES

    def test_fixes_actions(self, provider: FakeProvider) -> None:
        holds()
        moved = Actions(ACTIONS.splits, (Dividend(date(2026, 6, 5), 0.5),))
        says(provider, WEEK, actions=moved)

        one = verified(fix=True)["ACME"]

        assert one.verdict is Verdict.FIXED
        assert facts().actions == moved

    def test_the_guards_hold(self, provider: FakeProvider) -> None:
        holds()
        says(provider, STRANGER)

        one = verified(fix=True)["ACME"]

        assert (one.verdict, one.outcome.refused != ()) == (Verdict.DIFFERS, True)
        assert one.outcome.message.startswith(
            "the provider's prices are 7 times the stored ones. Not fixed: "
        )
        assert stored() == list(WEEK)

    def test_keeps_what_the_provider_has_no_more(self, provider: FakeProvider) -> None:
        rows = [(date(2026, 5, day), 9.0, 9.0, 9.0, 9.0, 10) for day in (*range(4, 9), 11, 12)]
        holds(rows=[*rows, *WEEK])
        says(provider, [*rows[:3], *rows[4:], *WEEK])

        reported, kept = verified()["ACME"], verified(fix=True)["ACME"]

        lost = "1 difference: 2026-05-07 bar: stored 9, provider none"
        assert (reported.verdict, reported.outcome.message) == (Verdict.DIFFERS, lost)
        assert kept.verdict is Verdict.AGREES
        assert kept.outcome.message == f"{lost} (kept, like all that is stored)"
        assert len(stored()) == 12

    def test_fixes_beside_what_it_keeps(self, provider: FakeProvider) -> None:
        rows = [(date(2026, 5, day), 9.0, 9.0, 9.0, 9.0, 10) for day in (*range(4, 9), 11, 12)]
        holds(rows=[*rows, *WEEK])
        says(provider, [*rows[:3], *rows[4:], *REVISED])

        one = verified(fix=True)["ACME"]

        assert one.verdict is Verdict.FIXED
        assert one.outcome.message.endswith(
            ". Fixed; kept: 1 difference: 2026-05-07 bar: stored 9, provider none"
        )
        assert stored() == [*rows, *REVISED]

    def test_asks_for_all_that_was_ever_asked_for(self, provider: FakeProvider) -> None:
        holds("SHORT")
        holds("LONG", asked=(DateRange(date(2001, 1, 1), date(2026, 6, 9)),))
        says(provider, WEEK, "SHORT", "LONG")

        verified("SHORT", "LONG")

        assert sorted(provider.asked) == [
            ("LONG", date(2001, 1, 1)),
            ("SHORT", date(2026, 6, 2)),
        ]

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (Unavailable("Yahoo returned HTTP 503"), "not verified: Yahoo returned HTTP 503"),
            (UnknownSymbol("Nobody knows ACME"), "not verified: Nobody knows ACME"),
        ],
    )
    def test_one_that_fails_does_not_stop_the_others(
        self, provider: FakeProvider, error: ProviderError, words: str
    ) -> None:
        holds()
        holds("OTHER")
        says(provider, WEEK, "OTHER")
        provider.histories["ACME"] = error

        found = verified("ACME", "OTHER")

        assert (found["ACME"].verdict, found["ACME"].outcome.error) == (Verdict.UNCHECKED, words)
        assert found["OTHER"].verdict is Verdict.AGREES

    def test_what_is_not_the_providers_is_not_verified(self, provider: FakeProvider) -> None:
        tracked("NEW")
        holds("SAMPLE", source="sample")

        found = verified("NEW", "SAMPLE")

        assert found["NEW"].outcome.error == "not verified: it has no history yet"
        assert "it holds the sample" in found["SAMPLE"].outcome.error
        assert provider.asked == []

    def test_knows_what_can_be_verified(self, provider: FakeProvider) -> None:
        holds("BBB")
        holds("AAA")
        holds("SAMPLE", source="sample")
        tracked("NEW")
        tracked("GONE", active=False)
        published("GONE")
        published("UNTRACKED")

        assert services.verify_service().verifiable() == ["AAA", "BBB"]


class TestRandomSample:
    def test_has_at_most_all_symbols(self) -> None:
        assert random_sample(["B", "A"], 5) == ["A", "B"]
        assert random_sample(["B", "A"], 0) == []

    def test_may_have_any_symbol(self) -> None:
        symbols = [f"S{number}" for number in range(10)]

        met = {symbol for _ in range(400) for symbol in random_sample(symbols, 3)}

        assert met == set(symbols)
        assert len(set(random_sample(symbols, 3))) == 3


class TestCommand:
    def test_prints_a_line_a_symbol(self, provider: FakeProvider) -> None:
        holds("AAA")
        holds("BBB")
        says(provider, WEEK, "AAA", "BBB")

        said = call()

        assert sorted(said.splitlines()) == [
            "2 agree, 0 fixed, 0 differ, 0 not verified; 2 requests",
            "AAA: agrees on 5 sessions",
            "BBB: agrees on 5 sessions",
        ]

    def test_fails_when_something_differs(self, provider: FakeProvider) -> None:
        holds()
        holds("OTHER")
        says(provider, WEEK, "OTHER")
        says(provider, REVISED)

        said, why = failed("acme", "OTHER")

        assert "ACME: 2 differences: 2026-06-03 close" in said
        assert "1 agree, 0 fixed, 1 differ, 0 not verified" in said
        assert why == "1 of 2 symbols differ. Publish what the provider has with --fix."
        run = SyncRun.objects.get()
        assert (run.kind, run.state, run.differing) == (Kind.VERIFY, State.PARTIAL, ["ACME"])

    def test_fixes_differences_with_the_option(self, provider: FakeProvider) -> None:
        holds()
        says(provider, REVISED)

        said = call("--fix")

        assert "0 agree, 1 fixed, 0 differ, 0 not verified" in said
        assert stored() == list(REVISED)

    def test_fails_when_it_cannot_be_fixed(self, provider: FakeProvider) -> None:
        holds()
        says(provider, STRANGER)

        _, why = failed("--fix")

        assert why == "1 of 1 symbols differ."
        assert Quarantine.objects.get().symbol == "ACME"

    def test_fails_when_a_symbol_could_not_be_verified(self, provider: FakeProvider) -> None:
        holds()

        said, why = failed("ACME")

        assert "ACME: not verified: Nobody knows ACME" in said
        assert why == "1 of 1 symbols could not be verified."

    def test_takes_a_sample(self, provider: FakeProvider) -> None:
        for symbol in ("AAA", "BBB", "CCC"):
            holds(symbol)
        says(provider, WEEK, "AAA", "BBB", "CCC")

        said = call("--sample", "2")

        assert "2 agree" in said
        assert len({symbol for symbol, _ in provider.asked}) == 2

    def test_says_when_there_is_nothing_to_verify(self, provider: FakeProvider) -> None:
        assert call() == "No symbol has a history to verify yet.\n"

    @pytest.mark.parametrize(
        ("args", "sentence"),
        [(["NOPE"], "Not tracked: NOPE"), (["--sample", "0"], "at least one symbol")],
    )
    def test_says_what_is_typed_wrong(
        self, provider: FakeProvider, args: list[str], sentence: str
    ) -> None:
        holds()

        assert sentence in failed(*args)[1]


class TestNightly:
    def test_verifies_and_fixes_a_sample(self, provider: FakeProvider) -> None:
        holds()
        holds("OTHER")
        says(provider, REVISED)
        says(provider, WEEK, "OTHER")

        tasks.nightly_verify()

        run = SyncRun.objects.get()
        assert (run.kind, run.state, run.trigger) == ("verify", "succeeded", "schedule")
        assert (run.total, run.updated, run.unchanged, run.failed) == (2, 1, 1, 0)
        assert (run.symbols, run.requests, run.message) == (["ACME", "OTHER"], 2, "2 symbols")
        assert stored() == list(REVISED)

    def test_begins_with_what_is_known_to_differ(self, provider: FakeProvider) -> None:
        for number in range(20):
            holds(f"S{number}")
            says(provider, WEEK, f"S{number}")
        holds()
        says(provider, STRANGER)
        failed("ACME")

        with override_settings(VERIFY_SAMPLE=2):
            tasks.nightly_verify()

        latest = SyncRun.objects.filter(trigger="schedule").get()
        assert latest.symbols[0] == "ACME"
        assert len(set(latest.symbols)) == 2

    def test_can_be_off(self, provider: FakeProvider) -> None:
        holds()

        with override_settings(VERIFY_SAMPLE=0):
            tasks.nightly_verify()

        assert not SyncRun.objects.exists()

    def test_a_second_attempt_counts_each_symbol_once(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        holds()
        holds("OTHER")
        says(provider, STRANGER)
        says(provider, WEEK, "OTHER")
        record, seen = runs.record, []

        def away_after_one(*args: Any, **kwargs: Any) -> None:
            record(*args, **kwargs)
            seen.append(args)
            raise StoreUnavailable("MongoDB does not answer")

        with monkeypatch.context() as patched:
            patched.setattr(runs, "record", away_after_one)
            tasks.nightly_verify()
        runs.revive(now=NOW)
        run = SyncRun.objects.get()
        tasks.perform(run.pk)

        run.refresh_from_db()
        assert (len(seen), run.state, run.attempts) == (1, State.PARTIAL, 2)
        assert (run.total, run.unchanged, run.failed, run.differing) == (2, 1, 1, ["ACME"])
        assert set(run.errors) == {"ACME"}


class TestStatus:
    def test_reports_nothing_before_the_first_run(
        self, provider: FakeProvider, client: Client
    ) -> None:
        assert client.get("/cache/status").json()["verify"] is None

    def test_reports_the_latest(self, provider: FakeProvider, client: Client) -> None:
        cluster_health.record_canary(now=NOW)
        holds()
        holds("OTHER")
        says(provider, REVISED)
        says(provider, WEEK, "OTHER")
        tasks.nightly_verify()

        body = client.get("/cache/status").json()

        assert body["status"] == "healthy"
        assert body["verify"] == {
            "finished_at": "2026-06-09T12:00:00Z",
            "checked": 2,
            "differing": 1,
            "fixed": 1,
            "failed": 0,
            "unfixed": [],
        }

    def test_is_degraded_while_something_differs(
        self, provider: FakeProvider, client: Client
    ) -> None:
        cluster_health.record_canary(now=NOW)
        holds()
        holds("OTHER")
        says(provider, REVISED)
        failed("ACME", "OTHER")

        body = client.get("/cache/status").json()
        call("ACME", "--fix")
        after = client.get("/cache/status").json()

        reason = "ACME: a verification found that the provider has other prices."
        assert (body["status"], body["reasons"]) == ("degraded", [reason])
        verify = body["verify"]
        assert (verify["checked"], verify["differing"], verify["failed"]) == (1, 1, 1)
        assert verify["unfixed"] == ["ACME"]
        assert (after["status"], after["verify"]["unfixed"]) == ("healthy", [])


class TestUnfixed:
    def _run(self, symbols: list[str], differing: list[str], **more: Any) -> None:
        counted = {
            "unchanged": len(symbols) - len(differing),
            "failed": len(differing),
            "errors": dict.fromkeys(differing, "differs"),
        }
        SyncRun.objects.create(
            kind=Kind.VERIFY,
            symbols=symbols,
            differing=differing,
            total=len(symbols),
            finished_at=NOW,
            **{**counted, **more},
        )

    def test_a_later_good_verdict_clears_an_earlier_one(self) -> None:
        tracked("AAA")
        tracked("BBB")
        self._run(["AAA", "BBB"], ["AAA", "BBB"])
        self._run(["AAA", "CCC"], [])

        assert history.unfixed() == ("BBB",)

    def test_one_that_could_not_be_verified_again_still_differs(self) -> None:
        tracked("AAA")
        self._run(["AAA"], ["AAA"])
        self._run(["AAA"], [], unchanged=0, failed=1, errors={"AAA": "not verified"})

        assert history.unfixed() == ("AAA",)

    def test_a_run_that_was_given_up_clears_nothing(self) -> None:
        tracked("AAA")
        self._run(["AAA"], ["AAA"])
        self._run(["AAA", "BBB"], [], unchanged=1)

        assert history.unfixed() == ("AAA",)

    def test_an_open_run_and_symbols_that_are_gone_do_not_count(self) -> None:
        tracked("AAA")
        self._run(["GONE"], ["GONE"])
        self._run(["AAA"], ["AAA"])
        SyncRun.objects.filter(differing=["AAA"]).update(finished_at=None)

        assert history.unfixed() == ()
        latest = history.latest_verification()
        assert latest is not None
        assert (latest.checked, latest.differing) == (1, 1)
