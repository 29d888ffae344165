"""The HTTP server: who gets a thread, what is refused and how, and what slow clients cost."""

import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from waitress import wasyncore

from pricecache_site.operations import buffered_http
from pricecache_site.operations.buffered_http import Server
from tests.support.hostile_clients import slow_bodies, slow_headers
from tests.support.ports import free_ports
from tests.support.process_trees import until

PORT = free_ports(1)
LIMIT = 100_000
THREADS = 2
BIG = 20_000_000


class Application:
    """Says what it received. POST /blocked and GET /blocked wait until `release` is set."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.blocked = threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if environ["PATH_INFO"] == "/blocked":
            self.blocked.release()
            assert self.release.wait(60)
        if environ["PATH_INFO"] == "/same":
            start_response("304 Not Modified", [("ETag", "1")])
            return []
        if environ["PATH_INFO"] == "/big":
            start_response("200 OK", [("Content-Length", str(BIG))])
            return [b"x" * BIG]
        body = environ["wsgi.input"].read().decode()
        told = [environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("CONTENT_LENGTH")]
        if environ["PATH_INFO"] == "/proxied":
            told = [environ["wsgi.url_scheme"], environ["HTTP_X_FORWARDED_FOR"]]
        content = json.dumps([*told, body]).encode()
        start_response("200 OK", [("Content-Length", str(len(content)))])
        return [content]


@pytest.fixture
def application() -> Iterator[Application]:
    served = Application()
    yield served
    served.release.set()


@pytest.fixture(autouse=True)
def server(application: Application) -> Iterator[Server]:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", PORT))
    sockets: dict[int, Any] = {}
    running = Server(
        application,
        listener,
        sockets,
        threads=THREADS,
        connection_limit=1000,
        max_request_body_size=LIMIT + 1,
    )
    stop = threading.Event()

    def loop() -> None:
        while not stop.is_set():
            running.tend()
            wasyncore.loop(timeout=0.05, use_poll=True, map=sockets, count=1)

    thread = threading.Thread(target=loop)
    thread.start()
    yield running
    application.release.set()
    stop.set()
    thread.join()
    for lane in (running.lanes.instant, running.lanes.reads, running.lanes.writes):
        lane.shutdown()
    for channel in list(running.active_channels.values()):
        channel.handle_close()
    wasyncore.close_all(sockets)
    listener.close()


def connect() -> socket.socket:
    return socket.create_connection(("127.0.0.1", PORT), timeout=60)


def read_answer(sock: socket.socket) -> tuple[http.client.HTTPResponse, bytes]:
    answer = http.client.HTTPResponse(sock)
    answer.begin()
    return answer, answer.read()


def exchange(sent: bytes) -> tuple[http.client.HTTPResponse, bytes]:
    with connect() as sock:
        sock.sendall(sent)
        return read_answer(sock)


def get(path: str) -> bytes:
    return exchange(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())[1]


def refused(sent: bytes) -> dict[str, Any]:
    """Returns the problem that answers the bytes."""
    answer, body = exchange(sent)
    problem: dict[str, Any] = json.loads(body)
    assert answer.getheader("Content-Type") == "application/problem+json"
    assert answer.status == problem["status"]
    assert answer.getheader("Connection") == "close"
    return problem


class TestRequests:
    def test_a_chunked_body_arrives_whole_with_its_length(self):
        sent = b"POST /cache/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        _, body = exchange(sent + b'3\r\n{"a\r\n4\r\n": 1\r\n1\r\n}\r\n0\r\n\r\n')

        assert json.loads(body) == ["POST", "/cache/x", "8", '{"a": 1}']

    def test_a_client_may_wait_for_permission_to_send_the_body(self):
        with connect() as sock:
            sock.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n")
            sock.sendall(b"Expect: 100-continue\r\n\r\n")
            assert sock.recv(100).startswith(b"HTTP/1.1 100 ")
            sock.sendall(b"ab")
            assert json.loads(read_answer(sock)[1])[-1] == "ab"

    def test_requests_sent_at_once_are_answered_in_order(self):
        with connect() as sock:
            sock.sendall(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(3)))
            received = b""
            while received.count(b'"GET"') < 3:
                received += sock.recv(10_000)

        assert re.findall(rb'"GET", "/(\d)"', received) == [b"0", b"1", b"2"]

    @pytest.mark.parametrize("scheme", ["https", "http"])
    def test_a_proxy_on_this_machine_names_scheme_and_client(self, scheme: str):
        head = "GET /proxied HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n"
        _, body = exchange(f"{head}X-Forwarded-Proto: {scheme}\r\n\r\n".encode())

        assert json.loads(body)[:2] == [scheme, "192.0.2.1"]

    def test_an_answer_without_a_body_keeps_the_connection(self):
        connection = http.client.HTTPConnection("127.0.0.1", PORT)
        for method, path in (("GET", "/same"), ("HEAD", "/"), ("GET", "/same")):
            connection.request(method, path)
            answer = connection.getresponse()
            assert answer.read() == b""
            assert answer.getheader("Connection") != "close"
        connection.close()


class TestRefusals:
    @pytest.mark.parametrize(
        ("size", "ending"),
        [
            (8_300, b" HTTP/1.1\r\nHost: a\r\n\r\n"),
            (300_000, b" HTTP/1.1\r\nHost: a\r\n\r\n"),
            (300_000, b""),
        ],
    )
    def test_a_long_address(self, size: int, ending: bytes):
        problem = refused(b"GET /cache/historical/" + b"A" * size + ending)

        assert problem["status"] == 414
        assert problem["detail"] == "The address is too long. Ask for less at once."

    @pytest.mark.parametrize("ending", [b"", b"\r\n\r\n"])
    def test_large_headers(self, ending: bytes):
        problem = refused(b"GET /cache/status HTTP/1.1\r\nCookie: " + b"A" * 40_000 + ending)

        assert problem["status"] == 431
        assert "shorter headers" in problem["detail"]

    def test_a_large_body_is_refused_before_it_is_sent(self):
        problem = refused(b"POST /portfolio HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n")

        assert problem["status"] == 413
        assert problem["detail"] == "The request is larger than 6 MB. Send it in parts."

    def test_a_client_that_sends_its_large_body_nevertheless_gets_the_answer(self):
        head = b"POST /portfolio HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n"

        assert refused(head + b"x" * 5_000_000)["status"] == 413

    def test_a_large_chunked_body(self):
        head = b"POST /portfolio HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

        assert refused(head + b"1\r\nx\r\n" * 30_000)["status"] == 413
        assert refused(head + b"20000\r\n" + b"x" * 0x20000 + b"\r\n0\r\n\r\n")["status"] == 413

    @pytest.mark.parametrize(
        "sent",
        [
            b"nonsense\r\n\r\n",
            b"GET /cache/status HTTP/1.1\r\nno colon\r\n\r\n",
            b"POST /cache/status HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST /cache/status HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            b"POST /cache/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 20_000,
            b"get /cache/status HTTP/1.1\r\n\r\n",
        ],
    )
    def test_invalid_http(self, sent: bytes):
        problem = refused(sent)

        assert problem["status"] == 400
        assert problem["detail"].startswith("The request is not valid HTTP: ")
        assert problem["detail"].endswith(". Correct it and send it again.")

    def test_an_unknown_transfer_coding(self):
        sent = b"POST /cache/status HTTP/1.1\r\nTransfer-Encoding: br\r\n\r\n"

        assert refused(sent)["status"] == 501

    def test_a_page_stays_a_page(self):
        answer, body = exchange(b"GET /admin/?" + b"A" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")

        assert answer.status == 414
        assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
        assert b"The address is too long." in body


class TestSlowClients:
    def test_headers_that_do_not_end_are_refused(self, monkeypatch):
        monkeypatch.setattr(buffered_http, "HEAD_SECONDS", 0)

        problem = refused(b"GET /cache/status HTTP/1.1\r\nHost")

        assert problem["status"] == 408
        assert "arrived too slowly" in problem["detail"]

    def test_a_body_that_does_not_end_is_refused(self, monkeypatch):
        monkeypatch.setattr(buffered_http, "BODY_SECONDS", 0)

        problem = refused(b"POST /portfolio HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")

        assert problem["status"] == 408

    def test_an_answer_that_nobody_reads_is_given_up(self, server, monkeypatch):
        monkeypatch.setattr(buffered_http, "ANSWER_SECONDS", 0)
        with connect() as sock:
            sock.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
            sock.recv(1)
            until(lambda: not server.active_channels, "the end of the connection")

    def test_an_idle_connection_is_closed(self, monkeypatch):
        monkeypatch.setattr(buffered_http, "IDLE_SECONDS", 0)
        with connect() as sock:
            assert sock.recv(1) == b""

    def test_answers_that_nobody_reads_take_no_thread(self):
        with ExitStack() as held:
            for _ in range(3 * THREADS):
                sock = held.enter_context(connect())
                sock.sendall(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
                sock.recv(1)

            assert json.loads(get("/cache/x"))[0] == "GET"

    def test_slow_headers_and_bodies_take_no_thread(self):
        with slow_headers(PORT, 50) as headers, slow_bodies(PORT, 50, "none") as bodies:
            assert json.loads(get("/cache/x"))[0] == "GET"
            assert headers.held() == bodies.held() == 50

    def test_the_oldest_waiting_connections_make_room(self, server):
        server.adj.connection_limit = 60
        with slow_headers(PORT, 50) as clients:
            for _ in range(100):
                assert json.loads(get("/cache/x"))[0] == "GET"
            assert 0 < clients.held() < 50
            assert clients.refused or clients.sockets[0].recv(1) == b""


class TestLanes:
    def block(self, held: ExitStack, application: Application, method: str, count: int) -> None:
        """Sends requests until all threads that may take them are taken, and more."""
        for _ in range(count):
            sock = held.enter_context(connect())
            sock.sendall(f"{method} /blocked HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        for _ in range(THREADS):
            assert application.blocked.acquire(timeout=60)

    def test_reads_do_not_queue_behind_writes(self, application):
        with ExitStack() as held:
            self.block(held, application, "POST", 30)

            assert json.loads(get("/cache/x"))[:2] == ["GET", "/cache/x"]

    def test_health_and_refusals_queue_behind_nothing(self, application):
        with ExitStack() as held:
            self.block(held, application, "POST", 30)
            self.block(held, application, "GET", 30)

            assert json.loads(get("/healthz"))[:2] == ["GET", "/healthz"]
            assert refused(b"nonsense\r\n\r\n")["status"] == 400


class TestStop:
    def test_requests_in_work_are_completed_and_others_closed(self, application, server):
        with connect() as idle, connect() as working:
            working.sendall(b"GET /blocked HTTP/1.1\r\nHost: a\r\n\r\n")
            assert application.blocked.acquire(timeout=60)
            server.stop_listening()
            until(lambda: server.close_idle() == 1, "the end of the idle connection")
            server.pull_trigger()
            assert idle.recv(1) == b""
            application.release.set()
            assert json.loads(read_answer(working)[1])[1] == "/blocked"
