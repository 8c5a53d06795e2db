"""Who the bound patient is, for the reader of a review: two identifiers and more, as the record writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from agent.review import ReviewPatient
from fhir.chart import Chart
from fhir.views import age_at, objects


def review_patient(chart: Chart, as_of: datetime) -> ReviewPatient:
    """The patient of `chart` as a review names them. What the record does not give in its right shape stays None."""
    body = chart.patient.body
    return ReviewPatient(
        reference=chart.patient.reference,
        age=age_at(chart, as_of),
        sex=_text(body.get("gender")),
        name=_name(objects(body.get("name"))),
        birth_date=_text(body.get("birthDate")),
        identifiers=_identifiers(objects(body.get("identifier"))),
    )


CIVIL = frozenset({"SS", "DL", "PPN", "NI", "TAX"})
"""Identifier types of civil life (HL7 table 0203): a reader at a hospital has no use for a social security number."""


def _identifiers(items: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Values of the identifiers in use, medical record numbers first, those of civil life left out."""
    kept = [(item, _types(item)) for item in items if item.get("use") != "old" and not _types(item) & CIVIL]
    ordered = sorted(kept, key=lambda pair: "MR" not in pair[1])
    return tuple(dict.fromkeys(value for item, _ in ordered if (value := _text(item.get("value")))))


def _types(item: Mapping[str, Any]) -> frozenset[str]:
    kind = item.get("type")
    codings = objects(kind.get("coding")) if isinstance(kind, Mapping) else []
    return frozenset(code for coding in codings if (code := _text(coding.get("code"))))


def _name(names: Sequence[Mapping[str, Any]]) -> str | None:
    """The official HumanName, else the first: its text, or given names and family name."""
    chosen = next((name for name in names if name.get("use") == "official"), names[0] if names else {})
    given = chosen.get("given")
    parts = [*(given if isinstance(given, list) else ()), chosen.get("family")]
    return _text(chosen.get("text")) or " ".join(part for part in parts if isinstance(part, str)) or None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
