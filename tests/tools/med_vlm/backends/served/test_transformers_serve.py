"""The real thing: one `transformers serve`, really started, answering over HTTP with tiny checkpoints of four families.

What it does not do is found here as well: it takes `logprobs` and `response_format` without a word and gives neither.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import httpx
import numpy as np
import pytest

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.questions import question
from tools.med_vlm.backends.served.chat import Chat, Wanted
from tools.med_vlm.backends.served.endpoint import endpoint_of
from tools.med_vlm.backends.served.line import Line, Patience
from tools.med_vlm.backends.served.model import COUNTED, ServedModel
from tools.med_vlm.backends.served.offers import Capabilities
from tools.med_vlm.backends.served.served_name import ServedName
from tools.med_vlm.backends.served.shown import message, shown
from tools.med_vlm.errors import MedVlmError, ModelServerUnreachable
from tools.med_vlm.profile import Profile
from tools.med_vlm.spec import ModelSpec

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("openai") is None, reason='needs `pip install "transformers[serving]"`'),
]

LONGEST_START = 240.0
PATIENT = Patience(total=120, silence=120)
QUESTIONS = (question("pleural_effusion"), question("pneumothorax"))
TYPED = {"gemma3": True, "paligemma": True, "llava": False, "idefics3": False}
"""Whether a family's checkpoint gets typed questions answered: 500 where its tokenizer begins every text with a token by itself."""
each_family = pytest.mark.parametrize("family", TYPED)


@dataclass(frozen=True)
class Server:
    url: str
    process: subprocess.Popen[bytes]

    def spec(self, served_model: str) -> ModelSpec:
        return ModelSpec(name="tiny", backend="openai", source=self.url, licence="Apache-2.0", served_model=served_model)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, ports_for_children: Callable[[], int]) -> Iterator[Server]:
    """Started once; it takes a model's folder when it is first named. Stopped by its pid."""
    home = tmp_path_factory.mktemp("hub-home")
    (home / "hub").mkdir()
    port = str(ports_for_children())
    command = [str(Path(sys.executable).with_name("transformers")), "serve", "--host", "127.0.0.1", "--port", port, "--device", "cpu"]
    alone = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **alone}, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, home / "log")
        yield Server(f"http://127.0.0.1:{port}/v1", process)
    finally:
        process.kill()
        process.wait(60)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + LONGEST_START
    while process.poll() is None and time.monotonic() < ends:
        try:
            if httpx.get(url, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    pytest.fail(f"transformers serve did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")


@pytest.fixture
def served(server: Server, tiny: Callable[[str], Path]) -> Iterator[Callable[[str], ServedModel]]:
    """`served("llava")`: the model of a family; closed after the test."""
    opened: list[ServedModel] = []

    def open_(family: str) -> ServedModel:
        opened.append(ServedModel(server.spec(str(tiny(family))), PATIENT))
        return opened[-1]

    yield open_
    for model in opened:
        model.close()


def ramp(level: float) -> Asked:
    return Asked((Image(np.linspace(0, level, 64 * 64, dtype=np.float32).reshape(64, 64), view="PA"),))


@each_family
def test_what_the_server_takes_and_leaves_out_is_found(served: Callable[[str], ServedModel], family: str) -> None:
    found = served(family).capabilities
    assert found == Capabilities(systemone=TYPED[family], log_probabilities=False, structured=False, draws=False)


@each_family
@pytest.mark.fault(67)
def test_questions_about_an_image_are_answered_alike_each_time(served: Callable[[str], ServedModel], family: str) -> None:
    model = served(family)
    first, again, other = (model.choose(ramp(level), QUESTIONS) for level in (1.0, 1.0, 0.1))
    assert [one.name for one in first] == ["pleural_effusion", "pneumothorax"]
    for one in first:
        assert set(one.probabilities) == {"yes", "no"}
        assert sum(one.probabilities.values()) == pytest.approx(1, abs=1e-9)
        assert (one.basis, one.samples) == (("scored", 0) if TYPED[family] else ("sampled", 1))
    assert first == again
    if family == "paligemma":  # the random weights of the tiny Gemma 3 answer so nearly alike that no digit shows it
        assert first != other, "it looks at the image"


@each_family
@pytest.mark.fault(67)
def test_a_text_about_an_image_is_streamed_and_the_same_each_time(server: Server, tiny: Callable[[str], Path], family: str) -> None:
    line = Line(endpoint_of(server.url), PATIENT)
    chat = Chat(line, ServedName(line, str(tiny(family)), None))
    images = shown(ramp(1.0), Profile(role="generative reader", licence="MIT"))
    said = [chat.say(message(images, "You are a radiologist.", "Describe the image."), Wanted(16)) for _ in range(3)]
    line.close()
    assert said[0] == said[1] == said[2]


def test_a_checkpoint_that_says_it_draws_is_drawn_from(server: Server, tiny: Callable[[str, Path], Path], tmp_path: Path) -> None:
    """The server draws only where the checkpoint's own generation_config does: a temperature alone changes nothing."""
    folder = tiny("idefics3", tmp_path / "draws")
    config = folder / "generation_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "do_sample": True}))
    model = ServedModel(server.spec(str(folder)), PATIENT)
    assert model.capabilities.draws
    (answered,) = model.choose(ramp(1.0), QUESTIONS[:1])
    assert (answered.basis, answered.samples) == ("sampled", COUNTED)
    model.close()


def test_a_model_that_is_not_there_is_a_typed_error(server: Server) -> None:
    model = ServedModel(server.spec("nobody/nothing"), Patience(attempts=1))
    with pytest.raises(MedVlmError):
        model.choose(ramp(1.0), QUESTIONS)
    model.close()


@pytest.mark.fault(66)
def test_a_server_that_was_killed_is_unreachable(server: Server, served: Callable[[str], ServedModel]) -> None:
    """The last of this file: nothing is there to be asked after it."""
    model = served("gemma3")
    assert len(model.fingerprint) == 64
    server.process.kill()
    server.process.wait(60)
    with pytest.raises(ModelServerUnreachable):
        model.choose(ramp(1.0), QUESTIONS)
