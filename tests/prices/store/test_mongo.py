"""The client of MongoDB: lost compare-and-swaps, names of failures, and following changes."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from prices.store import mongo
from prices.store.mongo import (
    ChangeFollower,
    Db,
    StoreConflict,
    StoreError,
    StoreUnavailable,
    check_uri,
    failures_named,
    retry_on_conflict,
)
from tests.support.counting import counting

NOON = datetime(2026, 6, 9, 12, tzinfo=UTC)


class TestRetryOnConflict:
    def test_returns_the_result_after_conflicts(self) -> None:
        results: Iterator[int | Exception] = iter([StoreConflict("1"), StoreConflict("2"), 42])

        def attempt() -> int:
            result = next(results)
            if isinstance(result, Exception):
                raise result
            return result

        assert retry_on_conflict(attempt, "ACME") == 42

    def test_gives_up_after_many_conflicts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mongo, "_MAX_ATTEMPTS", 3)
        attempts = []

        def attempt() -> None:
            attempts.append(1)
            raise StoreConflict("again")

        with pytest.raises(StoreError) as caught:
            retry_on_conflict(attempt, "ACME")

        assert str(caught.value) == "Other processes kept changing ACME. Try again."
        assert len(attempts) == 3

    def test_passes_other_errors_on(self) -> None:
        def attempt() -> None:
            raise StoreUnavailable("away")

        with pytest.raises(StoreUnavailable):
            retry_on_conflict(attempt, "ACME")


class TestFailuresNamed:
    @pytest.mark.parametrize(
        ("error", "kind", "message"),
        [
            (
                ServerSelectionTimeoutError("no server, Timeout: 3s, Topology"),
                StoreUnavailable,
                "MongoDB does not answer: no server",
            ),
            (
                OperationFailure("available disk space of 4 bytes is less than required", 14031),
                StoreUnavailable,
                "MongoDB's disk is full: make room on its machine.",
            ),
            (OperationFailure("not today", 1), StoreUnavailable, "MongoDB refused: not today"),
            (
                OperationFailure("only allowed on a replica set member", 20),
                StoreError,
                "MongoDB runs as a standalone server. Start it with --replSet and initiate it once.",
            ),
        ],
    )
    def test_says_what_the_driver_reports(
        self, error: Exception, kind: type[StoreError], message: str
    ) -> None:
        with pytest.raises(kind) as caught, failures_named():
            raise error

        assert type(caught.value) is kind
        assert str(caught.value) == message


class TestCheckUri:
    @pytest.mark.parametrize("uri", ["mongodb://127.0.0.1:27017/", "mongodb+srv://anything"])
    def test_accepts_a_uri_without_connecting(self, uri: str) -> None:
        check_uri(uri)

    def test_refuses_what_is_no_uri(self) -> None:
        with pytest.raises(StoreError):
            check_uri("http://127.0.0.1/")


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
        monkeypatch.setattr("prices.store.mongo.time.monotonic", lambda: later)

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
        monkeypatch.setattr("prices.store.mongo.time.monotonic", lambda: later)

        with counting() as work:
            assert values(following) == {}

        assert work.commands == ["find"]
