"""An HTTP server that gives a thread only to requests that have arrived completely.

waitress reads requests and writes answers on one event loop, so a client that sends or reads slowly
costs memory, but no thread. This module adds what it lacks: deadlines, lanes of threads so that
health and reads never queue behind writes, and errors in the words of the API.
"""

import socket
import time
from heapq import nsmallest
from http import HTTPStatus
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask
from waitress.utilities import BadRequest, Error

from prices.web.problems import refusal

MAX_LINE = 8_190
MAX_HEAD = 32_768
HEAD_SECONDS = 10
# A body has this long, and a second more for each so many bytes that have arrived.
BODY_SECONDS = 20
BODY_BYTES_PER_SECOND = 16_000
# An answer is given up after this, however slowly its reader goes on.
ANSWER_SECONDS = 300
# An idle connection is kept for the next request.
IDLE_SECONDS = 75
# How long what a refused client still sends is read. Closing at once could cost it the answer.
LINGER_SECONDS = 2
_CHECK_SECONDS = 1
# So many connections can be accepted in one turn of the event loop.
_ROOM = 16
_HEALTH = "/healthz"
_LOCAL = ("127.0.0.1", "::1")
_READS = frozenset(("GET", "HEAD", "OPTIONS"))


class Refusal(Error):  # type: ignore[misc]  # waitress has no types
    """Why a request is not passed to the application."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__("")
        self.code, self.reason = status.value, status.phrase


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Collects one request. `target` is its address as far as it is known, for error messages."""

    first_line = header_plus = b""
    completed: bool
    command = path = ""
    error: Any = None
    headers_finished: bool
    body_bytes_received: int

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.completed and not self.empty:
            if self.error is not None and not self.headers_finished:
                # The library puts an invented request in the place of headers that are too long.
                self.first_line = (self.header_plus + data).split(b"\r\n", 1)[0]
            if len(self.first_line) > MAX_LINE:
                self.error = Refusal(HTTPStatus.REQUEST_URI_TOO_LONG)
        elif self.chunked and len(self.body_rcv.control_line) > MAX_LINE:
            self.error, self.completed = BadRequest("Chunk size too long"), True
        return consumed

    @property
    def target(self) -> str:
        line = self.first_line or self.header_plus.split(b"\r\n", 1)[0]
        words = line[: MAX_LINE + 1].decode("latin-1").split(" ")
        return words[1] if len(words) > 1 else ""


class _KeepingAlive:
    """What both kinds of answers share, before waitress's `Task`."""

    request: Parser
    chunked_response: bool

    def set_close_on_finish(self) -> None:
        """Keeps the connection after an answer without a body, such as a 304."""
        if self.request.connection_close or self.has_body:  # type: ignore[attr-defined]
            super().set_close_on_finish()  # type: ignore[misc]

    def write(self, data: bytes) -> None:
        """Sends nothing but the headers to a HEAD request."""
        if self.request.command == "HEAD":
            super().write(b"")  # type: ignore[misc]
            self.chunked_response = False
        else:
            super().write(data)  # type: ignore[misc]


class _Answer(_KeepingAlive, WSGITask):  # type: ignore[misc]
    """Lets the application answer."""

    wrote_header: bool

    def get_environment(self) -> dict[str, Any]:
        """Believes a proxy on this machine that its client came by TLS.

        Who the client is comes from X-Forwarded-For by `prices.web.access`.
        """
        environ: dict[str, Any] = super().get_environment()
        if environ.get("HTTP_X_FORWARDED_PROTO") == "https" and environ["REMOTE_ADDR"] in _LOCAL:
            environ["wsgi.url_scheme"] = "https"
        return environ

    def write(self, data: bytes) -> None:
        """Sends the headers and a body that is known as a whole in one piece."""
        is_whole = len(data) == self.content_length and self.request.command != "HEAD"
        if self.wrote_header or not is_whole or not self.has_body:
            super().write(data)
            return
        head = self.build_response_header()
        self.wrote_header = True
        self.content_bytes_written = len(data)
        self.channel.write_soon(head + data)


