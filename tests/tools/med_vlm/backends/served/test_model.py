"""A served model end to end, over HTTP: what it answers, by which way, and what it is sent."""

from __future__ import annotations

import base64
import io
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pictures

from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.questioned import QuestionedReader
from tools.med_vlm.backends.served import open_served
from tools.med_vlm.backends.served.line import Patience
from tools.med_vlm.backends.served.model import COUNTED
from tools.med_vlm.deadline import within
from tools.med_vlm.errors import ImageRefused, ModelAnswerUnusable, ModelServerRefused, ModelTimedOut
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.vision_model import Prompt, Question, Written

EFFUSION = Question("pleural_effusion", "Is there a pleural effusion? Answer yes or no.", ("yes", "no"), ("effusion", "no effusion"))
NODULE = Question("nodule", "Is there a nodule? Answer yes or no.", ("yes", "no"), ("nodule", "no nodule"))
REPORT = Prompt("You are a radiologist.", "Describe the image.", most_tokens=32)

WAYS = [
    pytest.param({"systemone": True, "logprobs": True}, "scored", id="typed questions first"),
    pytest.param({"logprobs": True}, "log-probabilities", id="then log-probabilities"),
    pytest.param({}, "sampled", id="then counted samples"),
]


@pytest.mark.parametrize(("offers", "basis"), WAYS)
def test_probabilities_come_by_the_best_way_the_server_really_has(
    serve: Any, open_model: Any, grey: Any, offers: dict[str, bool], basis: str
) -> None:
    model = open_model(serve(**offers))
    bright, dark = (model.choose(grey(level), [EFFUSION, NODULE]) for level in (0.9, 0.1))
    assert [(one.name, one.basis, one.samples) for one in bright] == [
        (name, basis, COUNTED if basis == "sampled" else 0) for name in ("pleural_effusion", "nodule")
    ]
    for one in (*bright, *dark):
        assert set(one.probabilities) == {"yes", "no"}
        assert sum(one.probabilities.values()) == pytest.approx(1)
    assert bright[0].probabilities["yes"] > 0.85, "the image decides"
    assert dark[0].probabilities["yes"] < 0.15


def test_a_way_that_the_settings_name_is_taken_or_refused_but_not_replaced(serve: Any, open_model: Any, grey: Any) -> None:
    server = serve(systemone=True, logprobs=True)
    assert open_model(server, answers_by="sampling").choose(grey(0.9), [EFFUSION])[0].basis == "sampled"
    assert open_model(server, answers_by="log-probabilities").choose(grey(0.9), [EFFUSION])[0].basis == "log-probabilities"
    with pytest.raises(ModelServerRefused, match="systemone"):
        open_model(serve(logprobs=True), answers_by="systemone").choose(grey(0.9), [EFFUSION])


@pytest.mark.fault(68)
def test_another_way_of_asking_is_another_fingerprint_so_that_no_calibration_holds_for_it(serve: Any, open_model: Any) -> None:
    server = serve(systemone=True, logprobs=True)
    ways = ("systemone", "log-probabilities", "sampling")
    marks = {way: open_model(server, answers_by=way).fingerprint for way in ways}
    assert open_model(server).fingerprint == marks["systemone"]  # the way that is found, whatever the settings call it
    server.draws = False
    still = open_model(server, answers_by="sampling").fingerprint  # counts one answer, and not eight
    assert len({*marks.values(), still}) == 4
    server.systemone = False  # the server was changed, and started anew
    assert open_model(server).fingerprint == marks["log-probabilities"]
    with pytest.raises(ModelServerRefused):
        _ = open_model(server, answers_by="systemone").fingerprint


@pytest.mark.fault(66)
@pytest.mark.parametrize("offers", [{"logprobs": True}, {}], ids=["log-probabilities", "sampled"])
def test_questions_that_are_asked_together_end_with_their_reading_too(
    serve: Any, open_model: Any, grey: Any, offers: dict[str, bool]
) -> None:
    server = serve(**offers)
    model = open_model(server, Patience(total=60.0, silence=60.0))
    assert model.choose(grey(0.9), [EFFUSION])
    server.faults = ["silent"]
    began = time.monotonic()
    with pytest.raises(ModelTimedOut), within(0.3):
        model.choose(grey(0.9), [EFFUSION, NODULE])
    assert time.monotonic() - began < 10


