"""Four voices, side by side."""

from __future__ import annotations

from datetime import date

import pytest

from agent.voices import voices
from fhir.codes import Side
from fhir.study import Study
from policies.evidence import EvidenceKind, Polarity, Sourced, mint
from retrieval.cards import CaseCard, CaseFinding, Neighbour, SearchResult

STUDY = Study("ImagingStudy/s", None, None, ("DX",), None, None, None, None, (), ("DiagnosticReport/r",), ())
Said = tuple[EvidenceKind, Polarity, Side | None]


def item(said: Said, n: int, reference: str = "DiagnosticReport/r") -> Sourced:
    kind, polarity, side = said
    return Sourced(kind=kind, reference=reference, text=f"t{n}", sha256="0", finding="pneumothorax", polarity=polarity, side=side)


CASES: tuple[tuple[str, tuple[Said, ...], bool], ...] = (
    ("report and reading agree", (("report_sentence", "present", "left"), ("image_finding", "present", "left")), False),
    ("report denies what the reading states", (("report_sentence", "absent", None), ("image_finding", "present", "left")), True),
    ("another side", (("report_sentence", "present", "left"), ("image_finding", "present", "right")), True),
    ("bilateral is left and right", (("report_sentence", "present", "bilateral"), ("image_finding", "present", "left")), True),
    ("a voice without a side", (("chart_fact", "present", None), ("image_finding", "present", "right")), False),
    ("an uncertain voice", (("report_sentence", "uncertain", "left"), ("image_finding", "absent", None)), False),
    ("one voice alone", (("chart_fact", "present", "left"),), False),
)


@pytest.mark.fault(70)
@pytest.mark.parametrize(("what", "said", "discordant"), CASES, ids=[what for what, _, _ in CASES])
def test_discord_is_presence_or_side(what: str, said: tuple[Said, ...], discordant: bool) -> None:
    (row,) = voices(mint(tuple(item(each, n) for n, each in enumerate(said))), STUDY, None)
    assert row.finding == "pneumothorax"
    assert row.discordant is discordant


def test_each_voice_cites_its_evidence() -> None:
    evidence = mint((item(("image_finding", "present", "left"), 1), item(("report_sentence", "present", "left"), 2)))
    (row,) = voices(evidence, STUDY, None)
    assert (row.reading.evidence, row.report.evidence, row.chart.polarity) == (("E1",), ("E2",), None)


def test_a_report_of_another_study_is_not_the_reports_voice() -> None:
    assert voices(mint((item(("report_sentence", "present", "left"), 1, "DiagnosticReport/prior"),)), STUDY, None) == ()


def test_what_every_voice_denies_makes_no_row() -> None:
    evidence = mint((item(("image_finding", "absent", None), 1), item(("report_sentence", "absent", None), 2)))
    assert voices(evidence, STUDY, None) == ()


@pytest.mark.parametrize(
    ("people", "comparable", "said"),
    [("abcde", True, (2, 5)), ("abcda", True, (None, None)), ("abcd", True, (None, None)), ("abcde", False, (None, None))],
    ids=["five people", "two cases of one person", "four people", "not comparable"],
)
def test_people_with_similar_cases_are_counted_and_never_make_discord(
    people: str, comparable: bool, said: tuple[int | None, int | None]
) -> None:
    found = {"a": ("pneumothorax",), "b": ("pneumothorax", "nodule")}
    neighbours = tuple(neighbour(person, *found.get(person, ())) for person in people)
    result = SearchResult(neighbours, comparable, "", 3, (), "flat", "", 0.5, 0.95, "g")
    (row,) = voices(mint((item(("image_finding", "present", "left"), 1),)), STUDY, result)
    assert (row.neighbours.count, row.neighbours.of) == said
    assert not row.discordant


def neighbour(person: str, *keys: str) -> Neighbour:
    findings = tuple(CaseFinding(key) for key in keys)
    card = CaseCard("k", person, "s", date(2020, 1, 1), "DX", "CHEST", "PA", "60-69", "male", findings, "", "h", 1, 1, "c", "l")
    return Neighbour(card, 0.1, (), ())
