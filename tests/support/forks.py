"""Processes in which the modules of their tasks are imported already, which would take seconds."""

import multiprocessing
import os
from collections.abc import Mapping

forks = multiprocessing.get_context("forkserver")
# The server from which all are forked imports these once, when the first process starts.
forks.set_forkserver_preload(
    ["tests.support.hammer", "tests.support.limits", "tests.standin.client", "yfinance"]
)


def set_environment(values: Mapping[str, str]) -> None:
    """Sets variables in a process, whose environment is that of the server."""
    os.environ.update(values)
