"""What tests share: one mongod a run, a clean store a test, and builders of prices."""

import gc
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client
from hypothesis import settings as hypothesis_settings
from whitenoise.middleware import WhiteNoiseMiddleware

from prices import services
from prices.domain.sessions import declare
from prices.reads import ownership
from prices.store import mongo
from prices.store.schema import ensure_schema
from prices.symbols import overrides
from tests.support.builders import NOW
from tests.support.fakes import FakeProvider
from tests.support.hundred import Hundred, running_hundred
from tests.support.mongod import running_mongod
from tests.support.unreachable import unreachable_store

# Properties are tried with the same examples in every run, which must not fail by chance. To look
# for new ones: `pytest --hypothesis-profile=search`.
hypothesis_settings.register_profile("suite", deadline=None, max_examples=60, derandomize=True)
hypothesis_settings.register_profile("search", deadline=None, max_examples=1_000)
hypothesis_settings.load_profile("suite")

# The files whose tests take longest, begun first, so that no worker ends long after the other. The
# two that start whole systems do not run beside each other, because they take two processors each.
_LONG = (
    "system/test_up.py",
    "scenarios/test_steady_state.py",
    "scenarios/test_bad_days.py",
    "system/test_whole_system.py",
    "browser/admin/test_symbol_pages.py",
    "browser/admin/test_dashboard_pages.py",
    "browser/portfolio/test_symbol_pages.py",
    "scenarios/",
    "system/",
    "browser/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((at for at, long in enumerate(_LONG) if f"tests/{long}" in item.nodeid), 99)

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """What is imported by now stays: the collector need not visit it during every test."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Nothing of the run is left, also of the process that only hands out the tests."""
    shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _static_files_once() -> Iterator[None]:
    """Every client of a test has a middleware of its own, and would list all static files again."""
    list_files = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, object] = {}

    def add_files(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            list_files(middleware)
            found.update(middleware.files)
        middleware.files.update(found)

    with mock.patch.object(WhiteNoiseMiddleware, "add_files_from_finders", add_files):
        yield


@pytest.fixture(autouse=True)
def _overrides(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No process of a test looks by chance for what people declared, which would be a query.

    Nor does it check who owns the store; processes that a test starts do.
    """
    monkeypatch.setattr(overrides, "_next_check", math.inf)
    monkeypatch.setattr(ownership, "_next_check", math.inf)
    yield
    declare({})


@pytest.fixture(scope="session")
def mongod_uri() -> Iterator[str]:
    """A real server of this run's own; that it cannot start is a failure, not a skip."""
    with running_mongod(data_dir=settings.DATA_DIR, port=settings.MONGOD_PORT) as uri:
        yield uri
        mongo.disconnect(settings.MONGODB_URI)


@pytest.fixture(scope="session")
def _schema(mongod_uri: str) -> mongo.Db:
    db = mongo.database(settings.MONGODB_URI, settings.MONGODB_DATABASE)
    ensure_schema(db)
    return db


def empty(db: mongo.Db) -> None:
    """Forgets what is stored, and what this process knows of it."""
    for name in db.list_collection_names(filter={"name": {"$not": {"$regex": "^system"}}}):
        # A time-series collection deletes by its metaField alone, which an empty filter is not.
        db[name].delete_many({})
    services.forget()
    cache.clear()


@pytest.fixture
def store(_schema: mongo.Db) -> Iterator[mongo.Db]:
    """The database with its schema and nothing in it."""
    yield _schema
    empty(_schema)


@pytest.fixture
def recordings() -> Path:
    """Real recorded answers, which lie beside the repository and not in it."""
    folder = Path(settings.BASE_DIR).parent / "shared" / "yahoo"
    if not folder.is_dir():
        pytest.skip("the recorded answers are not beside the repository (../shared/yahoo)")
    return folder


@pytest.fixture
def provider(store: mongo.Db, monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    """A provider under the test's control, wired in place of Yahoo."""
    fake = FakeProvider()
    monkeypatch.setattr(services, "build_provider", lambda: fake)
    services.forget()
    return fake


@pytest.fixture(scope="module")
def _hundred(_schema: mongo.Db) -> Iterator[Hundred]:
    with running_hundred() as running:
        yield running
    empty(_schema)


@pytest.fixture
def hundred(_hundred: Hundred, db: None) -> Iterator[Hundred]:
    """A hundred healthy symbols that are tracked and complete, and the jobs that sync them."""
    with _hundred.running():
        yield _hundred


@pytest.fixture
def fixed_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is `NOW`."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)


@pytest.fixture
def staff(client: Client) -> User:
    """Signed in, and may only look."""
    user = User.objects.create_user("carol", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)
    return user


@pytest.fixture
def no_store() -> Iterator[None]:
    """MongoDB does not answer."""
    with unreachable_store():
        yield