def test_typed_questions_go_in_one_request_and_the_server_is_tried_once(serve: Any, open_model: Any, grey: Any) -> None:
    server = serve(systemone=True)
    model = open_model(server)
    for _ in range(3):
        model.choose(grey(0.5), [EFFUSION, NODULE])
    tried, *asked = server.bodies("/v1/systemone")
    assert list(tried["questions"]) == ["half"]
    assert [list(body["questions"]) for body in asked] == [["pleural_effusion", "nodule"]] * 3
    assert len([path for path, _, _ in server.asked if path == "/v1/models"]) == 1


def test_a_server_that_draws_nothing_is_asked_once_and_its_one_answer_is_no_certainty(serve: Any, open_model: Any, grey: Any) -> None:
    (answered,) = open_model(serve(draws=False)).choose(grey(0.9), [EFFUSION])
    assert (answered.basis, answered.samples) == ("sampled", 1)
    assert answered.probabilities == pytest.approx({"yes": 0.75, "no": 0.25})


def test_what_is_sent_is_the_images_in_order_each_introduced_and_then_the_words(serve: Any, open_model: Any) -> None:
    server = serve()
    model = open_model(server, most_images=2, sees_priors=True)
    shades = [
        Image(np.full((8, 8), level, np.float32), view=view) for level, view in ((1.0, "PA"), (0.5, "LL"), (0.2, "AP"), (0.0, "^x\n"))
    ]
    model.write(Asked(tuple(shades[:3]), priors=(shades[3], shades[0])), REPORT)
    (body,) = server.bodies()
    (only,) = body["messages"]
    kinds = [part["type"] for part in only["content"]]
    assert kinds == ["text", "image_url"] * 3 + ["text", "text"], "two of the study's three images, one prior, the prompt"
    words = [part["text"] for part in only["content"] if part["type"] == "text"]
    assert words == [
        "The image to read (PA):",
        "A further view of the same study (LL):",
        "The earlier image to compare with:",
        "You are a radiologist.",
        "Describe the image.",
    ]
    urls = [part["image_url"]["url"] for part in only["content"] if part["type"] == "image_url"]
    pictures = [Pictures.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) for url in urls]
    assert [picture.getpixel((0, 0)) for picture in pictures] == [(255,) * 3, (128,) * 3, (0,) * 3]
    assert (body["temperature"], body["stream"], body["max_tokens"], only["role"]) == (0.0, True, 32, "user")


def test_no_image_is_sent_that_is_none(serve: Any, open_model: Any) -> None:
    server = serve()
    with pytest.raises(ImageRefused):
        open_model(server).write(Asked((Image(np.full((4, 4), np.nan, np.float32)),)), REPORT)
    assert server.asked == []


@pytest.mark.parametrize("streams", [True, False])
def test_a_text_comes_whole_streamed_or_not(serve: Any, open_model: Any, grey: Any, streams: bool) -> None:
    text = "Éffusion à gauche: 3 cm.\nPas de pneumothorax."
    model = open_model(serve(says=lambda body: text, streams=streams))
    assert model.write(grey(0.5), REPORT) == (Written(text, whole=True),)


def test_a_text_that_ends_at_the_limit_of_tokens_is_not_whole(serve: Any, open_model: Any, grey: Any) -> None:
    model = open_model(serve(says=lambda body: "one two three four"))
    assert model.write(grey(0.5), Prompt("", "Describe.", most_tokens=2)) == (Written("one two ", whole=False),)


def test_samples_are_drawn_by_their_seeds_after_one_without_chance(serve: Any, open_model: Any, grey: Any) -> None:
    server = serve()
    texts = open_model(server).write(grey(0.5), REPORT, samples=4)
    assert len({one.text for one in texts}) == 4
    written = [body for body in server.bodies() if body["max_tokens"] == 32]
    assert sorted((body["temperature"], body.get("seed", 0)) for body in written) == [(0.0, 0), (0.7, 1), (0.7, 2), (0.7, 3)]


