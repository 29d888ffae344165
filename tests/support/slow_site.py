"""A site whose requests take a while and tell which worker answered; served as the product is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable

# What the server's configuration counts on: Django is set up.
import pricecache_site.wsgi  # noqa: F401


def application(environ: dict[str, object], start: Callable[..., object]) -> Iterable[bytes]:
    time.sleep(0.4)
    start("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
