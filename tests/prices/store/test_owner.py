"""Owners of a database: the first one takes it, also of several at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from prices.store.owner import ForeignStoreError, Owner, claim, take_over

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADA, BOB = Owner("a", "web1", "/srv/ada"), Owner("b", "web2", "/srv/bob")


def test_the_first_owner_takes_the_database_and_may_come_again(store) -> None:
    claim(store, ADA, now=NOW)
    claim(store, ADA, now=NOW)

    assert store["owner"].find_one() == {
        "_id": "owner",
        "id": "a",
        "host": "web1",
        "folder": "/srv/ada",
        "taken_at": NOW,
    }


def test_another_owner_is_told_whose_it_is_and_what_to_do(store) -> None:
    claim(store, ADA, now=NOW)

    with pytest.raises(ForeignStoreError) as refused:
        claim(store, BOB, now=NOW)

    assert str(refused.value) == (
        "The MongoDB database “pricecache_test” belongs to another system (host web1, data folder "
        "/srv/ada, since 2026-11-23). Set MONGODB_DATABASE to another name. Only if that system is "
        "gone, take its prices over with: manage.py prepare --take-over"
    )


def test_of_many_that_come_at_once_one_gets_it(store) -> None:
    def try_to(number: int) -> bool:
        try:
            claim(store, Owner(str(number), "h", "/f"), now=NOW)
        except ForeignStoreError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        got_it = list(pool.map(try_to, range(16)))

    assert got_it.count(True) == 1
    assert store["owner"].find_one()["id"] == str(got_it.index(True))


def test_after_a_take_over_the_former_owner_is_refused(store) -> None:
    claim(store, ADA, now=NOW)

    take_over(store, BOB, now=NOW)

    claim(store, BOB, now=NOW)
    with pytest.raises(ForeignStoreError, match="host web2"):
        claim(store, ADA, now=NOW)