def test_a_server_that_draws_nothing_gives_one_text_since_equal_ones_would_look_like_agreement(
    serve: Any, open_model: Any, grey: Any
) -> None:
    assert len(open_model(serve(draws=False)).write(grey(0.5), REPORT, samples=4)) == 1


def test_a_drawn_text_that_is_unusable_agrees_with_nothing_and_spoils_nothing(serve: Any, open_model: Any, grey: Any) -> None:
    server = serve(
        says=lambda body: "no effusion, " * 200 if body.get("seed") == 2 and body["max_tokens"] > 20 else f"Text {body.get('seed')}."
    )
    texts = open_model(server).write(grey(0.5), Prompt("", "Describe.", most_tokens=500), samples=3)
    assert texts == (Written("Text None.", True), Written("Text 1.", True), Written("", False))


@pytest.mark.parametrize("structured", [True, False], ids=["honoured", "ignored"])
def test_a_schema_is_asked_for_only_where_it_was_seen_to_be_kept(serve: Any, open_model: Any, grey: Any, structured: bool) -> None:
    server = serve(structured=structured)
    open_model(server).write(grey(0.5), Prompt("", "As JSON.", json=True))
    *_, body = server.bodies()
    assert ("response_format" in body) is structured


def test_the_capabilities_are_what_was_found_and_not_what_was_accepted(serve: Any, open_model: Any) -> None:
    for offers in ({}, {"systemone": True}, {"logprobs": True, "structured": True}):
        found = open_model(serve(draws=False, **offers)).capabilities
        names = ("systemone", "log_probabilities", "structured", "draws")
        expected = {"systemone", "logprobs", "structured"} & set(offers)
        assert {name for name in names if getattr(found, name)} == {name.replace("logprobs", "log_probabilities") for name in expected}


@pytest.mark.fault(67)
@pytest.mark.parametrize("offers", [{"systemone": True}, {"logprobs": True}, {}], ids=["typed", "log-probabilities", "sampled"])
def test_the_same_case_twenty_times_is_answered_the_same_twenty_times(
    serve: Any, open_model: Any, grey: Any, offers: dict[str, bool]
) -> None:
    model, asked = open_model(serve(**offers)), grey(0.47)
    assert len({str(model.choose(asked, [EFFUSION])) for _ in range(20)}) == 1
    assert len({model.write(asked, REPORT, samples=3) for _ in range(20)}) == 1


@pytest.mark.fault(67)
def test_answers_that_wobble_are_counted_by_rule_in_whatever_order_they_come(serve: Any, open_model: Any, grey: Any) -> None:
    said: list[str] = []
    lock = threading.Lock()

    def wobbling(body: dict[str, Any]) -> str:
        if "yes or no" not in str(body["messages"]):
            return f"Sentence {body.get('seed')}."
        with lock:
            return said.pop()

    model = open_model(serve(says=wobbling), answers_by="sampling")
    answers = ["Yes.", "no", "Yes, on the left", "**Yes**", "No", "maybe", "yes", "yes"]
    seen = set()
    for seed in range(5):
        said[:] = random.Random(seed).sample(answers, len(answers))
        (answered,) = model.choose(grey(0.5), [EFFUSION])
        seen.add(answered.probabilities["yes"])
    assert seen == {5.5 / 8}, "five of seven, and a half for each"


