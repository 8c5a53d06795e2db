"""The fault proxy does what its plans say: a proxy that hands everything on whole would prove nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

QUESTION = b"GET /x?a=1 HTTP/1.1\r\nHost: h\r\n\r\n"
BODY = b'{"a": 1}'


def asked(port: int, question: bytes = QUESTION, patience: float = 60.0) -> tuple[bytes, str]:
    """What came on a bare socket, and how it ended: closed, reset or, so many seconds after the last byte, silent."""
    came = b""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(question)
        try:
            while part := client.recv(65536):
                came += part
                client.settimeout(patience)
        except ConnectionResetError:
            return came, "reset"
        except TimeoutError:
            return came, "silent"
    return came, "closed"


@pytest.fixture
def answer(faults: Any) -> bytes:
    return faults.http(BODY, connection="close")


def test_hands_an_answer_on_whole_and_keeps_what_was_asked(fault_proxy: Any, answer: bytes) -> None:
    proxy = fault_proxy(answer)
    assert asked(proxy.port, b"POST /y HTTP/1.1\r\nX-A: b\r\nContent-Length: 2\r\n\r\nhi") == (answer, "closed")
    (only,) = proxy.asked
    assert (only.method, only.target, only.headers["x-a"], only.body) == ("POST", "/y", "b", b"hi")
    assert not proxy.hung_up.is_set()


@pytest.mark.parametrize(
    ("stop", "end"), [("reset", "reset"), ("close", "closed"), ("half-close", "closed"), ("silence", "silent")]
)  # a half-closed connection looks closed to who only reads
def test_stops_after_a_byte_in_each_way(fault_proxy: Any, faults: Any, answer: bytes, stop: str, end: str) -> None:
    proxy = fault_proxy(answer)
    proxy.plan = faults.Plan(stop_at=7, stop=stop)
    came, how = asked(proxy.port, patience=0.2 if stop == "silence" else 60.0)
    assert how == end
    assert came == answer[:7] or (stop == "reset" and came == b"")  # a reset may overtake the bytes before it


def test_a_half_closed_connection_stays_open_on_our_side(fault_proxy: Any, faults: Any, answer: bytes) -> None:
    proxy = fault_proxy(answer)
    proxy.plan = faults.Plan(stop_at=7, stop="half-close")
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as client:
        client.sendall(QUESTION)
        assert client.recv(100) + client.recv(100) == answer[:7]
        assert not proxy.hung_up.is_set()
    assert proxy.hung_up.wait(60)


def test_waits_and_throttles(fault_proxy: Any, faults: Any, answer: bytes) -> None:
    proxy = fault_proxy(answer)
    for plan, least in ((faults.Plan(latency=0.2), 0.2), (faults.Plan(rate=len(answer) * 5), 0.15)):
        proxy.plan = plan
        began = time.perf_counter()
        assert asked(proxy.port)[0] == answer
        assert time.perf_counter() - began >= least


def test_rewrites_answers(fault_proxy: Any, faults: Any, answer: bytes) -> None:
    proxy = fault_proxy(answer)
    head = answer.removesuffix(BODY)
    wanted = {
        faults.corrupt(1): head + b'{\xdda": 1}',
        faults.wrong_length(3): answer.replace(b"Length: 8", b"Length: 11"),
        faults.wrong_length(-3): answer.replace(b"Length: 8", b"Length: 5"),
        faults.chunked(5): head.replace(b"Content-Length: 8", b"Transfer-Encoding: chunked") + b'5\r\n{"a":\r\n3\r\n 1}\r\n0\r\n\r\n',
        faults.repeated_header("Content-Length: 9"): head.replace(b"\r\n\r\n", b"\r\nContent-Length: 9\r\n\r\n") + BODY,
    }
    proxy.plans.extend(faults.Plan(rewrite=rewrite) for rewrite in wanted)
    assert [asked(proxy.port)[0] for _ in wanted] == list(wanted.values())
    assert asked(proxy.port)[0] == answer, "the plans are used up, and the standing one is sound"


def test_refuses_while_it_is_down_and_comes_back_on_its_port(fault_proxy: Any, answer: bytes) -> None:
    proxy = fault_proxy(answer)
    proxy.down()
    with pytest.raises(ConnectionRefusedError):
        asked(proxy.port)
    proxy.up()
    assert asked(proxy.port)[0] == answer


def test_notices_a_client_that_hangs_up_and_one_that_asks_again_on_its_connection(fault_proxy: Any, faults: Any) -> None:
    proxy = fault_proxy(faults.http(BODY))
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as client:
        for _ in range(2):
            client.sendall(QUESTION)
            assert client.recv(1000).endswith(BODY)
        assert proxy.connections == 1
        assert not proxy.hung_up.is_set()
        proxy.plan = faults.Plan(latency=600)
        client.sendall(QUESTION)
    assert proxy.hung_up.wait(60)


@pytest.fixture
def real_server() -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])) + self.headers["Connection"].encode()
            self.send_response(201)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_relays_to_a_real_server(fault_proxy: Any, faults: Any, real_server: int) -> None:
    proxy = fault_proxy(faults.relayed("127.0.0.1", real_server))
    proxy.plan = faults.Plan(stop_at=12, stop="close")
    question = b"POST / HTTP/1.1\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi"
    assert asked(proxy.port, question) == (b"HTTP/1.0 201", "closed")
    proxy.plan = faults.Plan(rewrite=faults.repeated_header("Connection: close"))
    assert asked(proxy.port, question)[0].endswith(b"\r\n\r\nhiclose")
