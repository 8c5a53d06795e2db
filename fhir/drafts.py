"""R4 resources Sidenote writes: always preliminary, always labelled as made by an AI, never an order.

Shapes follow R4 Composition, DetectedIssue, RiskAssessment, Provenance and Device; the label is the AIAST code of the
AI Transparency on FHIR guide (v3-ObservationValue), which every resource here carries in `meta.security`. The guide is on its way:
its codes stand here and nowhere else.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import NAMESPACE_URL, uuid5

from fhir.codes import FINDING, SNOMED

AI_LABEL = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}

AI_SYSTEM = {
    "system": "http://hl7.org/fhir/uv/aitransparency/CodeSystem/AIdeviceTypeCS",
    "code": "Artificial-Intelligence",
    "display": "All kinds of Artificial Intelligence",
}
"""`Device.type` of an AIDevice, and its role among the agents of an AIProvenance."""
_PARTICIPANT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
AUTHOR = {"system": _PARTICIPANT, "code": "author", "display": "Author"}
VERIFIER = {"system": _PARTICIPANT, "code": "verifier", "display": "Verifier"}
CREATE = {"system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation", "code": "CREATE", "display": "create"}
URI = "urn:ietf:rfc:3986"
"""System of an identifier that is a URI."""

_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML can hold (XML 1.0, 2.2), and so no narrative: a form feed of a report would have an EHR refuse the whole draft."""

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DraftContext:
    """What every draft of one review shares."""

    review_id: str
    patient: str
    """Reference of the bound patient."""
    when: str
    """Instant the review holds for."""
    version: str
    """Version of the product, and of the model when one read an image."""

    def identity(self, name: str) -> str:
        """A stable id for a part of this review: writing twice is writing the same."""
        return str(uuid5(NAMESPACE_URL, f"urn:sidenote:{self.review_id}:{name}"))

    def urn(self, name: str) -> str:
        """The `fullUrl` of that part."""
        return f"urn:uuid:{self.identity(name)}"


def device(context: DraftContext) -> Resource:
    """The software that made the review."""
    return {
        **_head(context, "Device", "device"),
        "status": "active",
        "manufacturer": "The Sidenote project",
        "deviceName": [{"name": "Sidenote", "type": "model-name"}],
        "type": {"coding": [AI_SYSTEM], "text": "Clinical decision support software, research use"},
        "version": [{"value": context.version}],
    }


def composition(context: DraftContext, title: str, sections: Sequence[tuple[str, Sequence[str]]]) -> Resource:
    """The review as a preliminary document: (section title, sentences) in reading order."""
    return {
        **_head(context, "Composition", "composition"),
        "status": "preliminary",
        "type": {"coding": [{"system": "http://loinc.org", "code": "51855-5", "display": "Patient Note"}]},
        "subject": {"reference": context.patient},
        "date": context.when,
        "author": [{"reference": context.urn("device"), "type": "Device"}],
        "title": title,
        "section": [{"title": name, "text": {"status": "generated", "div": _narrative(lines)}} for name, lines in sections if lines],
    }


def detected_issue(
    context: DraftContext,
    name: str,
    detail: str,
    *,
    severity: Literal["high", "moderate", "low"],
    evidence: Sequence[str],
) -> Resource:
    """A caution with the chart facts that carry it."""
    return {
        **_head(context, "DetectedIssue", name),
        "status": "preliminary",
        "severity": severity,
        "patient": {"reference": context.patient},
        "identifiedDateTime": context.when,
        "author": {"reference": context.urn("device")},
        "detail": detail,
        **({"evidence": [{"detail": [{"reference": reference} for reference in evidence]}]} if evidence else {}),
    }


def risk_assessment(context: DraftContext, finding: str, probability: float, *, side: str | None, basis: Sequence[str]) -> Resource:
    """An image finding as a preliminary probability (R4 RiskAssessment, ras-2: per cent, at most 100)."""
    known = FINDING[finding]
    coding = {"coding": [{"system": SNOMED, "code": known.snomed, "display": known.display}]} if known.snomed else {}
    return {
        **_head(context, "RiskAssessment", f"finding-{finding}"),
        "status": "preliminary",
        "method": {"text": "Image model, research use, not for diagnosis"},
        "subject": {"reference": context.patient},
        "occurrenceDateTime": context.when,
        "performer": {"reference": context.urn("device")},
        **({"basis": [{"reference": reference} for reference in basis]} if basis else {}),
        "prediction": [
            {
                "outcome": {**coding, "text": f"{side} {known.display}" if side else known.display},
                "probabilityDecimal": round(probability * 100, 1),
            }
        ],
    }


def provenance(
    context: DraftContext, targets: Sequence[str], sources: Sequence[tuple[str, str | None]], images: Sequence[str] = ()
) -> Resource:
    """Who made the drafts and from what.

    Args:
        context: Of the review.
        targets: References of the drafts.
        sources: (reference, version) of every chart fact that went in.
        images: SHA-256, hexadecimal, of every image file that was looked at; written as RFC 6920 names it.
    """
    entities = sourced(sources, images)
    return {
        **_head(context, "Provenance", "provenance"),
        "target": [{"reference": target} for target in targets],
        "recorded": context.when,
        "reason": [{"coding": [AI_LABEL]}],
        "agent": [{"type": {"coding": [AUTHOR]}, "role": [{"coding": [AI_SYSTEM]}], "who": {"reference": context.urn("device")}}],
        **({"entity": entities} if entities else {}),
    }


def sourced(sources: Sequence[tuple[str, str | None]], images: Sequence[str]) -> list[Resource]:
    """Entities of a Provenance: what went in, each fact with its version, each image by its hash."""
    references = [f"{reference}/_history/{version}" if version else reference for reference, version in sources]
    entities = [{"role": "source", "what": {"reference": reference}} for reference in references]
    return [*entities, *({"role": "source", "what": hashed(image, "image file")} for image in images)]


def hashed(sha256: str, display: str) -> Resource:
    """A logical reference to bytes, as RFC 6920 names them."""
    digest = base64.urlsafe_b64encode(bytes.fromhex(sha256)).decode().rstrip("=")
    return {"identifier": {"system": URI, "value": f"ni:///sha-256;{digest}"}, "display": display}


def bundle(context: DraftContext, resources: Sequence[Resource]) -> Resource:
    """All drafts of a review in one collection, each validated against the R4B model of its type.

    Raises:
        DraftInvalid: one of them does not validate; nothing is returned half.
    """
    from fhir.models import require_valid

    for resource in resources:
        require_valid(resource)
    entries = [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources]
    return {
        "resourceType": "Bundle",
        "id": context.identity("bundle"),
        "meta": {"security": [AI_LABEL]},
        "type": "collection",
        "timestamp": context.when,
        "entry": entries,
    }


def _head(context: DraftContext, resource_type: str, name: str) -> Mapping[str, Any]:
    return {"resourceType": resource_type, "id": context.identity(name), "meta": {"security": [AI_LABEL]}}


def _narrative(lines: Sequence[str]) -> str:
    paragraphs = "".join(f"<p>{html.escape(line)}</p>" for line in (_NO_XML.sub(" ", line) for line in lines))
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{paragraphs}</div>'
