"""A private mongod for the length of a block: of a test session, a test, or the bench."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pricecache_site.operations.mongod import EmbeddedMongod
from pricecache_site.operations.mongod_binary import EmbeddedMongodError
from pricecache_site.operations.processes import die_with_parent

_START_SECONDS = 60


@contextmanager
def running_mongod(*, data_dir: Path, port: int, cache_gb: float = 0.25) -> Iterator[str]:
    """Runs the embedded server for the block and yields its URI. Call it from the main thread.

    :raises EmbeddedMongodError: the server did not start.
    """
    server = EmbeddedMongod(data_dir, port, cache_gb)
    server.prepare()
    process = subprocess.Popen(
        server.argv(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=partial(die_with_parent, signal.SIGTERM, parent=os.getpid()),
    )
    try:
        _wait_until_ready(server, process)
        yield server.uri
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(server: EmbeddedMongod, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not server.ready():
        status = process.poll()
        if status is not None:
            raise EmbeddedMongodError(server.explain_exit(status))
        if time.monotonic() >= deadline:
            raise EmbeddedMongodError(
                f"MongoDB accepted no writes within {_START_SECONDS} s. See {server.log_path}."
            )
        time.sleep(0.05)
