"""What has to exist before anything serves: tables, schema, schedules, a way in, the sample."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from io import StringIO

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from rest_framework.authtoken.models import Token

from pricecache_site.operations.locks import LockHeldError, hold_lock
from prices import services
from prices.jobs import schedules
from prices.models import TrackedSymbol
from prices.providers.base import ProviderError
from prices.store.mongo import StoreError
from prices.sync.sample import load_sample
from prices.web.database_errors import explain_database_error


class PrepareError(Exception):
    """The system cannot be made ready; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class NewAdmin:
    """The first administrator. The password is empty if it was given by a setting."""

    name: str
    password: str
    token: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was not there yet."""

    migrations: int
    admin: NewAdmin | None
    sample: tuple[str, ...]
    sample_problem: str = ""


def prepare(*, now: datetime, with_sample: bool = True) -> Prepared:
    """Makes whatever is missing; may be called at every start, by any number of processes.

    :raises PrepareError:
    """
    try:
        make_folders()
        with hold_lock(settings.DATA_DIR / "run" / "prepare.lock", wait=120):
            return _prepare(now, with_sample)
    except LockHeldError as error:
        raise PrepareError(
            f"Process {error.pid} has been preparing {settings.DATA_DIR} for two minutes: "
            "see what holds it up, or end it and start again."
        ) from error
    except DatabaseError as error:
        raise PrepareError(explain_database_error(error)) from error
    except StoreError as error:
        raise PrepareError(f"{str(error).rstrip('.')}: see that MongoDB runs.") from error
    except OSError as error:
        raise PrepareError(
            f"The data folder {settings.DATA_DIR} cannot be written ({error.strerror}): make it "
            "writable, or set PRICECACHE_DATA_DIR to another folder."
        ) from error


def make_folders() -> None:
    """The folders below the data folder. :raises OSError:"""
    for name in ("run", "logs", "cache"):
        (settings.DATA_DIR / name).mkdir(parents=True, exist_ok=True)


def _prepare(now: datetime, with_sample: bool) -> Prepared:
    migrations = _migrate()
    call_command("createcachetable", verbosity=0)
    admin = _first_admin()
    services.ensure_schema()
    schedules.install(now=now)
    sample, problem = _load_sample(now) if with_sample else ((), "")
    return Prepared(migrations=migrations, admin=admin, sample=sample, sample_problem=problem)


def _migrate() -> int:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        call_command("migrate", verbosity=0, interactive=False)
    return len(plan)


def _first_admin() -> NewAdmin | None:
    """Makes one where there is none at all."""
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    name, given = settings.ADMIN_USER, settings.ADMIN_PASSWORD
    if users.filter(username=name).exists():
        raise PrepareError(
            f"There is no administrator, and '{name}' is an ordinary user: set "
            "PRICECACHE_ADMIN_USER to another name."
        )
    made = "" if given else secrets.token_urlsafe(12)
    user = users.create_superuser(username=name, password=given or made)
    token, _ = Token.objects.get_or_create(user=user)
    return NewAdmin(name=name, password=made, token=token.key)


def _load_sample(now: datetime) -> tuple[tuple[str, ...], str]:
    """The symbols that have the sample as their history now, or why none could be had."""
    unfinished = settings.DATA_DIR / "run" / "sample.unfinished"
    if TrackedSymbol.objects.exists() and not unfinished.exists():
        return (), ""
    # A start that is killed in the middle leaves the mark, and the next one goes on.
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
