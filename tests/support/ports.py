"""Ports for the servers of tests, below the range from which the kernel assigns ports."""

import random
import socket

_PORTS = range(23_000, 32_000)  # the stand-in for Yahoo takes ports below


def free_ports(count: int = 1) -> int:
    """Returns the first of `count` consecutive ports on which nothing listens.

    The search begins at a random port, so that parallel test runs rarely meet.
    """
    places = random.Random()  # A test may have seeded the shared generator.
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
