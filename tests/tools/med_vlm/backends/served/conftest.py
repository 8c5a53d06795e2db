"""An OpenAI-compatible server on loopback that looks at the image, does of the protocol what it is told, and fails as it is told."""

from __future__ import annotations

import base64
import io
import json
import math
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pictures

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.backends.served.endpoint import endpoint_of
from tools.med_vlm.backends.served.line import Line, Patience
from tools.med_vlm.backends.served.model import ServedModel
from tools.med_vlm.spec import ModelSpec

SENTENCES = ("There is a left pleural effusion. ", "The heart is enlarged. ", "No pneumothorax. ", "The lungs are clear. ")
QUICK = Patience(total=60.0, silence=60.0, wait=0.01, longest_wait=0.2)


@dataclass
class Served:
    """What the server does, and what it was asked. Its model is the surer of a yes, the brighter the first image."""

    model: str = "tiny"
    systemone: bool = False
    logprobs: bool = False
    structured: bool = False
    draws: bool = True
    streams: bool = True
    says: Callable[[dict[str, Any]], str] | None = None
    """The text of an answer, in place of the model's own."""
    listed: dict[str, Any] | None = field(default_factory=lambda: {"id": "tiny", "root": "weights-1", "owned_by": "tests", "created": 1})
    faults: list[str] = field(default_factory=list)
    """Of the next answers, one each; the last one stays."""
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    certificate: Path | None = None
    """With its key, for https."""
    connections: set[tuple[str, int]] = field(default_factory=set)
    url: str = ""

    def bodies(self, path: str = "/v1/chat/completions") -> list[dict[str, Any]]:
        return [body for at, _, body in self.asked if at == path]

    def fault(self) -> str:
        return self.faults.pop(0) if len(self.faults) > 1 else self.faults[0] if self.faults else ""


def brightness(urls: list[str]) -> float:
    if not urls:
        return 0.5
    data = base64.b64decode(urls[0].removeprefix("data:image/png;base64,"), validate=True)
    return float(np.asarray(Pictures.open(io.BytesIO(data), formats=("PNG",)).convert("L")).mean()) / 255


def chunk(model: str, text: str | None = None, finish: str | None = None, **more: Any) -> bytes:
    delta = {} if text is None else {"content": text}
    said = {"object": "chat.completion.chunk", "model": model, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, **more}]}
    return b"data: " + json.dumps(said).encode() + b"\n\n"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # each event is a packet: it would wait 40 ms for the answer to the one before it
    does: Served
    over: threading.Event

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.does.asked.append((self.path, dict(self.headers.items()), {}))
        if self.does.listed is None:
            self.whole(b"{}", 404)
        else:
            self.whole(json.dumps({"object": "list", "data": [self.does.listed]}).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.does.connections.add(self.client_address)
        self.does.asked.append((self.path, dict(self.headers.items()), body))
        fault = self.does.fault()
        if fault:
            FAULTS[fault](self)
        elif self.path == "/v1/chat/completions":
            self.chat(body)
        elif self.path == "/v1/systemone" and self.does.systemone:
            self.typed(body)
        else:
            self.whole(b'{"detail":"Not Found"}', 404)

    def typed(self, body: dict[str, Any]) -> None:
        bright = brightness([asset["data_base64"] for asset in body["assets"].values()])
        answers = {}
        for name, question in body["questions"].items():
            first, *rest = question["criteria"]
            answers[name] = {"probabilities": {first: bright} | {one: (1 - bright) / len(rest) for one in rest}}
        self.whole(json.dumps({"model": body["model"], "answers": answers}).encode())

    def chat(self, body: dict[str, Any]) -> None:
        parts = body["messages"][-1]["content"]
        bright = brightness([part["image_url"]["url"] for part in parts if part["type"] == "image_url"])
        text, more = self.text(body, bright), {}
        if body.get("logprobs") and self.does.logprobs:
            tops = [("Yes", bright), (" no", 1 - bright), ("The", 1e-6)]
            more = {"logprobs": {"content": [{"top_logprobs": [{"token": one, "logprob": math.log(max(p, 1e-9))} for one, p in tops]}]}}
        if not self.does.streams:
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}
            self.whole(json.dumps({"model": self.does.model, "choices": [choice]}).encode())
            return
        words = [word + " " for word in text.split(" ")]
        words[-1] = words[-1][:-1]
        finish = "length" if len(words) > body["max_tokens"] else "stop"
        with self.streaming() as send:
            for number, word in enumerate(words[: body["max_tokens"]]):
                send(chunk(self.does.model, word, **(more if number == 0 else {})))
            send(chunk(self.does.model, finish=finish))
            send(b"data: [DONE]\n\n")

    def text(self, body: dict[str, Any], bright: float) -> str:
        if self.does.says is not None:
            return self.does.says(body)
        if "response_format" in body and self.does.structured:
            words = body["response_format"]["json_schema"]["schema"].get("properties", {})
            return json.dumps({name: schema["enum"][0] for name, schema in words.items()})
        draw = body.get("seed", 0) if body["temperature"] > 0 and self.does.draws else 0
        asks = "yes or no" in str(body["messages"])
        return ("yes" if bright + (draw and (draw - 4.5) * 0.06) > 0.5 else "no") if asks else SENTENCES[int(bright * 7 + draw) % 4].strip()

    def whole(self, body: bytes, status: int = 200, media_type: str = "application/json", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": media_type, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    @contextmanager
    def streaming(self) -> Iterator[Callable[[bytes], None]]:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        yield lambda part: self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part)) and self.wfile.flush()  # type: ignore[func-returns-value]
        self.wfile.write(b"0\r\n\r\n")

    def events(self, *parts: bytes) -> None:
        with self.streaming() as send:
            for part in parts:
                send(part)

    def for_ever(self, part: bytes, pause: float = 0.0) -> None:
        """Until the asker hangs up, or the test is over."""
        with self.streaming() as send:
            while not self.over.wait(pause) if pause else not self.over.is_set():
                send(part)

    def dies(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"ffff\r\n" + chunk(self.does.model, "There is"))
        self.close_connection = True

    def hangs_up(self) -> None:
        self.close_connection = True


