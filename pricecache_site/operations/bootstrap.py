"""Creates what must exist before anything serves: tables, schema, schedules, admin, sample."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from pricecache_site.data_folder import make_content_private, make_private
from pricecache_site.operations.locks import LockHeldError, explain_folder_error, hold_lock
from pricecache_site.operations.models import authorization, issue_token
from prices import services
from prices.jobs import schedules
from prices.models import TrackedSymbol
from prices.providers.base import ProviderError
from prices.reads import ownership
from prices.store.mongo import StoreError
from prices.store.owner import ForeignStoreError
from prices.store.schema import ensure_schema
from prices.symbols.stored import (
    describe_untracked,
    find_untracked,
    keep_listings,
    known_names,
)
from prices.sync.sample import load_sample
from prices.web.database_errors import explain_database_error


@dataclass(frozen=True, slots=True)
class NewAdmin:
    """What an administrator logs in with. `password` is empty if a setting gave it."""

    name: str
    password: str
    token: str
    is_first: bool = True


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` had to create."""

    migrations: int
    admin: NewAdmin | None
    sample: tuple[str, ...]
    sample_problem: str = ""
    untracked: tuple[str, ...] = ()

    def describe(self, url: str) -> str:
        """Returns the lines to print, with the password, which is shown only this once."""
        lines = []
        if self.migrations:
            lines.append(f"{self.migrations} database migrations applied.")
        if self.sample:
            symbols = ", ".join(self.sample)
            lines.append(f"Sample history (2000 to 2013) loaded for {symbols}.")
        if self.sample_problem:
            lines.append(f"No sample history: {self.sample_problem}")
        if self.untracked:
            lines.append(describe_untracked(list(self.untracked)))
        if admin := self.admin:
            password = f"password {admin.password}  (shown this once)"
            lines += [
                "",
                "First start: an administrator was created."
                if admin.is_first
                else "New credentials; the password before does not work any more.",
                f"  user {admin.name}, "
                + (password if admin.password else "password as set by PRICECACHE_ADMIN_PASSWORD"),
                "  the header of API requests that change something (shown this once):",
                f"  {authorization(admin.token)}",
                "If they get lost: manage.py prepare --new-credentials",
                "Try:",
                f"  curl '{url}cache/historical/AAPL?start=2005-01-03&end=2005-12-30'",
                f"  curl -X POST -H 'the header above' {url}cache/sync-historical",
                "",
            ]
        return "\n".join(lines)


def prepare(
    *,
    now: datetime,
    with_sample: bool = True,
    take_over: bool = False,
    new_credentials: bool = False,
) -> Prepared:
    """Creates what is missing. Any number of processes may call it, at every start.

    `take_over` makes a store of another system belong to this one. The caller prints the result, then
    calls `remember_shown`: credentials that nobody saw are made anew at the next call.
    :raises CommandError: the system cannot be prepared.
    """
    try:
        make_folders()
        with hold_lock(settings.DATA_DIR / "run" / "prepare.lock", wait=120):
            return _prepare(now, with_sample, take_over, new_credentials)
    except LockHeldError as error:
        raise CommandError(
            f"Process {error.pid} has been preparing {settings.DATA_DIR} for two minutes: "
            "find out why it takes so long, or end it and start again."
        ) from error
    except DatabaseError as error:
        raise CommandError(explain_database_error(error)) from error
    except ForeignStoreError as error:
        raise CommandError(str(error)) from error
    except StoreError as error:
        raise CommandError(f"{str(error).rstrip('.')}: check that MongoDB runs.") from error
    except OSError as error:
        raise CommandError(explain_folder_error(settings.DATA_DIR, error)) from error


def make_folders() -> None:
    """Creates the folders below the data folder, and closes what is there to other users.

    Version 0.1 left its files readable for everybody.

    :raises OSError: a folder cannot be created.
    """
    make_private(settings.DATA_DIR)
    for name in ("run", "logs", "cache"):
        (settings.DATA_DIR / name).mkdir(exist_ok=True)
    make_content_private(settings.DATA_DIR)


def remember_shown() -> None:
    """Records that the credentials were printed. :raises OSError:"""
    _unshown().unlink(missing_ok=True)


def _unshown() -> Path:
    return Path(settings.DATA_DIR) / "run" / "credentials.unshown"


def _prepare(now: datetime, with_sample: bool, take_over: bool, new_credentials: bool) -> Prepared:
    migrations = _migrate()
    if take_over:
        ownership.take_over(services.connect())
    store = services.database()  # Before anything is created: a system that is refused stays empty.
    call_command("createcachetable", verbosity=0)
    admin = _make_credentials(anew=new_credentials)
    ensure_schema(store)
    schedules.install(now=now)
    catalog, listings = services.catalog(), services.listings()
    # Beside prices that wait to be tracked again, the sample would be taken for the rest of them.
    is_new = not catalog.all() or TrackedSymbol.objects.exists()
    sample, problem = _load_sample(now) if with_sample and is_new else ((), "")
    keep_listings(listings)
    untracked = find_untracked(catalog, listings, known_names())
    return Prepared(migrations, admin, sample, problem, tuple(untracked))


def _migrate() -> int:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        call_command("migrate", verbosity=0, interactive=False)
    return len(plan)


def _make_credentials(*, anew: bool) -> NewAdmin | None:
    """Returns the first administrator, or new credentials if asked to or if nobody saw the last.

    Returns None if there is an administrator already. Tokens that were issued before stay valid.
    """
    admins = get_user_model().objects.filter(is_superuser=True)
    user = admins.filter(username=settings.ADMIN_USER).first() or admins.first()
    if user is None:
        return _create_first_admin()
    if not anew and not _unshown().exists():
        return None
    _unshown().touch()
    password = secrets.token_urlsafe(12)
    user.set_password(settings.ADMIN_PASSWORD or password)
    user.is_active = user.is_staff = True
    user.save(update_fields=["password", "is_active", "is_staff"])
    shown = "" if settings.ADMIN_PASSWORD else password
    return NewAdmin(user.get_username(), shown, issue_token(user), is_first=False)


def _create_first_admin() -> NewAdmin:
    users = get_user_model().objects
    name, password = settings.ADMIN_USER, settings.ADMIN_PASSWORD
    if users.filter(username=name).exists():
        raise CommandError(
            f"There is no administrator, and '{name}' is an ordinary user: set "
            "PRICECACHE_ADMIN_USER to another name."
        )
    _unshown().touch()
    generated = "" if password else secrets.token_urlsafe(12)
    user = users.create_superuser(username=name, password=password or generated)
    return NewAdmin(name=name, password=generated, token=issue_token(user))


def _load_sample(now: datetime) -> tuple[tuple[str, ...], str]:
    """Returns the symbols that got the sample as their history, or why there is no sample."""
    # A start that is killed while it loads leaves the file, and the next one loads the rest.
    unfinished = settings.DATA_DIR / "run" / "sample.unfinished"
    if TrackedSymbol.objects.exists() and not unfinished.exists():
        return (), ""
    unfinished.touch()
    try:
        loaded, problem = tuple(load_sample(services.bars(), now=now)), ""
        for command in settings.SAMPLE_COMMANDS:
            call_command(command, stdout=StringIO())
    except ProviderError as error:
        loaded, problem = (), str(error)
    except CommandError as error:
        problem = str(error)
    unfinished.unlink()
    return loaded, problem
