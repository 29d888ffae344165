"""Ports of the tests' own servers: below those the kernel hands out, and of one test run alone."""

from __future__ import annotations

import random
import socket

_PORTS = range(20_000, 32_000)


def free_ports(count: int = 1) -> int:
    """The first of `count` neighbouring ports on which nothing listens.

    Runs side by side begin to look at places of their own.
    """
    places = random.Random()  # not the shared one, which a test may have seeded
    for _ in range(200):
        first = places.randrange(_PORTS.start, _PORTS.stop - count)
        if all(_is_free(port) for port in range(first, first + count)):
            return first
    raise OSError(f"no {count} free ports in {_PORTS}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
