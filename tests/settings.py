"""The project's settings, in a folder of the test run's own and with a private mongod."""

import os
import tempfile
from pathlib import Path

from tests.support.ports import free_ports

# Before the settings are read: nothing of a developer's own system may be touched. Each process
# that runs tests has a folder and a mongod of its own; the processes that it starts share them.
_RUNNER = os.environ.get("PYTEST_XDIST_WORKER", "")
if os.environ.get("PRICECACHE_TEST_RUNNER") != _RUNNER:
    os.environ["PRICECACHE_TEST_RUNNER"] = _RUNNER
    os.environ["PRICECACHE_TEST_DIR"] = tempfile.mkdtemp(prefix="pricecache-test-")
    os.environ["PRICECACHE_MONGOD_PORT"] = str(free_ports(2))
_FOLDER = os.environ["PRICECACHE_TEST_DIR"]
os.environ["PRICECACHE_DATA_DIR"] = _FOLDER
os.environ["MONGODB_URI"] = ""
# The stand-in bears as many requests as come.
os.environ["PRICECACHE_YAHOO_REQUESTS_PER_MINUTE"] = "1000000"
os.environ["PRICECACHE_YAHOO_BURST"] = "1000000"

from pricecache_site.settings import *  # noqa: E402, F403
from pricecache_site.settings import DATABASES, Q_CLUSTER  # noqa: E402

DATABASES["default"]["TEST"] = {"NAME": Path(_FOLDER) / "test.sqlite3"}
MONGODB_DATABASE = "pricecache_test"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# A test reads what it has just written; those that are about remembering say for how long.
VERSION_TTL = 0.0
# A timer would write in the midst of a test's transaction.
USAGE_FLUSH_SECONDS = 0.0
# Jobs are run by the tests that are about them.
Q_CLUSTER["sync"] = False
