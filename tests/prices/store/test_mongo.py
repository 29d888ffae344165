"""The client of MongoDB: lost compare-and-swaps, and what failures are called."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError

from prices.store import mongo
from prices.store.mongo import (
    StoreConflict,
    StoreError,
    StoreUnavailable,
    check_uri,
    failures_named,
    retry_on_conflict,
)


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
            (OperationFailure("disk full", 14031), StoreUnavailable, "MongoDB refused: disk full"),
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
