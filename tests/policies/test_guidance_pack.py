"""The guidance pack: strict about its form, honest about its sources, and free of orders."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fhir.codes import FINDING
from policies.conditions import leaves
from policies.errors import GuidanceInvalid
from policies.guidance_pack import Template, Topic, fill, load_topics, read_topic

TOPICS = load_topics()
GOOD: dict[str, Any] = {
    "id": "example",
    "title": "An example",
    "version": "1",
    "date": dt.date(2026, 1, 1),
    "review_by": dt.date(2027, 1, 1),
    "source": {"title": "A guideline of note", "organisation": "A society", "year": 2020},
    "when": {"age": {"below": 18}},
    "passages": [{"number": 1, "text": "A passage that is long enough to be one."}],
    "claims": [{"kind": "caution", "weight": "caution", "text": "Consider the age.", "passages": [1]}],
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def topic_file(name: str = "example.yaml", text: str | None = None, **more: Any) -> Path:
        path = tmp_path / name
        path.write_text(yaml.safe_dump({**GOOD, **more}) if text is None else text, encoding="utf-8")
        return path

    return topic_file


def test_the_pack_covers_at_least_fifteen_topics() -> None:
    assert len(TOPICS) >= 15
    assert [topic.id for topic in TOPICS] == sorted({topic.id for topic in TOPICS})


def test_every_finding_of_the_vocabulary_has_a_topic() -> None:
    asked = {getattr(leaf, "finding", None) for topic in TOPICS for leaf in leaves(topic.when)}
    assert set(FINDING) <= asked


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_every_topic_names_its_source_and_when_to_look_again(topic: Topic) -> None:
    assert topic.source.year <= topic.date.year
    assert topic.date < topic.review_by <= topic.date + dt.timedelta(days=366)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_every_number_of_a_claim_stands_in_a_passage_it_cites(topic: Topic) -> None:
    for template in (*topic.claims, *((topic.cannot_tell,) if topic.cannot_tell else ())):
        bare = re.sub(r"\{[^}]*\}", "", template.text)
        cited = " ".join(passage.text for passage in topic.passages if passage.number in template.passages)
        unfounded = [number for number in re.findall(r"\d+(?:\.\d+)?", bare) if not re.search(rf"(?<!\d){re.escape(number)}(?!\d)", cited)]
        asked = {str(value) for leaf in leaves(topic.when) for value in (getattr(leaf, "within_days", None),) if value is not None}
        assert not set(unfounded) - asked, template.text


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.id)
def test_the_language_supports_and_does_not_direct(topic: Topic) -> None:
    for template in topic.claims:
        text = template.text.lower()
        assert not re.search(r"\b(validated for|cleared|approved|guarantee\w*|always|never)\b", text)
        if template.kind == "recommendation":
            assert re.search(r"\bconsider\b|\busually\b", text)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"colour": "red"}, "colour"),
        ({"id": "Not An Id"}, "id"),
        ({"date": "someday"}, "date"),
        ({"review_by": dt.date(2025, 1, 1)}, "-"),
        ({"source": {"title": "A guideline of note", "organisation": "A society"}}, "source.year"),
        ({"when": {"moon": {"phase": "full"}}}, "when"),
        ({"when": {"latest_observation": {"value_set": "nonsense", "unit": "1", "below": 3}}}, "when"),
        ({"passages": []}, "passages"),
        ({"passages": [{"number": 2, "text": "A passage that is long enough to be one."}]}, "-"),
        ({"claims": [{"kind": "order", "weight": "caution", "text": "Consider the age.", "passages": [1]}]}, "claims.0.kind"),
        ({"claims": [{"kind": "caution", "weight": "caution", "text": "Consider the age.", "passages": [7]}]}, "-"),
        ({"claims": [{"kind": "caution", "weight": "caution", "text": "Consider the age."}]}, "claims.0"),
        ({"claims": [{"kind": "caution", "weight": "caution", "text": "Order the scan now.", "passages": [1]}]}, "claims.0"),
        ({"claims": [{"kind": "caution", "weight": "caution", "text": "Age {a.value}.", "passages": [1]}]}, "claims.0"),
        (
            {"claims": [{"kind": "caution", "weight": "caution", "text": "Age {a.mood}.", "slots": {"a": {"calculation": "age"}}}]},
            "claims.0",
        ),
        ({"claims": [{"kind": "caution", "weight": "caution", "text": "Age {a.value}.", "slots": {"a": {}}}]}, "claims.0.slots.a"),
        (
            {"claims": [{"kind": "caution", "weight": "caution", "text": "Age {a.value}.", "slots": {"a": {"measured": "nonsense"}}}]},
            "claims.0.slots.a.measured",
        ),
        (
            {"claims": [{"kind": "caution", "weight": "caution", "text": "Consider it.", "passages": [1], "finding": "gout"}]},
            "claims.0.finding",
        ),
        (
            {"claims": [{"kind": "caution", "weight": "caution", "text": "Consider it.", "passages": [1], "topic": "surgery"}]},
            "claims.0.topic",
        ),
    ],
)
def test_refuses_a_topic_and_names_the_key(write: Callable[..., Path], change: dict[str, Any], key: str) -> None:
    with pytest.raises(GuidanceInvalid) as refused:
        read_topic(write(**change))
    assert refused.value.code == "guidance_invalid"
    assert refused.value.retryable is False
    assert refused.value.file == "example.yaml"
    assert refused.value.key.startswith(key)


@pytest.mark.parametrize("missing", sorted(GOOD))
def test_refuses_a_topic_that_lacks_a_key(write: Callable[..., Path], missing: str) -> None:
    text = yaml.safe_dump({key: value for key, value in GOOD.items() if key != missing})
    with pytest.raises(GuidanceInvalid) as refused:
        read_topic(write(text=text))
    assert refused.value.key == missing


@pytest.mark.parametrize(
    "text",
    ["", "- a\n- b\n", "id: x\nid: y\n", "id: !!python/object/apply:os.getcwd []\n", "id: [unclosed", "id: {a: 1, a: 2}\n"],
    ids=["empty", "a list", "a key twice", "a python tag", "not YAML", "an inner key twice"],
)
def test_refuses_a_file_that_is_no_plain_mapping(write: Callable[..., Path], text: str) -> None:
    with pytest.raises(GuidanceInvalid) as refused:
        read_topic(write(text=text))
    assert refused.value.key == "-"


def test_refuses_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "bytes.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(GuidanceInvalid):
        read_topic(path)


def test_refuses_one_id_in_two_files_and_an_empty_folder(write: Callable[..., Path], tmp_path: Path) -> None:
    write("a.yaml")
    write("b.yaml")
    with pytest.raises(GuidanceInvalid, match="used twice"):
        load_topics(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(GuidanceInvalid, match="no topic"):
        load_topics(empty)


def test_a_value_that_looks_like_a_slot_is_not_filled_again() -> None:
    text = "The chart holds {a.label} and {b.label}."
    assert fill(text, {("a", "label"): "{b.label}", ("b", "label"): "secret"}) == "The chart holds {b.label} and secret."
    assert Template(text=text, kind="caution", weight="caution", slots={"a": {"fact": ["Condition"]}, "b": {"fact": ["Device"]}})  # type: ignore[dict-item]  # as YAML gives it
