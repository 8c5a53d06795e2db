"""How well the labeler agrees with people: the MeSH headings that indexers gave the Indiana University reports.

The texts are for tests only; they stand in the test kit and nowhere in the project. The words of `tools.label_words` were written
while looking at the reports of even lines alone: what is measured and published here are the odd ones.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.label_words import WORDS
from tools.labeler import CHEXPERT, label, labels

REPORTS = Path(__file__).parents[3] / "shared/kit/nc/texts/iu_xray_reports.jsonl"
PUBLISHED = Path(__file__).parents[2] / "docs/retrieval-labels.md"

# Label -> headings that are it, and headings that may be it: a report that has one of those alone is no error of the labeler.
HEADINGS: dict[str, tuple[str, str]] = {
    "no_finding": ("normal", "Catheters, Indwelling|Implanted Medical Device|Medical Device|Tube, Inserted|Stents|Surgical Instruments"),
    "enlarged_cardiomediastinum": ("Mediastinum/prominent|Mediastinum/enlarged", ""),
    "cardiomegaly": ("Cardiomegaly|Cardiac Shadow/enlarged|Cardiac Shadow/borderline", "Cardiac Shadow|Heart"),
    "lung_opacity": ("Opacity|Infiltrate|Airspace Disease|Consolidation|Pneumonia|Density/lung", "Density|Pulmonary Atelectasis|Markings"),
    "lung_lesion": ("Nodule|Mass|Cavitation", "Opacity/round|Density/round|Calcified Granuloma|Granuloma"),
    "pulmonary_edema": ("Pulmonary Edema|Pulmonary Congestion", "Heart Failure|Markings"),
    "consolidation": ("Consolidation|Infiltrate|Airspace Disease|Pneumonia", "Opacity|Density"),
    "pneumonia": ("Pneumonia", "Infiltrate|Airspace Disease|Consolidation"),
    "atelectasis": ("Pulmonary Atelectasis", "Opacity|Volume Loss|Cicatrix"),
    "pneumothorax": ("Pneumothorax|Hydropneumothorax", ""),
    "pleural_effusion": ("Pleural Effusion|Hydropneumothorax", "Costophrenic Angle"),
    "pleural_thickening": (
        "Thickening/pleura|Cicatrix/pleura|Calcinosis/pleura",
        "Thickening/apex|Cicatrix/apex|Costophrenic Angle|Pleura",
    ),
    "fracture": ("Fractures, Bone", "Deformity"),
    "support_device": (
        "Catheters, Indwelling|Implanted Medical Device|Tube, Inserted|Medical Device|Stents|Spinal Fusion",
        "Surgical Instruments|Foreign Bodies",
    ),
    "nodule": ("Nodule", "Opacity|Density|Granuloma|Calcified Granuloma"),
    "mass": ("Mass", "Nodule|Opacity|Density"),
    "granuloma": ("Calcified Granuloma|Granuloma|Granulomatous Disease", ""),
    "calcification": ("Calcinosis/lung|Calcinosis/lymph nodes|Calcinosis/hilum|Calcinosis/mediastinum", "Calcinosis|Granulomatous Disease"),
    "atherosclerosis": ("Atherosclerosis|Calcinosis/aorta|Calcinosis/aorta, thoracic|Calcinosis/blood vessels", ""),
    "emphysema": ("Emphysema|Pulmonary Emphysema|Bullous Emphysema|Pulmonary Disease, Chronic Obstructive", "Lung/hyperdistention"),
    "hyperinflation": ("Lung/hyperdistention|Diaphragm/flattened|Lung, Hyperlucent", ""),
    "hypoinflation": ("Lung/hypoinflation", ""),
    "hiatal_hernia": ("Hernia, Hiatal", ""),
    "scoliosis": ("Scoliosis", ""),
    "kyphosis": ("Kyphosis", ""),
    "degenerative_spine": (
        "Spondylosis|Osteophyte|Thoracic Vertebrae/degenerative|Spine/degenerative|Lumbar Vertebrae/degenerative|Arthritis/spine"
        "|Hyperostosis, Diffuse Idiopathic Skeletal",
        "Shoulder/degenerative|Arthritis",
    ),
    "scarring": ("Cicatrix|Pulmonary Fibrosis", ""),
    "interstitial_pattern": (
        "Markings/interstitial|Markings/prominent|Lung Diseases, Interstitial|Opacity/interstitial|Opacity/reticular"
        "|Infiltrate/interstitial|Density/interstitial|Lung/interstitial",
        "Markings|Pulmonary Edema",
    ),
    "surgical_clips": ("Surgical Instruments|Sutures", ""),
    "elevated_diaphragm": ("Diaphragm/elevated|Diaphragmatic Eventration", ""),
    "tortuous_aorta": ("Aorta/tortuous|Aorta, Thoracic/tortuous", ""),
    "bronchiectasis": ("Bronchiectasis", ""),
    "bulla": ("Blister|Bullous Emphysema", ""),
    "osteopenia": ("Bone Diseases, Metabolic|Osteoporosis", ""),
    "adenopathy": ("Mediastinum/lymph nodes|Lung/lymph nodes", ""),
    "pneumoperitoneum": ("Pneumoperitoneum", ""),
}
QUALIFIED = {
    "pleural_effusion": "Pleural Effusion", "pneumothorax": "Pneumothorax", "atelectasis": "Pulmonary Atelectasis", "nodule": "Nodule",
    "consolidation": "Consolidation|Infiltrate|Airspace Disease|Pneumonia", "granuloma": "Calcified Granuloma|Granuloma", "mass": "Mass",
    "scarring": "Cicatrix", "lung_opacity": "Opacity", "fracture": "Fractures, Bone", "elevated_diaphragm": "Diaphragm",
}  # fmt: skip
"""Findings whose headings have the finding's side and place as qualifiers."""
PLACES = frozenset({"base", "apex", "upper lobe", "middle lobe", "lower lobe", "lingula", "hilum"})
FEW = 20
"""Below this many labelled reports a figure says little: no floor is set for that label alone."""
FLOOR = dict.fromkeys(HEADINGS, 0.85) | {
    "lung_lesion": 0.68, "pulmonary_edema": 0.74, "consolidation": 0.70, "atelectasis": 0.79, "pleural_thickening": 0.68, "nodule": 0.64,
    "support_device": 0.79, "calcification": 0.72, "interstitial_pattern": 0.68, "surgical_clips": 0.48, "fracture": 0.87,
}  # fmt: skip


