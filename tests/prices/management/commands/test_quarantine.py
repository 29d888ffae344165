"""manage.py quarantine: what it lists, takes and keeps, and when it asks."""

import pytest
from django.core.management.base import CommandError

from prices.domain.actions import Actions
from prices.models import Quarantine, SyncRun
from tests.support.builders import published, tracked
from tests.support.commands import manage
from tests.support.fakes import FakeProvider
from tests.support.quarantined import Rows, run_sync, sixty, stored_sixty, times
from tests.support.syncing import facts, stored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fixed_now")]


@pytest.fixture
def revised(provider: FakeProvider) -> Rows:
    """The provider changes two settled bars to a tenth. Returns the stored rows."""
    rows = stored_sixty(provider)
    provider.histories["ACME"] = times(rows, 0.1, 20, 40)
    run_sync()
    return rows


def other_entry() -> Quarantine:
    return Quarantine.objects.create(symbol="ACME", kind="currency", reason="another currency")


class TestListing:
    def test_shows_open_entries_with_their_id_and_reason(self, revised: Rows) -> None:
        resolved = other_entry()
        Quarantine.objects.filter(pk=resolved.pk).update(
            resolved_at=resolved.first_seen, resolution="kept"
        )

        listed = manage("quarantine", "list")

        entry = Quarantine.objects.get(kind="bar")
        assert "the provider changed the close of" in listed
        assert f"(entry {entry.pk}, since 2026-06-09 12:00 UTC)" in listed
        assert "another currency" not in listed
        everything = manage("quarantine", "list", "ACME", "--all")
        assert "the stored values were kept by hand" in everything

    def test_shows_the_differences_of_one_entry(self, revised: Rows) -> None:
        other = other_entry()

        shown = manage("quarantine", "show", "ACME", "--entry", str(other.pk))

        assert "another currency" in shown
        assert "differences" not in shown
        assert str(revised[20][0]) in manage("quarantine", "show", "ACME")

    def test_says_that_nothing_is_there(self, store: object) -> None:
        assert manage("quarantine") == "Nothing is in quarantine.\n"


class TestKeep:
    def test_keeps_all_of_a_symbol(self, revised: Rows) -> None:
        said = manage("quarantine", "keep", "ACME")

        assert "The stored values of ACME are kept." in said
        entry = Quarantine.objects.get()
        assert (entry.resolution, entry.decided_by) == ("kept", "command")
        run_sync()
        assert Quarantine.objects.count() == 1
        assert stored() == revised

    def test_keeps_one_session(self, revised: Rows) -> None:
        manage("quarantine", "keep", "ACME", "--session", str(revised[20][0]))

        (left,) = Quarantine.objects.get(resolved_at=None).summary["differences"]
        assert left[0] == str(revised[40][0])

    def test_keeps_one_entry(self, revised: Rows) -> None:
        other = other_entry()

        manage("quarantine", "keep", "ACME", "--entry", str(other.pk))

        assert Quarantine.objects.get(resolved_at=None).kind == "bar"


class TestRelease:
    def test_says_what_follows_and_takes_it(self, revised: Rows) -> None:
        said = manage("quarantine", "release", "ACME", "--yes")

        assert "ACME: the provider's 2 values are taken" in said
        assert stored()[20][4] == pytest.approx(10.0)
        assert stored()[40][4] == pytest.approx(10.0)
        entry = Quarantine.objects.get()
        assert (entry.resolution, entry.decided_by) == ("released", "command")

    def test_takes_one_session(self, revised: Rows) -> None:
        manage("quarantine", "release", "ACME", "--session", str(revised[20][0]), "--yes")

        assert stored()[20][4] == pytest.approx(10.0)
        assert stored()[40][4] == 100.0

    def test_takes_one_entry(self, revised: Rows) -> None:
        entry = Quarantine.objects.get()

        manage("quarantine", "release", "ACME", "--entry", str(entry.pk), "--yes")

        assert SyncRun.objects.latest("pk").options["accepted"] == {"ACME": entry.summary["keys"]}

    def test_says_what_would_be_lost_before_it_asks(
        self, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = stored_sixty(provider)
        provider.histories["ACME"] = rows[40:]
        run_sync()
        asked: list[str] = []

        def refuse(question: str) -> str:
            asked.append(question)
            return "no"

        monkeypatch.setattr("builtins.input", refuse)

        with pytest.raises(CommandError, match="Nothing was changed"):
            manage("quarantine", "release", "ACME")

        assert asked == ["Fetch ACME again and take the provider's values? [y/N] "]
        assert len(stored()) == 60
        said = manage("quarantine", "release", "ACME", "--yes")
        assert "REPLACES 60 stored bars; 40 bars would be LOST" in said
        assert len(stored()) == 20

    def test_continues_a_history_that_the_provider_keeps_apart(
        self, provider: FakeProvider
    ) -> None:
        rows = sixty()
        tracked("OTHER")
        published("OTHER", rows=rows[:40], actions=Actions())
        provider.histories["OTHER"] = rows[40:]
        Quarantine.objects.create(
            symbol="OTHER",
            kind="completeness",
            reason="none",
            summary={
                "asked_from": "1900-01-01",
                "bars": 20,
                "first": str(rows[40][0]),
                "last": str(rows[59][0]),
            },
        )

        said = manage("quarantine", "release", "OTHER", "--yes")

        assert "continues the stored one; nothing stored is lost" in said
        assert stored("OTHER") == rows

    def test_refuses_an_impossible_event(self, provider: FakeProvider) -> None:
        stored_sixty(provider)
        Quarantine.objects.create(symbol="ACME", kind="event", reason="a split of 1:0")

        with pytest.raises(CommandError, match=r"a split of 1:0\. It cannot be taken"):
            manage("quarantine", "release", "ACME", "--yes")

        assert facts().kept == frozenset()


@pytest.mark.parametrize("action", ["release", "keep"])
def test_decides_only_about_what_is_open(revised: Rows, action: str) -> None:
    with pytest.raises(CommandError, match="Name the symbols"):
        manage("quarantine", action)
    with pytest.raises(CommandError, match=r"No open entry 999 of ACME|Nothing of ACME"):
        manage("quarantine", action, "ACME", "--entry", "999", "--yes")
    with pytest.raises(CommandError, match="Nothing of ACME is in quarantine"):
        manage("quarantine", action, "ACME", "--session", "2026-01-05", "--yes")

    assert Quarantine.objects.get().resolved_at is None
