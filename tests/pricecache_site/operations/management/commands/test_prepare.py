"""`manage.py prepare` of several systems on one MongoDB, each a data folder of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from prices.store import mongo
from tests.support.whole_system import System

SERIES = {"AAPL", "GOOG", "IBM", "META", "MSFT"}


class Shared:
    """A MongoDB database, and systems that want to use it."""

    def __init__(self, uri: str, folder: Path) -> None:
        self.folder = folder
        self.db = mongo.database(uri, "several_systems")
        self._env = {"MONGODB_URI": uri, "MONGODB_DATABASE": self.db.name}

    def system(self, name: str) -> System:
        (self.folder / name).mkdir(exist_ok=True)
        return System(self.folder / name, 9, self._env)

    def held(self) -> dict[str, Any]:
        """Returns the symbols of all series with the versions of their manifests."""
        return {d["symbol"]: d["version"] for d in self.db["series"].find()}


@pytest.fixture
def shared(mongod_uri: str, tmp_path: Path) -> Iterator[Shared]:
    shared = Shared(settings.MONGODB_URI, tmp_path)
    yield shared
    shared.db.client.drop_database(shared.db.name)


def refused(system: System, *args: str) -> str:
    done = system.run(*args)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    return said


@pytest.mark.timeout(300)
def test_a_second_system_can_neither_write_nor_delete(shared: Shared) -> None:
    first, second = shared.system("first"), shared.system("second")
    first.manage("prepare")
    before = shared.held()
    assert before.keys() == SERIES

    said = [
        refused(second, *words.split())
        for words in ("prepare", "up", "cluster", "untrack IBM --delete --yes", "load_sample")
    ]

    for sentences in said:
        assert "“several_systems” belongs to another system" in sentences
        assert f"data folder {shared.folder}/first/var" in sentences
        assert "Set MONGODB_DATABASE to another name" in sentences
    assert "password" not in "".join(said).lower()
    assert shared.held() == before
    # With its own database it works, and the first system's series stay as they are.
    second.env["MONGODB_DATABASE"] = "several_systems_2"
    try:
        second.manage("prepare", "--no-sample")
    finally:
        shared.db.client.drop_database("several_systems_2")
    assert shared.held() == before


@pytest.mark.timeout(300)
def test_a_system_finds_its_prices_again_without_its_sqlite_and_gives_them_up_on_demand(
    shared: Shared,
) -> None:
    first, second = shared.system("first"), shared.system("second")
    first.manage("prepare")
    before = shared.held()
    for file in (shared.folder / "first" / "var").glob("pricecache.sqlite3*"):
        file.unlink()
    lost = "5 stored symbols are not tracked: AAPL, GOOG, IBM, META, MSFT. manage.py track --stored"

    checked = first.manage("check")
    prepared = first.manage("prepare")

    assert "There is no" in checked
    assert lost in checked
    assert lost in prepared
    assert lost in first.manage("check")
    assert shared.held() == before  # Not even the sample was loaded over it.
    assert "IBM: tracked again, 3,270 bars" in first.manage("track", "--stored")
    assert "not tracked" not in first.manage("check")
    second.manage("prepare", "--no-sample", "--take-over")
    assert f"data folder {shared.folder}/second/var" in refused(first, "prepare")
