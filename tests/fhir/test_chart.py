"""The frozen snapshot."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from fhir.chart import Chart, Fact, Manifest, chart_of

PATIENT = {"resourceType": "Patient", "id": "p"}


def test_a_fact_is_named_hashed_and_cannot_be_changed() -> None:
    fact = Fact("Observation", "o", b'{"resourceType":"Observation","id":"o"}')
    assert fact.reference == "Observation/o"
    assert len(fact.sha256) == 64
    with pytest.raises(TypeError):
        fact.body["id"] = "q"  # type: ignore[index]  # that is the test
    with pytest.raises(FrozenInstanceError):
        fact.id = "q"  # type: ignore[misc]  # that is the test


def test_the_hash_of_a_chart_sees_every_fact_and_not_their_order() -> None:
    one, two = {"resourceType": "Flag", "id": "a"}, {"resourceType": "Flag", "id": "b"}
    assert chart_of(PATIENT, [one, two]).sha256 == chart_of(PATIENT, [two, one]).sha256
    assert chart_of(PATIENT, [one, two]).sha256 != chart_of(PATIENT, [one, {**two, "status": "active"}]).sha256


def test_a_dangling_reference_is_not_available() -> None:
    chart = chart_of(PATIENT, [{"resourceType": "Flag", "id": "a"}])
    assert chart.get("Flag/none") is None
    assert chart.get("Flag/a/_history/7") is chart.facts[0]
    aliased = Chart(chart.patient, chart.facts, chart.manifest, aliases={"urn:uuid:1": "Flag/a"})
    assert aliased.get("urn:uuid:1") is chart.facts[0]


def test_a_manifest_tells_none_from_not_available() -> None:
    server = Manifest("server", (("Condition", "complete"), ("Flag", "refused")), 3)
    assert server.state("Condition") == "complete"
    assert server.state("Flag") == "refused"
    assert server.state("Goal") == "not asked"
    assert server.incomplete == ("Flag",)
    assert Manifest("file", (), 1).state("Goal") == "complete"
