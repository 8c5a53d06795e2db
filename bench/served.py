"""What the back end of served models costs on top of a bare httpx call."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import numpy as np

from bench.clock import alternate
from bench.rows import Figure, Row
from bench.setting import Setting
from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.questions import WORDINGS, question
from tools.med_vlm.backends.served import open_served
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Prompt

ROWS, COLUMNS, TOKENS = 1024, 832, 128
PROMPT = Prompt("You are a radiologist.", "Describe this chest radiograph.", most_tokens=512)
QUESTIONS = tuple(map(question, WORDINGS))


def served(setting: Setting) -> tuple[Row, ...]:
    """A served model, per answer.

    CPU time, that of the server among it: a thread of this process that answers at once, a report of 128 events, or typed questions
    about all findings in one request. The peer posts the same body by httpx, over one connection that is kept, and reads the answer
    as bytes. Ours also makes the body, reads events, looks for endless repetition, and checks who answers. An image is made a PNG once a
    study: the last row's study is a new one, the others' was asked about before.
    """
    import httpx

    ready = _study()
    with answering() as (url, sent), httpx.Client(trust_env=False) as bare:
        spec = ModelSpec(name="bench", backend="openai", source=url, licence="Apache-2.0", answers_by="systemone")
        model, other = open_served(spec), open_served(spec)
        model.choose(ready, QUESTIONS)
        model.write(ready, PROMPT)
        bodies = {path: sent[path] for path in ("/v1/chat/completions", "/v1/systemone")}

        def post(path: str) -> bytes:
            return bare.post(url.removesuffix("/v1") + path, content=bodies[path], headers={"Content-Type": "application/json"}).content

        def new_study() -> object:
            return other.write(Asked((ready.focal,)), PROMPT)

        work = {
            "report": lambda: model.write(ready, PROMPT),
            "bare report": lambda: post("/v1/chat/completions"),
            "questions": lambda: model.choose(ready, QUESTIONS),
            "bare questions": lambda: post("/v1/systemone"),
            "new study": new_study,
        }
        times = alternate(setting.rounds(40), work)
        model.close()
        other.close()
    return _rows(times)


def _rows(times: dict[str, Figure]) -> tuple[Row, ...]:
    peer = "httpx, same body"
    image = f"{COLUMNS} x {ROWS}"
    return (
        Row(f"report of {TOKENS} tokens", times["report"], peer, times["bare report"]),
        Row(f"{len(QUESTIONS)} typed questions in one request", times["questions"], peer, times["bare questions"]),
        Row(f"report, a new image of {image} made a PNG first", times["new study"], peer, times["bare report"]),
    )


def _study() -> Asked:
    """Smooth, with the noise that makes a radiograph's PNG large."""
    random = np.random.default_rng(0)
    smooth = np.add.outer(np.linspace(0, 0.6, ROWS), np.linspace(0, 0.3, COLUMNS))
    return Asked((Image(np.clip(smooth + random.normal(0.05, 0.01, smooth.shape), 0, 1).astype(np.float32), view="PA"),))


@contextmanager
def answering() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A server on loopback that always gives the same answers; its URL, and the last body it was sent by path."""
    sent: dict[str, bytes] = {}
    handler = type("Bound", (_Answering,), {"sent": sent})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1", sent
        finally:
            server.shutdown()
            thread.join()


def _events() -> bytes:
    def event(text: str | None, finish: str | None) -> bytes:
        choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
        return b"data: " + json.dumps({"id": "x", "model": "bench", "choices": [choice]}).encode() + b"\n\n"

    words = (event(f"word{number} ", None) for number in range(TOKENS))
    return b"".join((*words, event(None, "stop"), b"data: [DONE]\n\n"))


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece
    sent: ClassVar[dict[str, bytes]]
    answers: ClassVar[dict[str, tuple[str, bytes]]] = {
        "/v1/chat/completions": ("text/event-stream", _events()),
        "/v1/models": ("application/json", b'{"object": "list", "data": [{"id": "bench", "root": "weights"}]}'),
    }

    def do_GET(self) -> None:
        self._answer(*self.answers[self.path])

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.sent[self.path] = body
        self._answer(*(_typed(body) if self.path == "/v1/systemone" else self.answers[self.path]))

    def _answer(self, media_type: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _typed(body: bytes) -> tuple[str, bytes]:
    names = json.loads(body)["questions"]
    answers = {name: {"type": "choice", "probabilities": {"yes": 0.25, "no": 0.75}} for name in names}
    return "application/json", json.dumps({"model": "bench", "answers": answers}).encode()
