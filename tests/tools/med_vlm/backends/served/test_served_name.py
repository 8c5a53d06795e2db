"""Who answers is who was named, from the first answer to the last (FAULTS 68)."""

from __future__ import annotations

from typing import Any

import pytest

from tools.med_vlm.backends.served.served_name import LOOK_AGAIN, ServedName
from tools.med_vlm.errors import ModelChanged, ModelServerUnreachable
from tools.med_vlm.vision_model import Prompt, Question

pytestmark = pytest.mark.fault(68)

COMMIT, OTHER = "ab" * 20, "cd" * 20
REPORT = Prompt("", "Describe.", most_tokens=16)
QUESTION = Question("q", "Is it? Answer yes or no.", ("yes", "no"), ("", ""))


@pytest.mark.parametrize("said", [None, "org/model", "org/model@main", f"org/model@{COMMIT}", "org/model-2026-01-31"])
def test_the_name_of_the_settings_is_recognised_as_servers_say_it(serve: Any, line: Any, said: str | None) -> None:
    name = ServedName(line(serve()), "org/model", COMMIT)
    name.recognise(said)
    name.recognise(said)


@pytest.mark.parametrize(
    "said", ["other", "org/model2", "org/model-uncensored", "org/model-2b", "org/model-", "org", "", f"org/model@{OTHER}", "ORG/MODEL"]
)
def test_another_name_or_revision_is_not(serve: Any, line: Any, said: str) -> None:
    with pytest.raises(ModelChanged) as changed:
        ServedName(line(serve()), "org/model", COMMIT).recognise(said)
    assert "/" not in str(changed.value), "the server's words are not repeated"


def test_a_name_that_changes_between_answers_is_not_the_same_model(serve: Any, line: Any) -> None:
    name = ServedName(line(serve()), "gpt", None)
    name.recognise("gpt-2026-01-31")
    with pytest.raises(ModelChanged):
        name.recognise("gpt-2026-02-28")


def test_an_answer_of_another_model_is_never_used(serve: Any, open_model: Any, grey: Any) -> None:
    model = open_model(serve(faults=["another model"]))
    with pytest.raises(ModelChanged):
        model.write(grey(0.5), REPORT)


def test_other_weights_under_the_same_name_are_seen_when_the_list_is_read_again(serve: Any, line: Any) -> None:
    now = [0.0]
    server = serve()
    name = ServedName(line(server), "tiny", None, clock=lambda: now[0])
    name.look()
    server.listed = {**server.listed, "created": 2}
    now[0] = LOOK_AGAIN
    name.look()
    server.listed = {**server.listed, "root": "weights-2"}
    name.look()
    assert len(server.asked) == 2, "what was read a moment ago is not read again"
    now[0] *= 2
    for _ in range(2):
        with pytest.raises(ModelChanged):
            name.look()


@pytest.mark.parametrize("listed", [None, {"id": "other", "root": "weights-2"}])
def test_a_server_that_lists_nothing_of_the_model_says_nothing(serve: Any, line: Any, listed: dict[str, Any] | None) -> None:
    ServedName(line(serve(listed=listed)), "tiny", None).look()


def test_the_fingerprint_names_server_name_revision_and_what_is_behind_them(serve: Any, open_model: Any) -> None:
    server, elsewhere = serve(), serve()
    fingerprint = open_model(server).fingerprint
    assert len(bytes.fromhex(fingerprint)) == 32
    assert open_model(server).fingerprint == fingerprint
    others = [
        open_model(elsewhere).fingerprint,
        open_model(server, revision=COMMIT).fingerprint,
    ]
    server.model = "tiny-2"
    others.append(open_model(server, served_model="tiny-2").fingerprint)
    server.model = "tiny"
    server.listed = {**server.listed, "root": "weights-2"}
    others.append(open_model(server).fingerprint)
    assert len({fingerprint, *others}) == 5


def test_without_its_server_there_is_no_fingerprint(serve: Any, open_model: Any) -> None:
    server = serve()
    server.url = "http://127.0.0.1:1/v1"
    with pytest.raises(ModelServerUnreachable):
        _ = open_model(server).fingerprint
