"""The product's settings, with two more views to compare its own with."""

from __future__ import annotations

from pricecache_site.settings import *  # noqa: F403
from pricecache_site.settings import CONTENT_SECURITY_POLICY

ROOT_URLCONF = "bench.urls"
# The product's own API is excluded from the page policy too.
_excluded = [*CONTENT_SECURITY_POLICY["EXCLUDE_URL_PREFIXES"], "/bench/"]
CONTENT_SECURITY_POLICY = {**CONTENT_SECURITY_POLICY, "EXCLUDE_URL_PREFIXES": _excluded}
