"""The parts of the system as children of a supervisor, and what keeps each from starting."""

from __future__ import annotations

import http.client
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from django.conf import settings
from django.db import DatabaseError, connections
from django.utils import timezone

from pricecache_site.operations.locks import LockHeldError, hold_lock, why_not_bindable
from pricecache_site.operations.mongod import EmbeddedMongod
from pricecache_site.operations.processes import ChildSpec
from prices.jobs.cluster_health import MAX_SILENCE, Word, cluster_state

ROLES = ("mongod", "cluster", "web")
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  # a lookup


class RoleError(Exception):
    """A part cannot start; the message says why and what to do."""


def mongod_server() -> EmbeddedMongod:
    return EmbeddedMongod(settings.DATA_DIR, settings.MONGOD_PORT, settings.MONGOD_CACHE_GB)


def mongod_spec(server: EmbeddedMongod) -> ChildSpec:
    """:raises EmbeddedMongodError: there is no mongod."""

    def watch(uptime: float) -> None:
        server.bound_log()

    return ChildSpec(
        name="mongod",
        argv=server.argv(),
        quiet=True,
        stage=0,
        stop_seconds=4,
        ready=server.ready,
        watch=watch,
        cause_of_death=server.cause_of_death,
        # A clean stop; the others are worth nothing without a supervisor and are killed.
        orphaned=signal.SIGTERM,
    )


def cluster_spec() -> ChildSpec:
    return ChildSpec(
        name="cluster",
        argv=[sys.executable, "manage.py", "cluster"],
        cwd=str(settings.BASE_DIR),
        env=child_environment(),
        stage=1,
        watch=why_cluster_is_stuck,
    )


def web_spec() -> ChildSpec:
    return ChildSpec(
        name="web",
        argv=web_argv(),
        cwd=str(settings.BASE_DIR),
        env=child_environment(),
        stage=1,
        ready=web_answers,
    )


def web_argv() -> list[str]:
    return [sys.executable, "-m", "gunicorn", "-c", "python:pricecache_site.gunicorn"]


def child_environment() -> dict[str, str]:
    """This process's, with what a command line may have changed; children run elsewhere."""
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PRICECACHE_DATA_DIR": str(settings.DATA_DIR),
        "PRICECACHE_HOST": settings.WEB_HOST,
        "PRICECACHE_PORT": str(settings.WEB_PORT),
    }


def web_url() -> str:
    """Where a browser on this machine finds the site."""
    host = _ANY_ADDRESS.get(settings.WEB_HOST, settings.WEB_HOST)
    return (
        f"http://[{host}]:{settings.WEB_PORT}/"
        if ":" in host
        else f"http://{host}:{settings.WEB_PORT}/"
    )


def web_answers() -> bool:
    """Whether a worker answers at all; what it answers is not the question."""
    host = _ANY_ADDRESS.get(settings.WEB_HOST, settings.WEB_HOST)
    connection = http.client.HTTPConnection(host, settings.WEB_PORT, timeout=5)
    try:
        connection.request("GET", "/healthz")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def why_cluster_is_stuck(uptime: float) -> str | None:
    """Returns why the cluster has to be restarted, or None. A hung cluster looks alive."""
    if uptime <= MAX_SILENCE.total_seconds():
        return None
    try:
        state = cluster_state(now=timezone.now())
    except DatabaseError:
        return None  # says nothing about the cluster
    finally:
        connections.close_all()
    return state.sentence.rstrip(".") if state.word in (Word.HUNG, Word.STOPPED) else None


@contextmanager
def sole_use(roles: Iterable[str]) -> Iterator[None]:
    """Holds the data folder for these roles against another `up`.

    :raises RoleError: one of them runs already.
    """
    run = settings.DATA_DIR / "run"
    with ExitStack() as stack:
        for role in roles:
            try:
                stack.enter_context(hold_lock(run / f"up-{role}.lock"))
                if role != "mongod":  # it locks its own folder
                    hold_lock(run / f"{role}.lock", wait=3).close()
            except LockHeldError as error:
                raise RoleError(
                    f"Process {error.pid} already runs the {role} of {settings.DATA_DIR}: stop it "
                    "first, or set PRICECACHE_DATA_DIR to another folder."
                ) from error
        yield


def check_web_port() -> None:
    """:raises RoleError: nothing can listen there."""
    reason = why_not_bindable(settings.WEB_HOST, settings.WEB_PORT, wait=2)
    if reason is not None:
        what = f"{settings.WEB_HOST}:{settings.WEB_PORT}"
        raise RoleError(
            f"The web address {what} {reason}: choose another with --port or PRICECACHE_PORT "
            "(--host or PRICECACHE_HOST)."
        )
