"""Clients that hold connections open: unfinished headers, slow bodies, POSTs that wait."""

import http.client
import json
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

READ = "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
POST = "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


class Dripping:
    """Sockets that have sent a beginning, and send a byte each second.

    One that the server has answered or closed is replaced by a new one.
    """

    def __init__(self, port: int, beginning: str, count: int, byte: bytes) -> None:
        self._port, self._beginning, self._byte = port, beginning.encode(), byte
        self._stop = threading.Event()
        self.refused = 0
        self.sockets = [self._open() for _ in range(count)]
        self._thread = threading.Thread(target=self._drip)
        self._thread.start()

    def _open(self) -> socket.socket:
        opened = socket.create_connection(("127.0.0.1", self._port), timeout=60)
        opened.sendall(self._beginning)
        return opened

    def _drip(self) -> None:
        while not self._stop.wait(1):
            for one in self._answered():
                self.refused += 1
                one.close()
                self.sockets[self.sockets.index(one)] = self._open()
            for one in self.sockets:
                with suppress(OSError):  # It was closed in this moment.
                    one.sendall(self._byte)

    def _answered(self) -> list[socket.socket]:
        with selectors.DefaultSelector() as selector:
            for one in self.sockets:
                selector.register(one, selectors.EVENT_READ)
            return [key.fileobj for key, _ in selector.select(0)]  # type: ignore[misc]

    def held(self) -> int:
        """Returns how many the server has neither answered nor closed."""
        return len(self.sockets) - len(self._answered())

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
    clients = Dripping(port, beginning, count, b" ")
    try:
        yield clients
    finally:
        clients.close()


class Waiting:
    """POSTs that wait for the results of runs. `answers` has those that came: status and body."""

    def __init__(self, port: int, count: int, token: str, seconds: int) -> None:
        self._port, self._token, self._seconds = port, token, seconds
        self.answers: list[tuple[int, Any]] = []
        self._connections = [
            http.client.HTTPConnection("127.0.0.1", port, timeout=600) for _ in range(count)
        ]
        self._threads = [
            threading.Thread(target=self._post, args=(one,)) for one in self._connections
        ]
        for thread in self._threads:
            thread.start()

    def _post(self, connection: http.client.HTTPConnection) -> None:
        path = f"/cache/refresh-live?wait={self._seconds}"
        with suppress(OSError, http.client.HTTPException):  # `close` cuts it off.
            connection.request("POST", path, "{}", {"Authorization": f"Token {self._token}"})
            answer = connection.getresponse()
            self.answers.append((answer.status, json.load(answer)))

    def close(self) -> None:
        for connection in self._connections:
            if connection.sock is not None:
                with suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for connection in self._connections:
            connection.close()


@contextmanager
def waiting_posts(port: int, count: int, token: str, seconds: int) -> Iterator[Waiting]:
    """Sends POSTs at once, each of which asks to wait that long."""
    clients = Waiting(port, count, token, seconds)
    try:
        yield clients
    finally:
        clients.close()
