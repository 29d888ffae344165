"""The desk compares every answer; contenders that need no other environment pass it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.contenders import PEERS, opened
from bench.contenders.base import Place, Store
from bench.data import SPARE, TEN_YEARS, YEAR, Book, make_book
from bench.worker import Desk, WrongAnswerError
from prices import services
from prices.store import mongo


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    sessions = np.datetime64("2016-01-04") + np.arange(TEN_YEARS + SPARE)
    return make_book(tmp_path_factory.mktemp("book"), sessions)


@pytest.fixture(params=["sqlite", "naive", "pricecache", "busy"])
def contender(
    request: pytest.FixtureRequest, store: mongo.Db, mongod_uri: str, tmp_path: Path
) -> Iterator[Store]:
    opened_ = opened(request.param, Place(tmp_path / "data", mongod_uri, store.name))
    yield opened_
    opened_.release()
    services.forget()
    store.drop_collection("daily")


class TestDesk:
    def test_every_answer_of_a_contender_is_what_was_stored(self, contender: Store, book: Book):
        desk = Desk(contender, book)

        desk.load(0, 1, TEN_YEARS)
        desk.load(1, 2, YEAR)

        desk.read([0], TEN_YEARS, fresh=True, check=True)
        desk.read([2, 0], YEAR, check=True)
        desk.closes([0, 1, 2], YEAR, check=True)
        desk.latest(3, check=True)
        desk.coverage([TEN_YEARS, YEAR, YEAR], check=True)
        desk.append(1, 2, 0, check=True)
        desk.write(YEAR, check=True)
        assert desk.disk() > 0

    def test_a_wrong_answer_is_no_answer(self, tmp_path: Path, book: Book):
        sqlite = opened("sqlite", Place(tmp_path, "", ""))
        desk = Desk(sqlite, book)
        sqlite.write("S0000", book.columns(1, YEAR))

        with pytest.raises(WrongAnswerError, match="bars differ"):
            desk.read([0], YEAR, check=True)
        sqlite.release()


def test_the_peers_modules_are_where_the_list_says():
    folder = Path(opened.__code__.co_filename).parent

    assert all((folder / f"{one.target.partition(':')[0]}.py").is_file() for one in PEERS)
