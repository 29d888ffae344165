"""Following: what a look finds, and how much it asks for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from prices.store.change_follower import ChangeFollower
from prices.store.mongo import Db
from tests.support.work import counting

NOON = datetime(2026, 6, 9, 12, tzinfo=UTC)


@pytest.fixture
def things(store: Db) -> Iterator[Db]:
    yield store
    store["things"].drop()


@pytest.fixture
def following(things: Db) -> ChangeFollower:
    return ChangeFollower(things["things"], time="at", stamp="version", only={"kind": "a"})


def put(things: Db, name: str, version: int, at: datetime = NOON, kind: str = "a") -> None:
    document = {"_id": name, "version": version, "at": at, "kind": kind, "value": version * 10}
    things["things"].replace_one({"_id": name}, document, upsert=True)


def values(following: ChangeFollower) -> dict[str, int]:
    return {d["_id"]: d["value"] for d in following.changes({"value": 1})}


class TestFollowing:
    def test_finds_everything_once_and_then_what_changed(
        self, things: Db, following: ChangeFollower
    ) -> None:
        assert values(following) == {}
        put(things, "one", 1)
        put(things, "two", 1)
        put(things, "other", 1, kind="b")

        assert values(following) == {"one": 10, "two": 10}
        assert values(following) == {}

        put(things, "two", 2, NOON + timedelta(seconds=1))
        put(things, "three", 1, NOON + timedelta(seconds=1))
        assert values(following) == {"two": 20, "three": 10}

    def test_finds_what_became_visible_behind_its_time(
        self, things: Db, following: ChangeFollower
    ) -> None:
        put(things, "one", 1)
        values(following)

        put(things, "late", 1, NOON - timedelta(seconds=20))
        put(things, "one", 2)  # in the same millisecond as its last change

        assert values(following) == {"late": 10, "one": 20}

    def test_looks_only_forward_once_the_latest_change_is_old(
        self, things: Db, following: ChangeFollower, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(things, "one", 1)
        values(following)
        later = time.monotonic() + 31
        monkeypatch.setattr("prices.store.change_follower.time.monotonic", lambda: later)

        put(things, "impossible", 1, NOON - timedelta(seconds=20))
        put(things, "two", 1, NOON + timedelta(milliseconds=1))

        assert values(following) == {"two": 10}

    def test_does_not_fetch_again_what_it_knows(
        self, things: Db, following: ChangeFollower
    ) -> None:
        for n in range(50):
            put(things, str(n), 1)
        values(following)

        with counting() as work:
            assert values(following) == {}

        assert work.commands == ["find"]  # of names and stamps; none of the documents

    def test_takes_one_look_when_nothing_changed_for_long(
        self, things: Db, following: ChangeFollower, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(things, "one", 1)
        values(following)
        later = time.monotonic() + 31
        monkeypatch.setattr("prices.store.change_follower.time.monotonic", lambda: later)

        with counting() as work:
            assert values(following) == {}

        assert work.commands == ["find"]
