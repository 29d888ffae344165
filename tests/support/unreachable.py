"""A store whose MongoDB does not answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.test import override_settings
from pymongo import MongoClient

from prices import services
from prices.store import mongo

_NO_SERVER = "mongodb://127.0.0.1:9/?directConnection=true"


def _connect(uri: str, **options: Any) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, **{**options, "serverSelectionTimeoutMS": 0})


@contextmanager
def unreachable_store() -> Iterator[None]:
    """Directs the services to a port without a server, which they give up at once.

    With the timeout of production, each request would take three seconds.
    """
    with (
        override_settings(MONGODB_URI=_NO_SERVER),
        mock.patch.object(mongo, "MongoClient", _connect),
    ):
        services.forget()
        try:
            yield
        finally:
            mongo.disconnect(_NO_SERVER)
            services.forget()
