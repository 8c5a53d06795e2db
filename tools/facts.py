"""A chart fact as evidence: one line a clinician can read, built from quotes of the resource and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir.absence import given, value_in
from fhir.chart import Fact
from fhir.codes import FINDINGS, LATERALITY_SNOMED, SNOMED, Side
from fhir.views import status_code
from policies.evidence import Measured, Polarity, Sourced
from tools.errors import NoEvidence
from tools.injection import marker_codes, visible
from tools.lines import CODED_ELEMENTS, DATES, Line, describe
from tools.quotes import as_written, text_at

_FINDING_OF = {finding.snomed: finding.key for finding in FINDINGS if finding.snomed}
_DOUBTED = {"unconfirmed", "provisional", "differential"}
_DENIED = {"refuted", "entered-in-error"}
_COMPARATORS = {"<": "<", "<=": "<=", ">=": ">=", ">": ">"}


def fact_evidence(fact: Fact, patient: str) -> Sourced:
    """`fact` as evidence about `patient` (a reference such as `Patient/1`).

    Every quote stands at its element path with the source's own characters (FHIR R4 datatypes, decimal: precision is kept).
    Of a Patient only sex and year of birth are quoted, never a name, an identifier or an address.

    A resource whose text speaks to a machine is quoted as data, flagged among its codes, and states no finding.

    Raises:
        NoEvidence: nothing of the resource can be quoted.
    """
    body = as_written(fact)
    line = describe(fact.resource_type, body)
    if not line.quotes:
        raise NoEvidence(fact.reference)
    marks = marker_codes(line.text)
    finding, polarity, side = (None, None, None) if marks else _stated_finding(fact.resource_type, body)
    return Sourced(
        kind="chart_fact",
        reference=fact.reference,
        text=f"Quoted as data: “{visible(line.text)}”" if marks else line.text,
        sha256=fact.sha256,
        patient=patient,
        version=fact.version,
        quotes=line.quotes,
        codes=(*codes_of(fact.resource_type, body), *marks),
        status=status_of(body),
        when=_when(fact.resource_type, body, line),
        quantity=_quantity(body),
        finding=finding,
        polarity=polarity,
        side=side,
    )


def codes_of(resource_type: str, body: Mapping[str, Any]) -> tuple[str, ...]:
    """`system|code` of every coding that says what the resource is about, in order, each once."""
    codes: dict[str, None] = {}
    for element in CODED_ELEMENTS.get(resource_type, ("code",)):
        concepts = body.get(element)
        for concept in concepts if isinstance(concepts, list) else [concepts]:
            for coding in _codings(concept):
                if coding.get("code"):
                    codes[f"{coding.get('system', '')}|{coding['code']}"] = None
    return tuple(codes)


def status_of(body: Mapping[str, Any]) -> str | None:
    """The status that decides how far the fact may be relied on.

    A verification status other than `confirmed` weighs more than the clinical status; other resources have a plain `status`.
    """
    verification = status_code(body.get("verificationStatus"))
    if verification is not None and verification != "confirmed":
        return verification
    return status_code(body.get("clinicalStatus")) or text_at(body, "status") or verification


def _when(resource_type: str, body: Mapping[str, Any], line: Line) -> str | None:
    if resource_type == "Patient":
        return None
    paths = {quote.path for quote in line.quotes}
    return next((text_at(body, path) for path in DATES.get(resource_type, ("date",)) if path in paths), None)


def _quantity(body: Mapping[str, Any]) -> Measured | None:
    """The value that may be compared: none where the record says that it is absent, or qualifies it in a way that is not known."""
    given_comparator = text_at(body, "valueQuantity.comparator")
    comparator = _COMPARATORS.get(given_comparator or "")
    value = given(body.get("valueQuantity") or {}, "value") if value_in(body) == "valueQuantity" else None
    if not isinstance(value, str | int) or isinstance(value, bool) or comparator != given_comparator:
        return None
    unit = text_at(body, "valueQuantity.unit") or text_at(body, "valueQuantity.code")
    return Measured.model_validate({"value": str(value), "unit": unit or "", "comparator": comparator})


def _stated_finding(resource_type: str, body: Mapping[str, Any]) -> tuple[str | None, Polarity | None, Side | None]:
    """The radiographic finding a Condition states. A condition that is over states none: it says nothing about today."""
    if resource_type != "Condition":
        return None, None, None
    finding = next((_FINDING_OF[code] for code in _snomed(body.get("code")) if code in _FINDING_OF), None)
    if finding is None or (status_code(body.get("clinicalStatus")) or "active") not in {"active", "recurrence", "relapse"}:
        return None, None, None
    verification = status_code(body.get("verificationStatus"))
    polarity: Polarity = "absent" if verification in _DENIED else "uncertain" if verification in _DOUBTED else "present"
    return finding, polarity, _side(body)


def _side(body: Mapping[str, Any]) -> Side | None:
    sites = body.get("bodySite")
    codes = [code for site in (sites if isinstance(sites, list) else [sites]) for code in _snomed(site)]
    sides = {LATERALITY_SNOMED[code] for code in codes if code in LATERALITY_SNOMED}
    return sides.pop() if len(sides) == 1 else None


def _snomed(concept: object) -> list[str]:
    return [str(coding.get("code")) for coding in _codings(concept) if coding.get("system") == SNOMED]


def _codings(concept: object) -> list[Mapping[str, Any]]:
    if not isinstance(concept, Mapping):
        return []
    found = concept.get("coding", [concept] if "code" in concept else [])
    return [coding for coding in found if isinstance(coding, Mapping)] if isinstance(found, list) else []
