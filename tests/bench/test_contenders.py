"""Answers of the contenders that run in the product's environment, and how wrong ones are found."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.contenders import PEERS, open_store
from bench.contenders.base import Place, Store
from bench.data import TEN_YEARS, YEAR, Book
from bench.tasks import TaskRunner
from prices import services
from prices.store import mongo


@pytest.fixture(scope="module")
def book() -> Book:
    return Book(np.datetime64("2016-01-04") + np.arange(TEN_YEARS))


@pytest.fixture(params=["sqlite", "naive", "pricecache", "busy"])
def contender(
    request: pytest.FixtureRequest, store: mongo.Db, mongod_uri: str, tmp_path: Path
) -> Iterator[Store]:
    opened = open_store(request.param, Place(tmp_path / "data", mongod_uri, store.name))
    yield opened
    opened.close()
    services.forget()
    store.drop_collection("daily")


class TestTasks:
    def test_every_answer_of_a_contender_is_what_was_stored(self, contender: Store, book: Book):
        tasks = TaskRunner(contender, book)

        tasks.load(0, 3, long=1)

        assert len(tasks.read([0, 0], TEN_YEARS, fresh=True)) == 2
        tasks.read([2, 0], YEAR, fresh=False)
        tasks.closes([0, 1, 2], YEAR, fresh=False)
        tasks.coverage([TEN_YEARS, YEAR, YEAR])
        tasks.write(YEAR)
        assert tasks.disk() > 0

    def test_a_wrong_answer_is_an_error(self, tmp_path: Path, book: Book):
        sqlite = open_store("sqlite", Place(tmp_path, "", ""))
        sqlite.write("S0000", book.columns(1, YEAR))

        with pytest.raises(ValueError, match="differs from what was stored"):
            TaskRunner(sqlite, book).read([0], YEAR, fresh=True)
        sqlite.close()


def test_each_contender_has_a_module():
    folder = Path(open_store.__code__.co_filename).parent

    assert all((folder / f"{one.store.partition(':')[0]}.py").is_file() for one in PEERS)
