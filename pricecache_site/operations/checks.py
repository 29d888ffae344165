"""System checks of the settings: `manage.py check` names each wrong one and what to do."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.module_loading import import_string

from pricecache_site.data_folder import OTHERS
from prices.domain.calendars import describe_calendar_ends
from prices.models import TrackedSymbol
from prices.store import mongo

# (variable, setting, minimum, maximum, check id)
_LIMITS = (
    ("PRICECACHE_PORT", "WEB_PORT", 1, 65_535, "prices.E003"),
    ("PRICECACHE_MONGOD_PORT", "MONGOD_PORT", 1, 65_535, "prices.E003"),
    ("PRICECACHE_WEB_WORKERS", "WEB_WORKERS", 1, 100, "prices.E004"),
    ("PRICECACHE_WEB_THREADS", "WEB_THREADS", 1, 1_000, "prices.E004"),
    ("PRICECACHE_CLUSTER_WORKERS", "CLUSTER_WORKERS", 1, 100, "prices.E004"),
    ("PRICECACHE_YAHOO_THREADS", "YAHOO_THREADS", 1, 100, "prices.E004"),
    ("PRICECACHE_YAHOO_REQUESTS_PER_MINUTE", "YAHOO_REQUESTS_PER_MINUTE", 1, 10**7, "prices.E004"),
    ("PRICECACHE_YAHOO_BURST", "YAHOO_BURST", 1, 10**7, "prices.E004"),
    # With a longer timeout, a fetch would outlast its lease on the series.
    ("PRICECACHE_YAHOO_TIMEOUT_SECONDS", "YAHOO_TIMEOUT_SECONDS", 0.1, 60, "prices.E005"),
    ("PRICECACHE_HISTORY_YEARS", "HISTORY_YEARS", 0, 200, "prices.E006"),
    ("PRICECACHE_MONGOD_CACHE_GB", "MONGOD_CACHE_GB", 0.25, 10_000, "prices.E007"),
    ("PRICECACHE_VERIFY_SAMPLE", "VERIFY_SAMPLE", 0, 100_000, "prices.E009"),
    ("PRICECACHE_SERIES_MEMORY_MB", "SERIES_MEMORY_MB", 0, 1_000_000, "prices.E011"),
    ("PRICECACHE_HSTS_SECONDS", "SECURE_HSTS_SECONDS", 0, 10**9, "prices.E013"),
    ("PRICECACHE_PROXIES", "PROXIES", 0, 10, "prices.E014"),
    ("PRICECACHE_VERSION_TTL", "VERSION_TTL", 0, 3_600, "prices.E012"),
)


@checks.register()
def settings_check(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    found: list[checks.CheckMessage] = [
        checks.Error(message, hint=hint, id=check_id) for message, hint, check_id in _problems()
    ]
    if settings.DEBUG:
        found.append(
            checks.Warning(
                "PRICECACHE_DEBUG is on: error pages show internals of the system to everybody.",
                hint="Turn it on only on your own machine.",
                id="prices.W001",
            )
        )
    return found


@checks.register()
def privacy_check(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warns of a data folder that stays open to other users: it belongs to somebody else."""
    folder = settings.DATA_DIR
    if not folder.exists() or not folder.stat().st_mode & OTHERS:
        return []
    return [
        checks.Warning(
            f"Other users of this machine can enter the data folder {folder}.",
            hint=f"Take their rights away: chmod 700 {folder}",
            id="prices.W003",
        )
    ]


@checks.register()
def calendar_check(app_configs: Any, **kwargs: Any) -> list[checks.CheckMessage]:
    """Warns of calendars in use that have ended or end soon. It builds none of them."""
    found: list[checks.CheckMessage] = []
    for sentences in describe_calendar_ends(_exchanges_in_use(), timezone.now()):
        message, hint = sentences.split(". ", 1)
        found.append(checks.Warning(f"{message}.", hint=hint, id="prices.W002"))
    return found


def _exchanges_in_use() -> set[str]:
    """Returns the MICs of active symbols; nothing without a database or its tables."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and "memory" not in str(name) and not Path(name).exists():
        return set()  # SQLite would create the file.
    was_open = connection.connection is not None
    try:
        rows = TrackedSymbol.objects.filter(active=True).order_by()
        return set(rows.values_list("mic", flat=True).distinct())
    except DatabaseError:
        return set()
    finally:
        if not was_open:
            connection.close()  # Commands that fork must not share a connection.


def _problems() -> Iterator[tuple[str, str, str]]:
    """Yields the message, the hint and the check id of each wrong setting."""
    for name, value, expected in settings.UNREADABLE:
        hint = "Correct it in the environment or in .env; README lists all settings."
        yield f"{name} is not {expected}: {value!r}. The default is used.", hint, "prices.E000"
    if problem := _mongodb_uri_problem():
        hint = "Give a URI as in mongodb://host:27017/?replicaSet=rs0, or leave it empty for the embedded server."
        yield f"MONGODB_URI {problem}.", hint, "prices.E001"
    if settings.YAHOO_PROXY and not _is_proxy(settings.YAHOO_PROXY):
        hint = "Give it as in http://127.0.0.1:3128, or leave it empty."
        yield "PRICECACHE_YAHOO_PROXY is not the address of a proxy.", hint, "prices.E002"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", settings.MONGODB_DATABASE):
        hint = "Give a name of up to 63 letters, digits, - and _, as in pricecache."
        yield f"MONGODB_DATABASE is {settings.MONGODB_DATABASE!r}.", hint, "prices.E010"
    for name, setting, minimum, maximum, check_id in _LIMITS:
        number = getattr(settings, setting) or 0
        if not minimum <= number <= maximum:
            yield f"{name} is {number}.", f"Give {minimum} to {maximum:,}.", check_id
    if problem := _provider_problem(settings.PRICES_PROVIDER):
        hint = "Give the dotted path of a provider class, or leave it empty for Yahoo."
        yield f"PRICECACHE_PROVIDER {problem}.", hint, "prices.E008"


def _mongodb_uri_problem() -> str:
    """Returns what is wrong with the URI, without its password, or an empty string."""
    if not settings.MONGODB_URI.startswith(("mongodb://", "mongodb+srv://")):
        return "does not begin with mongodb://"
    try:
        mongo.check_uri(settings.MONGODB_URI)
    except mongo.StoreError as error:
        return f"cannot be used: {str(error).rstrip('.')}"
    return ""


def _is_proxy(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _provider_problem(path: str) -> str:
    # The default is not imported, because that would cost every command a second.
    if path == "prices.providers.yahoo.YahooProvider":
        return ""
    try:
        found = import_string(path)
    except Exception as error:  # A foreign module may raise anything.
        return f"cannot be imported: {error}"
    return "" if callable(getattr(found, "history", None)) else "does not name a provider"
