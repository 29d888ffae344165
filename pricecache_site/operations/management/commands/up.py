"""manage.py up: the whole system in one foreground process tree."""

from __future__ import annotations

import argparse
import os
import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django.utils import timezone

from pricecache_site.operations import roles
from pricecache_site.operations.bootstrap import PrepareError, make_folders, prepare
from pricecache_site.operations.credentials import lines_about
from pricecache_site.operations.mongod import EmbeddedMongodError
from pricecache_site.operations.roles import RoleError
from pricecache_site.operations.supervisor import Supervisor, SupervisorError
from prices import services
from prices.store.mongo import StoreError, disconnect

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_FORESEEABLE = (RoleError, PrepareError, EmbeddedMongodError, SupervisorError)


def port(text: str) -> int:
    """An argparse type."""
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to 65535")
    return int(text)


class Command(BaseCommand):
    help = "Run everything in the foreground: MongoDB, the job cluster and the web server."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", help="Address of the web server (PRICECACHE_HOST).")
        parser.add_argument("--port", type=port, help="Port of the web server (PRICECACHE_PORT).")
        parser.add_argument("--no-sample", action="store_true", help="Track no sample symbols.")
        parser.add_argument(
            "--only", nargs="+", choices=roles.ROLES, help="Run these parts, not all of them."
        )

    def handle(
        self,
        *,
        host: str | None = None,
        port: int | None = None,
        no_sample: bool = False,
        only: list[str] | None = None,
        **options: Any,
    ) -> None:
        settings.WEB_HOST = host or settings.WEB_HOST
        settings.WEB_PORT = port or settings.WEB_PORT
        try:
            wanted = _wanted(only)
            make_folders()
            with roles.sole_use(wanted):
                self._run(wanted, with_sample=not no_sample)
        except _FORESEEABLE as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(
                f"The data folder {settings.DATA_DIR} cannot be used ({error.strerror}): make it "
                "writable, or set PRICECACHE_DATA_DIR to another folder."
            ) from error
        except KeyboardInterrupt:
            pass  # asked to stop while it was starting
        self.stdout.write("Stopped.")

    def _run(self, wanted: list[str], *, with_sample: bool) -> None:
        began = time.monotonic()
        if "web" in wanted:
            roles.check_web_port()
        server = roles.mongod_server()
        if "mongod" in wanted:
            server.prepare()
        with Supervisor(settings.DATA_DIR / "logs") as supervisor:
            supervisor.say(f"Starting {', '.join(wanted)} on {settings.DATA_DIR} …")
            if "mongod" in wanted:
                supervisor.start(roles.mongod_spec(server))
            jobs_and_pages = [role for role in wanted if role != "mongod"]
            if jobs_and_pages:
                _check_mongodb()
                url = roles.web_url()
                prepared = prepare(now=timezone.now(), with_sample=with_sample)
                # At once, as it is shown once; in a log it would be shown for ever.
                supervisor.say("\n".join(lines_about(prepared, url=url)), secret=True)
                # The supervisor forks: with no connection open, and no thread of a client.
                connections.close_all()
                disconnect(settings.MONGODB_URI)
                specs = {"cluster": roles.cluster_spec, "web": roles.web_spec}
                supervisor.start(*(specs[role]() for role in jobs_and_pages))
                supervisor.say("\n".join(_summary(url, wanted, time.monotonic() - began)))
            else:
                supervisor.say(f"MongoDB is up: {server.uri}")
            supervisor.run()
            supervisor.say("Stopping …")


def _wanted(only: list[str] | None) -> list[str]:
    if settings.MONGODB_EMBEDDED:
        return [role for role in roles.ROLES if not only or role in only]
    if only == ["mongod"]:
        raise RoleError(
            "MONGODB_URI names a MongoDB that runs elsewhere: unset it to run the embedded one."
        )
    return [role for role in roles.ROLES if role != "mongod" and (not only or role in only)]


def _check_mongodb() -> None:
    try:
        services.ping_store()
    except StoreError as error:
        what = "manage.py up --only mongod" if settings.MONGODB_EMBEDDED else "it"
        where = without_password(settings.MONGODB_URI)
        raise RoleError(
            f"{str(error).rstrip('.')} ({where}): start {what} first, or correct MONGODB_URI."
        ) from error


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    login, at, _ = urlsplit(url).netloc.rpartition("@")
    return url.replace(f"{login}@", f"{login.partition(':')[0]}:…@") if at else url


def _summary(url: str, wanted: list[str], seconds: float) -> list[str]:
    provider = settings.PRICES_PROVIDER.rpartition(".")[2]
    if settings.YAHOO_PROXY:
        provider += f" through {without_password(settings.YAHOO_PROXY)}"
    kind = "embedded" if settings.MONGODB_EMBEDDED else "external"
    facts = {
        "site": url,
        "admin": f"{url}admin/  (user {settings.ADMIN_USER})",
        "API": f"{url}cache/status",
        "API docs": f"{url}cache/docs",
        "MongoDB": f"{without_password(settings.MONGODB_URI)} ({kind})",
        "provider": provider,
        "data": str(settings.DATA_DIR),
        "runs": f"{', '.join(wanted)}; process {os.getpid()}, Ctrl-C stops it",
    }
    if settings.WEB_HOST not in _LOOPBACK:
        facts["names"] = f"{', '.join(settings.ALLOWED_HOSTS)}  (PRICECACHE_ALLOWED_HOSTS)"
    return [
        f"The price cache is up after {seconds:.1f} s.",
        *(f"  {name:<9} {fact}" for name, fact in facts.items()),
    ]
