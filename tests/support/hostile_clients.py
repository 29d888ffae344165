"""Clients that hold connections open: unfinished headers, slow bodies, readers that do not read."""

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

READ = "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


class Dripping:
    """Sockets that have sent a beginning, and send one byte a second as long as they are open."""

    def __init__(self, port: int, beginning: str, count: int, byte: bytes = b" ") -> None:
        self._byte = byte
        self._stop = threading.Event()
        self.answered = 0
        self.sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        for one in self.sockets:
            one.sendall(beginning.encode())
        self._thread = threading.Thread(target=self._drip, daemon=True)
        self._thread.start()

    def _drip(self) -> None:
        while not self._stop.wait(1):
            for one in self.sockets:
                with suppress(OSError):  # The server has closed it; `held` says so.
                    one.sendall(self._byte)

    def held(self) -> int:
        """Returns how many the server has neither answered nor closed."""
        with selectors.DefaultSelector() as selector:
            for one in self.sockets:
                selector.register(one, selectors.EVENT_READ)
            return len(self.sockets) - len(selector.select(0))

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        for one in self.sockets:
            one.close()


@contextmanager
def slow_headers(port: int, count: int) -> Iterator[Dripping]:
    """Holds requests whose headers do not end."""
    clients = Dripping(port, READ.format(path="/cache/status") + "X-Slow: ", count, b"x")
    try:
        yield clients
    finally:
        clients.close()


@contextmanager
def slow_bodies(port: int, count: int, token: str) -> Iterator[Dripping]:
    """Holds POSTs whose bodies come at one byte a second."""
    beginning = (
        POST.format(path="/cache/refresh-live")
        + f"Authorization: Token {token}\r\nContent-Length: 1000\r\n\r\n{{"
    )
    clients = Dripping(port, beginning, count)
    try:
        yield clients
    finally:
        clients.close()