def said(*texts: str, finish: str | None = "stop") -> Callable[[Handler], None]:
    return lambda handler: handler.events(*(chunk(handler.does.model, text) for text in texts), chunk(handler.does.model, finish=finish))


FAULTS: dict[str, Callable[[Handler], None]] = {
    "none": lambda handler: handler.chat(handler.does.asked[-1][2]),
    "empty": said(""),
    "white": said(" \n"),
    "no events": lambda handler: handler.events(),
    "not JSON": lambda handler: handler.events(b"data: Internal error for patient 4711\n\n"),
    "truncated JSON": lambda handler: handler.events(b'data: {"choices": [{"delta": {"content": "Th\n\n'),
    "wrong schema": lambda handler: handler.events(b'data: {"choices": "patient 4711"}\n\n'),
    "a list": lambda handler: handler.events(b"data: [1]\n\n"),
    "no number": lambda handler: handler.events(
        chunk("tiny", "yes", logprobs={"content": [{"top_logprobs": [{"token": "a", "logprob": "x"}]}]})
    ),
    "nested": lambda handler: handler.events(b"data: " + b'{"choices":' * 20000 + b"\n\n"),
    "cut off": said("There is", finish=None),
    "a page": lambda handler: handler.whole(b"<html>sign in, patient 4711</html>", media_type="text/html"),
    "compressed": lambda handler: handler.whole(b"\x1f\x8b", Content_Encoding="gzip"),
    "a million tokens": lambda handler: handler.for_ever(b"".join(chunk("tiny", f"word{number} ") for number in range(50))),
    "the same for ever": lambda handler: handler.for_ever(chunk("tiny", "no effusion, ")),
    "a line without end": lambda handler: handler.for_ever(b"data: " + b"x" * 65536),
    "events of nothing": lambda handler: handler.for_ever(chunk("tiny", "") * 100),
    "an error event": lambda handler: handler.events(chunk("tiny", "There"), b'data: {"error": "CUDA out of memory, patient 4711"}\n\n'),
    "another model": lambda handler: handler.events(chunk("other", "yes"), chunk("other", finish="stop")),
    "dies": Handler.dies,
    "hangs up": Handler.hangs_up,
    "silent": lambda handler: handler.over.wait(600) and None,
    "drips": lambda handler: handler.for_ever(b": still thinking\n\n", pause=0.02),
    "elsewhere": lambda handler: handler.whole(b"", 307, Location="http://127.0.0.1:9/v1/chat/completions"),
    **{
        str(status): lambda handler, status=status: handler.whole(b'{"error":"patient 4711"}', status)
        for status in (202, 400, 401, 403, 404, 422, 429, 500, 502, 503)
    },
    "busy for a moment": lambda handler: handler.whole(b"", 503, Retry_After="0"),
    "busy for an hour": lambda handler: handler.whole(b"", 429, Retry_After="3600"),
}


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: object) -> None:
        """An asker that hangs up is what several tests are about."""


@contextmanager
def serving(does: Served) -> Iterator[Served]:
    over = threading.Event()
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"does": does, "over": over}))
    if does.certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(does.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    does.url = f"http{'s' if does.certificate else ''}://127.0.0.1:{server.server_port}/v1"
    try:
        yield does
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """`serve(logprobs=True, faults=["503"])` starts a server that does so, and gives what it is asked."""
    with ExitStack() as started:
        yield lambda **does: started.enter_context(serving(Served(**does)))


@pytest.fixture
def open_model() -> Iterator[Callable[..., ServedModel]]:
    """`open_model(server)` opens the model of a server; its connections are closed after the test."""
    opened: list[ServedModel] = []

    def open_(server: Served, patience: Patience = QUICK, **settings: Any) -> ServedModel:
        spec = ModelSpec(name="tiny", backend="openai", source=server.url, licence="Apache-2.0", **settings)
        opened.append(ServedModel(spec, patience))
        return opened[-1]

    yield open_
    for model in opened:
        model.close()


@pytest.fixture
def grey() -> Callable[..., Asked]:
    """`grey(0.8)` asks about one image of that brightness."""
    return lambda level, **more: Asked((Image(np.full((32, 24), level, np.float32), view="PA"),), **more)


@pytest.fixture
def line() -> Iterator[Callable[..., Line]]:
    """`line(server)`: a line to a server, closed after the test."""
    opened: list[Line] = []

    def open_line(server: Served, patience: Patience = QUICK, **more: Any) -> Line:
        opened.append(Line(endpoint_of(server.url), patience, **more))
        return opened[-1]

    yield open_line
    for one in opened:
        one.close()
