"""manage.py up: runs the whole system as one tree of processes in the foreground."""

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
from pricecache_site.operations.bootstrap import make_folders, prepare, remember_shown
from pricecache_site.operations.locks import explain_folder_error
from pricecache_site.operations.mongod import EmbeddedMongod
from pricecache_site.operations.mongod_binary import EmbeddedMongodError
from pricecache_site.operations.supervisor import Supervisor, SupervisorError
from prices import services
from prices.store.mongo import StoreError, disconnect, ping

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")
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
            selected = _select_roles(only)
            make_folders()
            with roles.lock_roles(selected):
                self._run(selected, with_sample=not no_sample)
        except (EmbeddedMongodError, SupervisorError) as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(explain_folder_error(settings.DATA_DIR, error)) from error
        except KeyboardInterrupt:
            pass  # A signal asked to stop during the start.
        self.stdout.write("Stopped.")

    def _run(self, selected: list[str], *, with_sample: bool) -> None:
        began = time.monotonic()
        if "web" in selected:
            roles.check_web_port()
        server = EmbeddedMongod(settings.DATA_DIR, settings.MONGOD_PORT, settings.MONGOD_CACHE_GB)
        if "mongod" in selected:
            server.prepare()
        with Supervisor(settings.DATA_DIR / "logs" / "up.log") as supervisor:
            supervisor.say(f"Starting {', '.join(selected)} on {settings.DATA_DIR} …")
            if "mongod" in selected:
                supervisor.start(roles.mongod_spec(server))
            if selected == ["mongod"]:
                supervisor.say(f"MongoDB is up: {without_password(server.uri)}")
            else:
                _start_jobs_and_pages(supervisor, selected, with_sample=with_sample)
                supervisor.say(_summarize(selected, time.monotonic() - began))
            supervisor.run()
            supervisor.say("Stopping …")


def _select_roles(only: list[str] | None) -> list[str]:
    if settings.MONGODB_EMBEDDED:
        return [role for role in roles.ROLES if not only or role in only]
    if only == ["mongod"]:
        raise CommandError(
            "MONGODB_URI names a MongoDB that runs elsewhere: unset it to run the embedded one."
        )
    return [role for role in roles.ROLES if role != "mongod" and (not only or role in only)]


def _start_jobs_and_pages(
    supervisor: Supervisor, selected: list[str], *, with_sample: bool
) -> None:
    _check_mongodb()
    prepared = prepare(now=timezone.now(), with_sample=with_sample)
    # Printed but not logged: the password must not stay in a file.
    supervisor.say(prepared.describe(roles.web_url()), secret=True)
    remember_shown()
    # The supervisor forks, so no connection and no thread of a client may be open.
    connections.close_all()
    disconnect(settings.MONGODB_URI)
    supervisor.start(*(roles.python_spec(role) for role in selected if role != "mongod"))


def _check_mongodb() -> None:
    try:
        ping(services.connect())
    except StoreError as error:
        what = "manage.py up --only mongod" if settings.MONGODB_EMBEDDED else "it"
        where = without_password(settings.MONGODB_URI)
        raise CommandError(
            f"{str(error).rstrip('.')} ({where}): start {what} first, or correct MONGODB_URI."
        ) from error


def without_password(url: str) -> str:
    login, at, _ = urlsplit(url).netloc.rpartition("@")
    return url.replace(f"{login}@", f"{login.partition(':')[0]}:…@") if at else url


def _summarize(selected: list[str], seconds: float) -> str:
    url, provider = roles.web_url(), settings.PRICES_PROVIDER.rpartition(".")[2]
    if settings.YAHOO_PROXY:
        provider += f" through {without_password(settings.YAHOO_PROXY)}"
    kind = "embedded" if settings.MONGODB_EMBEDDED else "external"
    facts = {
        "site": url,
        "admin": f"{url}admin/  (user {settings.ADMIN_USER}; new password: manage.py prepare --new-credentials)",
        "API": f"{url}cache/status",
        "API docs": f"{url}cache/docs",
        "MongoDB": f"{without_password(settings.MONGODB_URI)} ({kind})",
        "provider": provider,
        "data": str(settings.DATA_DIR),
        "runs": f"{', '.join(selected)}; process {os.getpid()}, Ctrl-C stops it",
    }
    if settings.WEB_HOST not in _LOOPBACK:
        facts["names"] = f"{', '.join(settings.ALLOWED_HOSTS)}  (PRICECACHE_ALLOWED_HOSTS)"
    return "\n".join(
        [
            f"Price cache {settings.VERSION} is up after {seconds:.1f} s.",
            *(f"  {name:<9} {fact}" for name, fact in facts.items()),
        ]
    )
