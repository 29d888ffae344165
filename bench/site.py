"""The product's settings, with the floors' routes beside its own."""

from __future__ import annotations

from pricecache_site.settings import *  # noqa: F403
from pricecache_site.settings import CONTENT_SECURITY_POLICY

ROOT_URLCONF = "bench.floors"
# Neither are they pages; beside them the product would save what they pay.
_prefixes = [*CONTENT_SECURITY_POLICY["EXCLUDE_URL_PREFIXES"], "/bench/"]
CONTENT_SECURITY_POLICY = {**CONTENT_SECURITY_POLICY, "EXCLUDE_URL_PREFIXES": _prefixes}
