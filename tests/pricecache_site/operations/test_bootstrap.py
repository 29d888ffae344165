"""`prepare` on an empty system, on a prepared one, and when something is wrong."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError
from django.db import DatabaseError
from django.test import Client
from django_q.models import Schedule

from pricecache_site.operations import bootstrap
from pricecache_site.operations.bootstrap import NewAdmin, Prepared, prepare, remember_shown
from pricecache_site.operations.locks import hold_lock
from pricecache_site.operations.models import ApiToken
from prices.models import TrackedSymbol
from prices.store.mongo import StoreUnavailable

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def data_dir(tmp_path: Path, settings, store) -> Path:
    settings.DATA_DIR = tmp_path
    settings.ADMIN_USER, settings.ADMIN_PASSWORD = "ada", ""
    return tmp_path


@pytest.mark.django_db
class TestPrepare:
    def test_creates_an_administrator_the_schedules_and_the_sample(self, data_dir):
        prepared = prepare(now=NOW)

        admin = prepared.admin
        assert admin is not None
        user = get_user_model().objects.get(username="ada")
        assert user.is_superuser
        assert user.check_password(admin.password)
        answer = Client().get("/cache/status", headers={"Authorization": f"Token {admin.token}"})
        assert answer.status_code == 200
        stored = ApiToken.objects.get(user=user)
        assert admin.token not in (stored.digest, stored.token_key)
        assert set(prepared.sample) == {"AAPL", "GOOG", "IBM", "META", "MSFT"}
        assert Schedule.objects.filter(name="historical_sync").exists()
        assert {"run", "logs", "cache"} <= {path.name for path in data_dir.iterdir()}

    def test_creates_nothing_a_second_time(self, data_dir):
        prepare(now=NOW)
        remember_shown()

        again = prepare(now=NOW)

        assert again == Prepared(migrations=0, admin=None, sample=())

    def test_uses_the_password_of_the_setting_and_does_not_show_it(self, data_dir, settings):
        settings.ADMIN_PASSWORD = "from the environment"  # noqa: S105

        prepared = prepare(now=NOW, with_sample=False)

        assert prepared.admin is not None
        assert prepared.admin.password == ""
        assert get_user_model().objects.get().check_password("from the environment")

    def test_a_start_that_was_killed_before_it_printed_is_made_up_for(self, data_dir):
        lost = prepare(now=NOW, with_sample=False).admin  # killed: nobody saw it

        made = prepare(now=NOW, with_sample=False)
        remember_shown()

        assert made.admin is not None
        assert lost is not None
        assert made.admin.password not in ("", lost.password)
        assert get_user_model().objects.get().check_password(made.admin.password)
        assert "the password before does not work any more" in made.describe("http://h:1/")
        assert prepare(now=NOW, with_sample=False).admin is None

    def test_makes_new_credentials_on_demand(self, data_dir):
        first = prepare(now=NOW, with_sample=False).admin
        remember_shown()

        again = prepare(now=NOW, with_sample=False, new_credentials=True).admin

        assert first is not None
        assert again is not None
        user = get_user_model().objects.get()
        assert user.check_password(again.password)
        for token in (first.token, again.token):  # Clients with the old token go on working.
            head = {"Authorization": f"Token {token}"}
            answer = Client().post("/cache/try-now", {}, "application/json", headers=head)
            assert answer.status_code == 202

    def test_loads_no_sample_if_told_not_to(self, data_dir):
        assert prepare(now=NOW, with_sample=False).sample == ()
        assert not TrackedSymbol.objects.exists()

    def test_loads_no_sample_if_symbols_are_tracked(self, data_dir):
        TrackedSymbol.objects.create(symbol="VOD.L")

        assert prepare(now=NOW).sample == ()

    def test_completes_a_sample_that_was_interrupted(self, data_dir):
        TrackedSymbol.objects.create(symbol="AAPL")
        (data_dir / "run").mkdir()
        (data_dir / "run" / "sample.unfinished").touch()

        assert len(prepare(now=NOW).sample) == 5
        assert prepare(now=NOW).sample == ()

    def test_does_not_promote_an_ordinary_user(self, data_dir):
        get_user_model().objects.create_user("ada")

        with pytest.raises(CommandError, match="PRICECACHE_ADMIN_USER to another name"):
            prepare(now=NOW)

    def test_names_the_process_that_has_been_preparing_for_long(self, data_dir, monkeypatch):
        holder = hold_lock(data_dir / "run" / "prepare.lock")
        monkeypatch.setattr(bootstrap, "hold_lock", lambda path, wait: hold_lock(path, wait=0.1))

        with holder, pytest.raises(CommandError, match=r"Process \d+ has been preparing"):
            prepare(now=NOW)

    @pytest.mark.parametrize(
        ("fault", "sentence"),
        [
            (DatabaseError("file is not a database"), "not a valid SQLite database"),
            (DatabaseError("database disk image is malformed"), "not a valid SQLite database"),
            (DatabaseError("unable to open database file"), "cannot be written"),
            (DatabaseError("attempt to write a readonly database"), "cannot be written"),
            (DatabaseError("database or disk is full"), "The disk with .* is full"),
            (DatabaseError("something else"), "failed: something else"),
            (PermissionError(13, "Permission denied"), r"cannot be used \(Permission denied\)"),
            (StoreUnavailable("MongoDB does not answer: refused"), "check that MongoDB runs"),
        ],
    )
    def test_explains_what_is_wrong(self, data_dir, monkeypatch, fault, sentence):
        def fail(*args: object) -> None:
            raise fault

        monkeypatch.setattr(bootstrap, "_prepare", fail)

        with pytest.raises(CommandError, match=sentence):
            prepare(now=NOW)


class TestDescribe:
    def test_shows_the_password_and_a_command_to_paste(self):
        prepared = Prepared(migrations=1, admin=NewAdmin("ada", "pw", "tok"), sample=("AAPL",))

        lines = prepared.describe("http://h:1/").splitlines()

        assert "  user ada, password pw  (shown this once)" in lines
        assert "  Authorization: Token tok" in lines

    def test_is_empty_if_nothing_was_created(self):
        assert Prepared(migrations=0, admin=None, sample=()).describe("") == ""
