"""Checks of the settings: `manage.py check` names each wrong one, with what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string


@register()
def settings_check(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [*_unreadable(), *_addresses(), *_numbers(), *_provider(), *_debug()]


def _unreadable() -> Iterator[CheckMessage]:
    for name, value, kind in settings.UNREADABLE:
        yield Error(
            f"{name} is not {kind}: {value!r}; its default is used.",
            hint="Correct it in the environment or in .env; README lists all settings.",
            id="prices.E000",
        )


def _addresses() -> Iterator[CheckMessage]:
    if urlsplit(settings.MONGODB_URI).scheme not in ("mongodb", "mongodb+srv"):
        yield Error(
            f"MONGODB_URI does not begin with mongodb:// ({settings.MONGODB_URI!r}).",
            hint="Give a URI as in mongodb://host:27017/?replicaSet=rs0, or leave it empty for the embedded server.",
            id="prices.E001",
        )
    proxy = urlsplit(settings.YAHOO_PROXY)
    if settings.YAHOO_PROXY and (proxy.scheme not in ("http", "https") or not proxy.hostname):
        yield Error(
            f"PRICECACHE_YAHOO_PROXY is not the address of a proxy ({settings.YAHOO_PROXY!r}).",
            hint="Give it as in http://127.0.0.1:3128, or leave it empty.",
            id="prices.E002",
        )
    for name, port in (
        ("PRICECACHE_PORT", settings.WEB_PORT),
        ("PRICECACHE_MONGOD_PORT", settings.MONGOD_PORT),
    ):
        if not 1 <= port <= 65535:
            yield Error(
                f"{name} is {port}.", hint="Ports lie between 1 and 65535.", id="prices.E003"
            )


def _numbers() -> Iterator[CheckMessage]:
    least_one = {
        "PRICECACHE_WEB_WORKERS": settings.WEB_WORKERS,
        "PRICECACHE_WEB_THREADS": settings.WEB_THREADS,
        "PRICECACHE_CLUSTER_WORKERS": settings.Q_CLUSTER["workers"],
        "PRICECACHE_YAHOO_THREADS": settings.YAHOO_THREADS,
        "PRICECACHE_YAHOO_REQUESTS_PER_MINUTE": settings.YAHOO_REQUESTS_PER_MINUTE,
        "PRICECACHE_YAHOO_BURST": settings.YAHOO_BURST,
    }
    for name, value in least_one.items():
        if value < 1:
            yield Error(f"{name} is {value}.", hint="Give at least 1.", id="prices.E004")
    if settings.YAHOO_TIMEOUT_SECONDS <= 0:
        yield Error(
            f"PRICECACHE_YAHOO_TIMEOUT_SECONDS is {settings.YAHOO_TIMEOUT_SECONDS}.",
            hint="Give the seconds to wait for an answer, as in 15.",
            id="prices.E005",
        )
    if settings.HISTORY_YEARS is not None and settings.HISTORY_YEARS < 0:
        yield Error(
            f"PRICECACHE_HISTORY_YEARS is {settings.HISTORY_YEARS}.",
            hint="Give a number of years, or leave it empty for all there is.",
            id="prices.E006",
        )
    if settings.VERIFY_SAMPLE < 0:
        yield Error(
            f"PRICECACHE_VERIFY_SAMPLE is {settings.VERIFY_SAMPLE}.",
            hint="Give the number of symbols to verify each night, or 0 for none.",
            id="prices.E009",
        )
    if settings.MONGOD_CACHE_GB < 0.25:
        yield Error(
            f"PRICECACHE_MONGOD_CACHE_GB is {settings.MONGOD_CACHE_GB}.",
            hint="mongod takes no less than 0.25.",
            id="prices.E007",
        )


def _provider() -> Iterator[CheckMessage]:
    path = settings.PRICES_PROVIDER
    known = path == "prices.providers.yahoo.YahooProvider"
    try:
        # The default is not imported: it would cost every command a second.
        if not known:
            import_string(path)
    except ImportError as error:
        yield Error(
            f"PRICECACHE_PROVIDER cannot be imported: {error}.",
            hint="Give the dotted path of a provider class, or leave it empty for Yahoo.",
            id="prices.E008",
        )


def _debug() -> Iterator[CheckMessage]:
    if settings.DEBUG:
        yield checks.Warning(
            "PRICECACHE_DEBUG is on: errors show the inside of the system to anybody.",
            hint="Leave it off but on your own machine.",
            id="prices.W001",
        )