def test_questions_are_answered_in_their_order_from_several_threads_at_once(serve: Any, open_model: Any, grey: Any) -> None:
    model = open_model(serve(logprobs=True))
    questions = [Question(f"q{number}", "Is it bright? Answer yes or no.", ("yes", "no"), ("", "")) for number in range(9)]
    levels = [0.2, 0.4, 0.6, 0.8]
    found: dict[float, Any] = {}
    threads = [threading.Thread(target=lambda level=level: found.update({level: model.choose(grey(level), questions)})) for level in levels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for level in levels:
        assert [one.name for one in found[level]] == [one.name for one in questions]
        assert {round(one.probabilities["yes"], 1) for one in found[level]} == {level}


def test_no_question_needs_no_server(open_model: Any, serve: Any, grey: Any) -> None:
    server = serve()
    assert open_model(server).choose(grey(0.5), []) == ()
    assert server.asked == []


def test_an_empty_text_is_no_report(serve: Any, open_model: Any, grey: Any) -> None:
    with pytest.raises(ModelAnswerUnusable, match="empty"):
        open_model(serve(faults=["white"])).write(grey(0.5), REPORT)


def test_the_back_end_is_taken_in_without_a_library_that_is_slow_to_load() -> None:
    code = "import sys, tools.med_vlm.backends.served; print([one for one in ('httpx', 'torch', 'transformers') if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[5])
    assert done.stdout.strip() == "[]"


def test_a_model_is_opened_without_its_server_and_named_with_its_revision() -> None:
    spec = ModelSpec(name="lingshu", backend="openai", source="https://models.example", licence="MIT", revision="ab" * 20)
    model = open_served(spec)
    assert (model.name, model.writes, model.profile.role, model.profile.licence) == (
        "lingshu abababababab",
        True,
        "generative reader",
        "MIT",
    )
    model.close()


def test_the_back_end_adds_nothing_of_a_patient_to_its_callers_words(serve: Any, open_model: Any, grey: Callable[..., Asked]) -> None:
    server = serve(systemone=True)
    asked = grey(0.5, question="secret question", indication="secret indication", age_years=63.0, sex="female")
    model = open_model(server)
    model.choose(asked, [EFFUSION])
    model.write(asked, REPORT)
    (typed,), (chat,) = server.bodies("/v1/systemone")[1:], server.bodies()
    assert set(typed) == {"model", "state", "questions", "assets"}
    assert set(chat) == {"model", "messages", "stream", "max_tokens", "temperature"}
    assert "secret" not in json.dumps([typed, chat])
    assert typed["state"] == "The image to read (PA): [[image 1]]"


GROUNDED = {
    "prose": "There is a left pleural effusion. The heart is not enlarged.",
    "maira-2": "<obj>There is a left pleural effusion.<box><x50><y60><x90><y95></box></obj><obj>The heart is not enlarged.</obj>",
    "vividmed": json.dumps(
        {"text": "There is <p>a left pleural effusion</p>. The heart is not enlarged.", "phrases": [{"boxes": [[0.5, 0.6, 0.9, 0.95]]}]}
    ),
    "json": json.dumps(
        {
            "unit": "thousandths",
            "findings": [
                {"sentence": "There is a left pleural effusion.", "boxes": [[500, 600, 900, 950]]},
                {"sentence": "The heart is not enlarged.", "boxes": []},
            ],
        }
    ),
}


@pytest.mark.parametrize("form", GROUNDED)
def test_a_reading_is_made_of_what_a_server_writes_in_every_format(serve: Any, open_model: Any, form: Any) -> None:
    model = open_model(serve(systemone=True, says=lambda body: GROUNDED[form]))
    reader = QuestionedReader(model, form)
    reading = reader.read(Asked((Image(np.tile(np.linspace(0.3, 1, 400, dtype=np.float32), (512, 1)), view="PA"),)))
    assert [one.text for one in reading.narrative][:1] == ["There is a left pleural effusion."]
    (effusion,) = (one for one in reading.findings if one.key == "pleural_effusion")
    assert (effusion.side, len(effusion.regions)) == ("left", int(form != "prose"))
    assert (reading.model, reading.fingerprint) == (model.name, reader.fingerprint)


@pytest.mark.parametrize("offers", [{"systemone": True}, {"logprobs": True}, {}], ids=["typed", "log-probabilities", "sampled"])
def test_it_keeps_the_contract_of_every_back_end(serve: Any, open_model: Any, keeps_the_contract: Any, offers: dict[str, bool]) -> None:
    keeps_the_contract(open_model(serve(**offers)))
