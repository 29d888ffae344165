"""Measuring how long others wait for SQLite's write lock."""

import time

import pytest
from django.db import transaction

from bench.write_lock import longest_wait


@pytest.mark.django_db(transaction=True)
def test_tells_how_long_a_transaction_kept_others_from_writing() -> None:
    held: list[float] = []

    def hold() -> None:
        with transaction.atomic():
            began = time.monotonic()
            time.sleep(0.3)
            held.append(time.monotonic() - began)

    waited, took = longest_wait(hold)

    assert waited >= held[0]
    assert took >= held[0]
