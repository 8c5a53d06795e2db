"""How well the lexicon agrees with human labels (Indiana University reports, MeSH) and with the phantom reports' truth.

The Indiana texts are for tests only; they stand in the test kit and nowhere in the project.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from fhir.codes import FINDING
from policies.grounding.lexicon import entailed, mentions

REPORTS = Path(__file__).parents[4] / "shared/kit/nc/texts/iu_xray_reports.jsonl"

# MeSH headings that are the finding; headings that name the same shadow less surely: a report with one of those only is no error.
HEADINGS: dict[str, tuple[set[str], set[str]]] = {
    "pleural_effusion": ({"Pleural Effusion", "Hydropneumothorax"}, {"Costophrenic Angle"}),
    "pneumothorax": ({"Pneumothorax", "Hydropneumothorax"}, set()),
    "consolidation": ({"Consolidation", "Infiltrate", "Airspace Disease", "Pneumonia"}, {"Opacity", "Density"}),
    "cardiomegaly": ({"Cardiomegaly", "Cardiac Shadow"}, {"Heart"}),
    "pulmonary_edema": ({"Pulmonary Edema", "Pulmonary Congestion"}, {"Heart Failure", "Markings", "Opacity"}),
    "nodule": ({"Nodule"}, {"Opacity", "Density", "Granuloma", "Calcified Granuloma", "Granulomatous Disease", "Calcinosis", "Mass"}),
    "atelectasis": ({"Pulmonary Atelectasis"}, {"Opacity", "Volume Loss", "Cicatrix", "Density"}),
}
# Floors of (precision with the related headings, recall counting hedged mentions); measured values stand some points higher.
FLOORS = {
    "pleural_effusion": (0.94, 0.95), "pneumothorax": (0.93, 0.93), "consolidation": (0.93, 0.95), "cardiomegaly": (0.97, 0.93),
    "pulmonary_edema": (0.72, 0.85), "nodule": (0.92, 0.85), "atelectasis": (0.95, 0.95),
}  # fmt: skip


def test_agrees_with_the_mesh_of_the_indiana_reports() -> None:
    if not REPORTS.exists():
        pytest.skip("the test kit with the Indiana University reports is not here")
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    for line in REPORTS.read_text().splitlines():
        report = json.loads(line)
        if report["findings"] + report["impression"] and "No Indexing" not in report["mesh_major"]:
            _count(report, tally)
    print()
    for key, count in tally.items():
        precision, related = (
            count["both"] / (count["both"] + count["only read"]),
            count["both"] / (count["both"] + count["neither heading"]),
        )
        recall, hedged = count["both"] / count["labelled"], 1 - count["missed"] / count["labelled"]
        print(
            f"{key:18} n {count['labelled']:4}  precision {precision:.3f} (with related headings {related:.3f})  recall {recall:.3f}"
            f" (with hedged {hedged:.3f})"
        )
        assert (related, hedged) >= FLOORS[key]
        assert related >= FLOORS[key][0]
        assert hedged >= FLOORS[key][1]
    assert set(tally) == set(HEADINGS)


def _count(report: dict[str, str], tally: dict[str, Counter[str]]) -> None:
    headings = {heading.split("/")[0].strip() for heading in report["mesh_major"]}
    read = mentions(f"FINDINGS: {report['findings']}\nIMPRESSION: {report['impression']}")
    for key, (own, related) in HEADINGS.items():
        said = {mention.polarity for mention in read if mention.finding == key}
        labelled = bool(headings & own)
        tally[key]["labelled"] += labelled
        tally[key]["both"] += labelled and "present" in said
        tally[key]["missed"] += labelled and not said & {"present", "uncertain"}
        tally[key]["only read"] += not labelled and "present" in said
        tally[key]["neither heading"] += not labelled and "present" in said and not headings & related


def test_reads_the_truth_of_phantom_reports() -> None:
    """Words of another hand than the lexicon's: the report writer of the sandbox, with priors, hedges and lists of negatives."""
    reports = pytest.importorskip("sandbox.phantoms.reports")
    sample, truth = pytest.importorskip("sandbox.phantoms.sample").sample, pytest.importorskip("sandbox.phantoms.truth").truth
    tally: Counter[str] = Counter()
    for number in range(400):
        spec = sample(number)
        text = reports.write(spec, seed=number, prior=sample(number + 5000) if number % 3 == 0 else None).text
        stated = [(key, said, m.side) for m in mentions(text) for key, said in ((m.finding, m.polarity), *entailed(m.finding, m.polarity))]
        asserted = {key for key, said, _ in stated if said != "absent"}
        drawn = dict(truth(spec))
        for key in FINDING:
            tally["drawn"] += key in drawn
            tally["missed"] += key in drawn and key not in asserted
            tally["invented"] += key not in drawn and key in asserted
            sides = {side for other, said, side in stated if other == key and said != "absent" and side}
            both = sides == {"left", "right"} or "bilateral" in sides
            tally["side wrong"] += bool(drawn.get(key)) and not (both if drawn[key] == "bilateral" else sides == {drawn[key]})
    print(f"\n{dict(tally)}")
    assert tally["drawn"] > 250
    assert tally["missed"] <= 0.01 * tally["drawn"]
    assert tally["invented"] <= 0.01 * tally["drawn"]
    assert tally["side wrong"] <= 0.01 * tally["drawn"]