@pytest.fixture(scope="module")
def tally() -> dict[str, Counter[str]]:
    """Counts by label over the reports of odd lines."""
    counts = {key: Counter[str]() for key in HEADINGS}
    for report in reports():
        given, read = frozenset(named(report["mesh_major"])), labels(text_of(report))
        for key, (own, related) in HEADINGS.items():
            counts[key].update(compared(read.get(key), bool(given & {*own.split("|")}), bool(given & {*related.split("|")})))
    return counts


def reports() -> Iterator[dict[str, Any]]:
    """The reports of odd lines that have a text and were indexed."""
    if not REPORTS.exists():
        pytest.skip("the test kit with the Indiana University reports is not here")
    for report in map(json.loads, REPORTS.read_text().splitlines()[1::2]):
        if report["findings"] + report["impression"] and "No Indexing" not in report["mesh_major"]:
            yield report


def text_of(report: dict[str, Any]) -> str:
    return f"FINDINGS: {report['findings']}\nIMPRESSION: {report['impression']}"


@pytest.fixture(scope="module")
def placed() -> dict[str, Counter[str]]:
    """Sides and places of findings that both the labeler and MeSH give: how many of each stand in both."""
    counts = {"side": Counter[str](), "place": Counter[str]()}
    for report in reports():
        found = label(text_of(report))
        for key, headings in QUALIFIED.items():
            own = [one for one in found if one.key == key]
            given = [heading for heading in report["mesh_major"] if heading.split("/")[0].strip() in headings.split("|")]
            if own and given:
                words = {word.strip() for heading in given for word in heading.split("/")[1:]}
                count(counts["side"], both_sides(words & {"left", "right", "bilateral"}), both_sides({one.side for one in own if one.side}))
                count(counts["place"], words & PLACES, {one.location for one in own if one.location} & PLACES)
    return counts


def both_sides(sides: set[str]) -> set[str]:
    return {part for side in sides for part in (("left", "right") if side == "bilateral" else (side,))}


def count(counts: Counter[str], given: set[str], read: set[str]) -> None:
    counts.update({"both": len(given & read), "given": len(given), "read": len(read)})


def told(placed: dict[str, Counter[str]]) -> str:
    """The sentence that docs/retrieval-labels.md has of it."""
    figures = [(name, one, one["both"] / one["read"], one["both"] / one["given"]) for name, one in placed.items()]
    return "; ".join(f"{name}: {one['given']} given, {one['read']} read, precision {p:.3f}, recall {r:.3f}" for name, one, p, r in figures)


