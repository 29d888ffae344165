"""The server of the stand-in: an HTTP proxy that is also the TLS server behind every CONNECT."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable
from datetime import datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer
from typing import Any, Self
from urllib.parse import urlsplit

import trustme

from tests.standin.book import Book
from tests.standin.control import PREFIX, control
from tests.standin.faults import Answer, Wire
from tests.standin.yahoo import Yahoo

PORTS = range(21_000, 23_000)  # below those the kernel hands out
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class StandIn(Yahoo):
    """Yahoo on 127.0.0.1. `stop` ends all threads and sockets and removes the CA file."""

    def __init__(
        self,
        book: Book | None = None,
        *,
        now: datetime | None = None,
        port: int = 0,
        ca_file: Path | None = None,
    ) -> None:
        super().__init__(book, now=now)
        self.port = port  # 0: any free one of PORTS
        self._ca_file = ca_file
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def ca_file(self) -> str:
        return str(self._ca_file)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def env(self) -> dict[str, str]:
        """Returns variables that child processes need before they import yfinance."""
        names = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
        return {"PRICECACHE_YAHOO_PROXY": self.url, **dict.fromkeys(names, self.ca_file)}

    def start(self) -> Self:
        certificates = _Certificates()
        self._server = _bind(self.port, lambda at: _Server(at, self, certificates))
        self.port = self._server.server_address[1]
        if self._ca_file is None:
            self._folder = tempfile.TemporaryDirectory(prefix="standin-")
            self._ca_file = Path(self._folder.name) / "ca.pem"
        self._ca_file.write_bytes(certificates.authority.cert_pem.bytes())
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="standin", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._server is None or self._thread is None or self._ca_file is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.close_all()
        self._ca_file.unlink(missing_ok=True)
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = self._ca_file = None
        self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Certificates:
    """A certificate authority, with a TLS context for each host created at its first CONNECT."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def context(self, host: str) -> ssl.SSLContext:
        with self._lock:
            if host not in self._contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self.authority.issue_cert(host).configure_cert(context)
                self._contexts[host] = context
            return self._contexts[host]


def _bind(port: int, make: Callable[[tuple[str, int]], _Server]) -> _Server:
    for _ in range(50):
        try:
            return make(("127.0.0.1", port or random.choice(PORTS)))
        except OSError:
            if port:
                raise
    raise OSError(f"no free port in {PORTS}")


class _Server(TCPServer):
    """A server with a thread for each connection; `close_all` ends them."""

    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, at: tuple[str, int], yahoo: Yahoo, certificates: _Certificates) -> None:
        self.yahoo = yahoo
        self.certificates = certificates
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.sockets: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        super().__init__(at, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._threads = {thread for thread in self._threads if thread.is_alive()}
        thread = threading.Thread(target=self._serve, args=(request, client_address), daemon=True)
        thread.start()
        self._threads.add(thread)

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except (OSError, EOFError):  # the client went away, or a fault cut the line
            pass
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)

    def close_all(self) -> None:
        self.stopping.set()
        self.server_close()
        with self.lock:
            for connection in self.sockets:
                # Not SSLSocket.shutdown, which takes the TLS state from under the reading thread.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=60)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server
    host = ""  # of the tunnel, once there is one

    def setup(self) -> None:
        super().setup()
        self._remember(self.connection)

    def finish(self) -> None:
        with self.server.lock:
            self.server.sockets.discard(self.connection)
        try:
            super().finish()
        finally:
            self.connection.close()

    def _remember(self, connection: socket.socket) -> None:
        with self.server.lock:
            self.server.sockets.add(connection)
        if self.server.stopping.is_set():
            raise ConnectionAbortedError

    def do_CONNECT(self) -> None:
        host = self.path.rsplit(":", 1)[0]
        if self.server.yahoo.faults.take("connect"):
            self._reset()
            return
        if not host.endswith(".yahoo.com"):
            self.send_error(502, f"{host} is not played here")
            return
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        plain = self.connection
        with self.server.lock:
            self.server.sockets.discard(plain)
        self.rfile.close()
        context = self.server.certificates.context(host)
        self.connection = context.wrap_socket(plain, server_side=True)
        self._remember(self.connection)
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = self.connection.makefile("wb", 0)
        self.host, self.close_connection = host, False

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        yahoo, parts = self.server.yahoo, urlsplit(self.path)
        if not self.host and parts.path.startswith(PREFIX) and not parts.netloc:
            path = parts.path.removeprefix(PREFIX)
            self._send(control(yahoo, self.command, path, body))
        elif yahoo.faults.take("connect"):
            self._reset()
        else:
            host = self.host or parts.hostname or ""
            self._send(yahoo.answer(host, self.path.removeprefix(f"http://{parts.netloc}")))

    do_POST = do_GET  # noqa: N815

    def _send(self, answer: Answer) -> None:
        if answer.wait and self.server.stopping.wait(answer.wait):
            self.close_connection = True
            return
        if answer.wire is Wire.RESET:
            self._reset()
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        truncated = answer.wire is Wire.TRUNCATED
        self.wfile.write(answer.body[: len(answer.body) // 2] if truncated else answer.body)
        self.close_connection = self.close_connection or truncated

    def _reset(self) -> None:
        """Resets the connection after the status line, without which a client would retry."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Returns the header `Date` by the stand-in's clock."""
        now = self.server.yahoo.now
        return formatdate(now.timestamp() if timestamp is None else timestamp, usegmt=True)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Prints nothing; the request log is `Yahoo.log`."""
