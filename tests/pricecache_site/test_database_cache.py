"""The cache in the database: reads never write."""

import pytest
from django.core.management import call_command
from django.db import connection

from pricecache_site import settings
from pricecache_site.database_cache import ReadOnlyLookupCache

pytestmark = pytest.mark.django_db


def refuse_writes(execute, sql, params, many, context):
    assert sql.lstrip().upper().startswith("SELECT"), sql
    return execute(sql, params, many, context)


def test_looking_up_an_expired_entry_does_not_delete_it() -> None:
    call_command("createcachetable", "lookups", verbosity=0)
    cache = ReadOnlyLookupCache("lookups", {})
    cache.set("old", 1, timeout=-1)
    cache.set("new", 2, timeout=60)

    with connection.execute_wrapper(refuse_writes):
        assert cache.get_many(["old", "new"]) == {"new": 2}
        assert cache.get("old") is None

    assert cache.delete("new")
    assert cache.get("new") is None


def test_is_the_cache_of_the_site() -> None:
    backend = f"{ReadOnlyLookupCache.__module__}.{ReadOnlyLookupCache.__name__}"

    assert settings.CACHES["default"]["BACKEND"] == backend