def named(headings: list[str]) -> Iterator[str]:
    """A heading, and it with each of its qualifiers: "Opacity/lung/base" is Opacity, Opacity/lung and Opacity/base."""
    for heading in headings:
        name, *qualifiers = (part.strip() for part in heading.split("/"))
        yield name
        yield from (f"{name}/{qualifier}" for qualifier in qualifiers)


def compared(read: str | None, given: bool, related: bool) -> Iterator[str]:
    yield f"{'read' if read == 'present' else 'not'} {'given' if given else 'other'}"
    if given and read == "uncertain":
        yield "hedged"
    if read == "present" and not given and related:
        yield "related"


def figures(count: Counter[str]) -> dict[str, float]:
    """Precision (and with related headings no error), recall (and with hedged readings no miss), F1, Cohen's kappa."""
    both, invented, missed, neither = (count[cell] for cell in ("read given", "read other", "not given", "not other"))
    total = both + invented + missed + neither
    chance = ((both + invented) * (both + missed) + (missed + neither) * (invented + neither)) / total**2
    return {
        "n": both + missed,
        "read": both + invented,
        "precision": both / (both + invented or 1),
        "with related": both / (both + invented - count["related"] or 1),
        "recall": both / (both + missed or 1),
        "with hedged": (both + count["hedged"]) / (both + missed or 1),
        "F1": 2 * both / (2 * both + invented + missed or 1),
        "kappa": ((both + neither) / total - chance) / (1 - chance),
    }


def table(tally: dict[str, Counter[str]]) -> str:
    rows = [(CHEXPERT.get(key, key.replace("_", " ")), figures(count)) for key, count in tally.items()]
    lines = ["| label | MeSH | read | precision | with related | recall | with hedged | F1 | kappa |", "|---|" + "---:|" * 8]
    return "\n".join([*lines, *(row(name, found) for name, found in (*rows, *summed(tally)))])


def summed(tally: dict[str, Counter[str]]) -> Iterator[tuple[str, dict[str, float]]]:
    for name, keys in (("CheXpert's 14", [*CHEXPERT]), ("all labels", [*tally])):
        each = [figures(tally[key]) for key in keys]
        micro = figures(sum((tally[key] for key in keys), Counter[str]()))
        yield f"**{name}, macro**", {key: sum(one[key] for one in each) / (1 if key in ("n", "read") else len(each)) for key in each[0]}
        yield f"**{name}, micro**", micro


def row(name: str, found: dict[str, float]) -> str:
    return f"| {name} | {found['n']:.0f} | {found['read']:.0f} | " + " | ".join(f"{found[key]:.3f}" for key in [*found][2:]) + " |"


def test_agrees_with_the_mesh_of_reports_that_nobody_looked_at(tally: dict[str, Counter[str]]) -> None:
    found = {key: figures(count) for key, count in tally.items()}
    assert {key: one["F1"] for key, one in found.items() if one["n"] >= FEW and one["F1"] < FLOOR[key]} == {}
    assert sum(one["n"] >= FEW for one in found.values()) >= 20


def test_agrees_over_all_labels(tally: dict[str, Counter[str]]) -> None:
    found = dict(summed(tally))
    assert found["**CheXpert's 14, macro**"]["F1"] >= 0.80
    assert found["**CheXpert's 14, micro**"]["F1"] >= 0.88
    assert found["**all labels, macro**"]["F1"] >= 0.80
    assert found["**all labels, micro**"]["F1"] >= 0.88
    assert found["**all labels, micro**"]["kappa"] >= 0.88


def test_agrees_on_sides_and_places(placed: dict[str, Counter[str]]) -> None:
    side, place = placed["side"], placed["place"]
    assert side["both"] >= 0.89 * side["read"]
    assert side["both"] >= 0.84 * side["given"]
    assert place["both"] >= 0.88 * place["read"]
    assert place["both"] >= 0.68 * place["given"]


def test_what_is_published_is_what_is_measured(tally: dict[str, Counter[str]], placed: dict[str, Counter[str]]) -> None:
    print(f"\n{table(tally)}\n{told(placed)}")
    assert table(tally) in PUBLISHED.read_text("utf-8")
    assert told(placed) in " ".join(PUBLISHED.read_text("utf-8").split())


def test_every_label_is_measured() -> None:
    assert set(HEADINGS) == {*WORDS, *CHEXPERT, "nodule"}
