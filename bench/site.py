"""The product's settings, with the floors' routes beside its own."""

from __future__ import annotations

from pricecache_site.settings import *  # noqa: F403

ROOT_URLCONF = "bench.floors"
