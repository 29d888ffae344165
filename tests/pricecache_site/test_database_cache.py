"""The cache in the database, which writes nothing when it is only read."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection

from pricecache_site.database_cache import CalmCache

pytestmark = pytest.mark.django_db(transaction=True)


def test_writes_nothing_when_it_is_read() -> None:
    call_command("createcachetable", "looked_at", verbosity=0)
    cache = CalmCache("looked_at", {})
    cache.set("old", 1, timeout=-1)
    cache.set("new", 2, timeout=60)

    with connection.execute_wrapper(_refuse_writing):
        assert cache.get_many(["old", "new"]) == {"new": 2}
        assert cache.get("old") is None

    assert cache.delete("new")
    assert cache.get("new") is None


def test_is_the_cache_of_the_site() -> None:
    from pricecache_site import settings as site

    assert site.CACHES["default"]["BACKEND"] == "pricecache_site.database_cache.CalmCache"
    assert settings.CACHES["default"]["BACKEND"] != site.CACHES["default"]["BACKEND"]
    assert caches["default"] is not None


def _refuse_writing(execute, sql, params, many, context):
    assert sql.lstrip().upper().startswith("SELECT"), sql
    return execute(sql, params, many, context)
