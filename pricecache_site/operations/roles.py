"""The parts of the system as children of the supervisor, and checks made before they start."""

import http.client
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import CommandError
from django.db import DatabaseError, connections
from django.utils import timezone

from pricecache_site.operations.locks import LockHeldError, explain_unbindable, hold_lock, read_pid
from pricecache_site.operations.mongod import EmbeddedMongod
from pricecache_site.operations.processes import ChildSpec
from prices.jobs.cluster_health import MAX_SILENCE, ClusterState, Word, cluster_state
from prices.monitoring.disk import why_unwritable

ROLES = ("mongod", "cluster", "web")
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  # a lookup


def mongod_spec(server: EmbeddedMongod) -> ChildSpec:
    """:raises EmbeddedMongodError: there is no mongod."""
    return ChildSpec(
        name="mongod",
        argv=server.argv(),
        stage=0,
        stop_seconds=4,
        ready=server.ready,
        watch=server.rotate_log,
        answers=server.answers,
        wait_while=why_unwritable,
        explain_exit=server.explain_exit,
        quiet=True,
        # MongoDB shuts down cleanly; the other parts have nothing to save and are killed.
        orphan_signal=signal.SIGTERM,
    )


def python_spec(role: str) -> ChildSpec:
    """Returns the spec of the cluster or of the web server."""
    is_web = role == "web"
    return ChildSpec(
        name=role,
        argv=web_argv() if is_web else [sys.executable, "manage.py", role],
        cwd=str(settings.BASE_DIR),
        env=child_environment(),
        stage=1,
        ready=web_answers if is_web else None,
        answers=web_answers if is_web else None,
        wait_while=why_unwritable,
        watch=None if is_web else why_cluster_is_stuck,
    )


def web_argv() -> list[str]:
    return [sys.executable, "-m", "gunicorn", "-c", "python:pricecache_site.gunicorn"]


def child_environment() -> dict[str, str]:
    """Returns this process's environment with the values that a command line may have changed."""
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PRICECACHE_DATA_DIR": str(settings.DATA_DIR),
        "PRICECACHE_HOST": settings.WEB_HOST,
        "PRICECACHE_PORT": str(settings.WEB_PORT),
    }


def web_url() -> str:
    """Returns the URL at which a browser on this machine finds the site."""
    host = _ANY_ADDRESS.get(settings.WEB_HOST, settings.WEB_HOST)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.WEB_PORT}/"


def web_answers() -> bool:
    """Returns whether the web server answers a request, with whatever status."""
    connection = http.client.HTTPConnection(urlsplit(web_url()).netloc, timeout=3)
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
        return _why_stuck(cluster_state(now=timezone.now()))
    except DatabaseError:
        return None  # It says nothing about the cluster.
    finally:
        connections.close_all()


def _why_stuck(state: ClusterState) -> str | None:
    """Judges this machine's cluster by its own signs, so that no other one hides that it hangs."""
    pid = read_pid(settings.DATA_DIR / "run" / "cluster.lock")
    mine = next((c for c in state.clusters if c.here and c.pid == pid), None)
    if mine is not None:
        state = state.of(mine)
    elif pid and state.clusters:
        return "it sends no heartbeat, though other clusters do"
    return state.sentence.rstrip(".") if state.word in (Word.HUNG, Word.STOPPED) else None


@contextmanager
def lock_roles(roles: Iterable[str]) -> Iterator[None]:
    """Keeps another `up` from running these parts on the same data folder.

    :raises CommandError: one of them runs already.
    """
    run = settings.DATA_DIR / "run"
    with ExitStack() as stack:
        for role in roles:
            try:
                stack.enter_context(hold_lock(run / f"up-{role}.lock"))
                if role != "mongod":  # mongod locks its own folder.
                    hold_lock(run / f"{role}.lock", wait=3).close()
            except LockHeldError as error:
                raise CommandError(
                    f"Process {error.pid} already runs the {role} of {settings.DATA_DIR}: stop it "
                    "first, or set PRICECACHE_DATA_DIR to another folder."
                ) from error
        yield


def check_web_port() -> None:
    """:raises CommandError: nothing can listen there."""
    if reason := explain_unbindable(settings.WEB_HOST, settings.WEB_PORT, wait=2):
        raise CommandError(
            f"The web address {settings.WEB_HOST}:{settings.WEB_PORT} {reason}: choose another "
            "with --port or PRICECACHE_PORT (--host or PRICECACHE_HOST)."
        )
