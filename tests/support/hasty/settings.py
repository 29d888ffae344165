"""Several machines as one system: each has its own data folder, and all share the Django database."""

import os

from pricecache_site.settings import *  # noqa: F403
from pricecache_site.settings import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.support.hasty"]
DATABASES["default"]["NAME"] = os.environ["SHARED_DATABASE"]