class _RefusingAnswer(_KeepingAlive, ErrorTask):  # type: ignore[misc]
    """Answers a request that the application does not see."""

    def execute(self) -> None:
        error = self.request.error
        status = HTTPStatus(error.code)
        kind, content = refusal(self.request.target, status, error.body)
        self.status = f"{status.value} {status.phrase}"
        self.response_headers += [("Content-Type", kind), ("X-Content-Type-Options", "nosniff")]
        self.channel.lingers = True
        self.set_close_on_finish()
        self.content_length = len(content)
        self.write(content)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection, with the deadlines of what its client has to do next."""

    parser_class = Parser
    task_class = _Answer
    error_task_class = _RefusingAnswer
    request: Parser | None = None  # the one that has not arrived completely yet
    lingers = False
    # When the client began what it has to finish: the request, reading the answer, or hanging up.
    began = 0.0
    is_hanging_up = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.began = time.monotonic()

    def received(self, data: bytes) -> bool:
        if self.request is None:
            self.began = time.monotonic()
        return bool(super().received(data))

    def write_soon(self, data: Any) -> int:
        """Sends at once what the socket takes. The event loop sends the rest."""
        if type(data) is not bytes or self.total_outbufs_len or not self.connected:
            return int(super().write_soon(data))
        with self.outbuf_lock:
            sent = self.send(data, do_close=False)
        if sent < len(data):
            super().write_soon(data[sent:])
        return len(data)

    def service(self) -> None:
        super().service()
        self.began = time.monotonic()

    def check_deadline(self, now: float) -> None:
        """Refuses or closes the connection of a client that takes too long."""
        waited = now - self.began
        if self.requests:
            return  # The application's turn.
        if self.is_hanging_up or self.total_outbufs_len:
            if waited > (LINGER_SECONDS if self.is_hanging_up else ANSWER_SECONDS):
                self.handle_close()  # A mark for later would wait until the client reads.
        elif self.request is None:
            if waited > IDLE_SECONDS:
                self.handle_close()
        elif waited > _seconds_for(self.request):
            self._refuse(self.request, Refusal(HTTPStatus.REQUEST_TIMEOUT))

    def _refuse(self, request: Parser, error: Refusal) -> None:
        with self.requests_lock:
            request.error, request.completed = error, True
            self.requests.append(request)
            self.request = None
            self.server.add_task(self)

    def readable(self) -> bool:
        return self.is_hanging_up or super().readable()

    def writable(self) -> bool:
        return bool(self.will_close if self.is_hanging_up else super().writable())

    def handle_write(self) -> None:
        if self.lingers and self.close_when_flushed and not self.will_close:
            self._flush_exception(self._flush_some)
            if not self.total_outbufs_len:
                self._hang_up()
        else:
            super().handle_write()

    def _hang_up(self) -> None:
        self.is_hanging_up, self.began = True, time.monotonic()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.will_close = True

    def handle_read(self) -> None:
        if self.is_hanging_up:
            self.recv(65_536)  # Closes the connection when the client has.
        else:
            super().handle_read()


def _seconds_for(request: Parser) -> float:
    if not request.headers_finished:
        return HEAD_SECONDS
    return BODY_SECONDS + request.body_bytes_received / BODY_BYTES_PER_SECOND


class Lanes:
    """Threads for health and refusals, for reads, and for writes: none waits for another's."""

    def __init__(self, threads: int) -> None:
        self.instant, self.reads, self.writes = (ThreadedTaskDispatcher() for _ in range(3))
        self.instant.set_thread_count(1)
        self.reads.set_thread_count(threads)
        self.writes.set_thread_count(threads)

    def add_task(self, channel: Channel) -> None:
        """Queues the first request of a connection."""
        request = channel.requests[0]
        if request.error is not None or request.path == _HEALTH:
            self.instant.add_task(channel)
        elif request.command in _READS:
            self.reads.add_task(channel)
        else:
            self.writes.add_task(channel)


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Serves an application on a socket that is bound already."""

    channel_class = Channel
    _next_check = 0.0

    def __init__(
        self, application: Any, listener: socket.socket, sockets: dict[int, Any], **adjustments: Any
    ) -> None:
        """`sockets` is the map of all that the event loop watches."""
        self.lanes = Lanes(adjustments.pop("threads"))
        super().__init__(
            application,
            sockets,
            _sock=listener,
            dispatcher=self.lanes,
            bind_socket=False,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            adj=Adjustments(
                max_request_header_size=MAX_HEAD,
                # More than any answer: a thread does not wait for the client to read it.
                outbuf_high_watermark=1 << 40,
                ident=None,
                server_name="localhost",  # for requests without a Host header
                clear_untrusted_proxy_headers=False,
                log_socket_errors=False,
                **adjustments,
            ),
        )

    def maintenance(self, now: float) -> None:
        """Does nothing. The library calls it while it collects what to poll: see `tend`."""

    def tend(self) -> None:
        """Closes connections that are overdue, and makes room for new ones.

        Call it between two turns of the event loop. Within one, a new connection could get the
        descriptor of a closed one, and its events.
        """
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + _CHECK_SECONDS
            for channel in list(self.active_channels.values()):
                channel.check_deadline(now)
        excess = len(self._map) + _ROOM - self.adj.connection_limit
        if excess > 0:
            waiting = [c for c in self.active_channels.values() if not c.requests]
            for channel in nsmallest(excess, waiting, key=lambda channel: channel.began):
                channel.handle_close()

    def handle_accept(self) -> None:
        """Accepts one connection, to leave others to other processes, or several if many come."""
        for _ in range(min(1 + len(self.active_channels) // 50, _ROOM)):
            before = len(self.active_channels)
            super().handle_accept()
            if len(self.active_channels) == before:
                return

    def stop_listening(self) -> None:
        """Leaves the socket to the other processes that listen on it."""
        self.accepting = False
        self.del_channel()

    def close_idle(self) -> int:
        """Closes all connections but those with a request in work. Returns how many are left."""
        for channel in list(self.active_channels.values()):
            if not (channel.requests or channel.total_outbufs_len):
                channel.handle_close()
        return len(self.active_channels)
