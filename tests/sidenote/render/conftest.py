"""A review made by hand, with something in every place a rendering may look."""

from __future__ import annotations

from typing import Any

import pytest

from agent.review import Review

HEAT = tuple(tuple(1.0 if row < 4 and column > 8 else 0.0 for column in range(14)) for row in range(14))


def check(name: str) -> dict[str, str]:
    return {"name": name, "outcome": "supported", "detail": "equal"}


def claim(number: int, text: str, kind: str, evidence: list[str], **more: Any) -> dict[str, Any]:
    return {
        "id": f"C{number}",
        "text": text,
        "kind": kind,
        "evidence": evidence,
        "verdict": "supported",
        "checks": [check("numbers")],
        **more,
    }


@pytest.fixture
def review() -> Review:
    region = {"x0": 0.6, "y0": 0.1, "x1": 0.9, "y1": 0.5, "score": 0.9}
    finding = {"finding": "pneumothorax", "polarity": "present", "side": "left"}
    voice = {"polarity": "present", "sides": ["left"], "evidence": ["E1"]}
    return Review.model_validate(
        {
            "review_id": "r-1",
            "status": "needs_review",
            "patient": {"reference": "Patient/p1", "age": 27, "sex": "male"},
            "study": {
                "reference": "ImagingStudy/s1",
                "description": "Chest radiograph AP",
                "started": "2026-11-20T08:00:00Z",
                "modality": ["DX"],
            },
            "as_of": "2026-11-20T09:00:00+00:00",
            "question": "Is <b>this</b> & that urgent?",
            "evidence": [
                {
                    "id": "E1",
                    "kind": "image_finding",
                    "reference": "image:ab",
                    "text": "left pneumothorax, probability 0.93",
                    "sha256": "ab",
                    "patient": "Patient/p1",
                    "region": region,
                    "probability": 0.93,
                    **finding,
                },
                {
                    "id": "E2",
                    "kind": "report_sentence",
                    "reference": "DiagnosticReport/d1",
                    "text": "<script>alert(1)</script> No pneumothorax.",
                    "sha256": "cd",
                    "patient": "Patient/p1",
                    "version": "3",
                    "status": "preliminary",
                    "finding": "pneumothorax",
                    "polarity": "absent",
                },
                {
                    "id": "E3",
                    "kind": "chart_fact",
                    "reference": "Observation/o1",
                    "text": "eGFR 24 mL/min/1.73 m2, final",
                    "sha256": "ef",
                    "patient": "Patient/p1",
                },
            ],
            "claims": [
                claim(1, "The image model reads a left pneumothorax.", "finding", ["E1"], finding="pneumothorax", side="left"),
                claim(2, "eGFR 24 before contrast.", "caution", ["E3"]),
                claim(3, "Consider talking to radiology.", "recommendation", ["E3"]),
            ],
            "withheld": [{"claim": claim(4, "The effusion is unchanged.", "assessment", ["E2"]), "reason": "grounding: no prior is cited"}],
            "policies": [
                {
                    "id": "E01",
                    "version": "1",
                    "title": "Critical",
                    "outcome": "fired",
                    "action": "escalate",
                    "message": "Speak to the clinician.",
                    "claims": ["C1"],
                    "evidence": ["E1"],
                    "source": "ACR",
                },
                {
                    "id": "C01",
                    "version": "1",
                    "title": "Renal",
                    "outcome": "fired",
                    "action": "review",
                    "message": "Review before contrast.",
                    "claims": ["C2"],
                },
                {
                    "id": "D04",
                    "version": "1",
                    "title": "Incomplete",
                    "outcome": "fired",
                    "action": "review",
                    "message": "History incomplete.",
                },
                {"id": "P02", "version": "1", "title": "Platelets", "outcome": "clear", "action": "review", "message": ""},
            ],
            "similar_cases": [
                {
                    "key": "k1",
                    "as_of": "2020-01-01",
                    "modality": "DX",
                    "view": "AP",
                    "age_band": "20-29",
                    "sex": "male",
                    "findings": [["pneumothorax", "left"]],
                    "report": "x",
                    "distance": 0.14,
                    "shared": ["left pneumothorax"],
                    "differs": ["view"],
                    "outcome": None,
                    "licence": "Apache-2.0",
                    "thumbnail_png": "",
                }
            ],
            "search": {
                "comparable": True,
                "reason": "",
                "searched": 2000,
                "excluded": [],
                "plan": "flat",
                "plan_reason": "few",
                "threshold": 0.4,
                "coverage": 0.95,
            },
            "reading": {
                "model": "compact 0.1.0",
                "fingerprint": "ff",
                "abstained": False,
                "reason": "",
                "ood_score": 0.1,
                "ood_threshold": 0.3,
                "view": "AP",
                "findings": [
                    {
                        "key": "pneumothorax",
                        "presence": "present",
                        "probability": 0.93,
                        "side": "left",
                        "regions": [region],
                        "heat_map": HEAT,
                    }
                ],
            },
            "reading_mode": "read",
            "voices": [
                {
                    "finding": "pneumothorax",
                    "chart": {},
                    "report": {"polarity": "absent", "evidence": ["E2"]},
                    "reading": voice,
                    "neighbours": {"count": 4, "of": 5},
                    "discordant": True,
                }
            ],
            "manifest": {
                "source": "server",
                "asked": [{"resource_type": "Immunization", "state": "refused"}],
                "resources": 9,
                "incomplete": ["Immunization"],
                "notes": ["a note"],
                "quality": [],
                "overflow": [{"tool": "labs", "kept": 40, "dropped": 3}],
            },
            "versions": {
                "sidenote": "0.1.0",
                "model": "compact 0.1.0",
                "index": "none",
                "rules": "r",
                "guidance": "g",
                "composer": "c",
                "chart": "h",
            },
        }
    )


@pytest.fixture
def withheld(review: Review) -> Review:
    return review.model_copy(update={"status": "withheld", "claims": (), "reading": None, "reading_mode": "refused"})


@pytest.fixture
def compared(review: Review) -> Review:
    """Of a model that read the image before too, wrote sentences, and says how far to trust them."""
    whole = review.model_dump(mode="json")
    (found,) = whole["reading"]["findings"]
    others = (
        ("cardiomegaly", "present", "unchanged"),
        ("nodule", "absent", "resolved"),
        ("atelectasis", "absent", "unchanged"),
        ("consolidation", "present", "undecided"),
    )
    found |= {"change": "new", "reliance": "moved"}
    bare = found | {"side": None, "heat_map": None, "regions": []}
    whole["reading"] |= {
        "compared_with": "ab",
        "findings": [found, *(bare | {"key": key, "presence": presence, "change": change} for key, presence, change in others)],
        "narrative": [
            {"text": "Lucent <i>left</i> hemithorax.", "findings": ["pneumothorax"], "source": "phantom-000042#17-40"},
            {"text": "No nodule.", "findings": ["nodule"]},
        ],
        "technique": ["One frontal view (AP)."],
        "quality": ["Little <u>contrast</u>."],
        "notes": ["one sentence was left out"],
    }
    nodule = {"id": "E9", "finding": "nodule", "polarity": "absent", "side": None, "text": "pulmonary nodule, probability 0.02"}
    whole["evidence"].append(whole["evidence"][0] | nodule)
    whole["study"]["prior"] = {"reference": "ImagingStudy/s0", "started": "2026-09-02T08:00:00Z", "images": [], "identity": None}
    return Review.model_validate(whole)
