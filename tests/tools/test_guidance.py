"""Passages as evidence."""

from __future__ import annotations

from policies.guidance_pack import load_topics
from tools import guidance


def test_every_passage_becomes_one_item_with_its_source_and_date() -> None:
    topics = load_topics()
    items = guidance.look_up(topics)
    assert len(items) == sum(len(topic.passages) for topic in topics)
    assert len({item.reference for item in items}) == len(items)
    for topic in topics:
        first = next(item for item in items if item.reference == f"guidance:{topic.id}#1")
        assert topic.passages[0].text in first.text
        assert topic.source.organisation in first.text
        assert (first.patient, first.version, first.when) == (None, topic.version, topic.date.isoformat())


def test_gives_only_the_passages_asked_for() -> None:
    topics = load_topics()
    wanted = [("contrast_reduced_egfr", 2)]
    assert [item.reference for item in guidance.look_up(topics, wanted)] == ["guidance:contrast_reduced_egfr#2"]
