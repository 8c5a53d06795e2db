"""Validation with fhir.resources, of what is cited, written or asked about. The only module that names that library.

R4B models only: the library's default is R5 and refuses every R4 MedicationRequest, Encounter and ImagingStudy. R4 clinical data
pass under R4B. A model's round trip loses digits and zones, so a model is never what is kept: the original text is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fhir.chart import Chart, Fact, QualityIssue
from fhir.errors import DraftInvalid
from fhir.jsontext import dumps

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_ISSUES = 20


def validate(resource_type: str, body: Mapping[str, Any]) -> tuple[QualityIssue, ...]:
    """What is wrong with a resource by the R4B model of its type; nothing when it is sound.

    Args:
        resource_type: E.g. `Observation`.
        body: The resource, decimals as `Decimal`, floats or ints.

    Returns:
        At most 20 issues. `detail` names elements and the kind of error, never a value. A type without an R4B model gives one
        issue with the code `no_model`.
    """
    return validate_text(resource_type, str(body.get("id", "?")), dumps(body))


def validate_fact(fact: Fact) -> tuple[QualityIssue, ...]:
    """`validate` for a fact of a chart, on its original text."""
    return validate_text(fact.resource_type, fact.id, fact.raw)


def validate_text(resource_type: str, resource_id: str, text: bytes) -> tuple[QualityIssue, ...]:
    """`validate` for the JSON text of a resource."""
    from pydantic import ValidationError

    from fhir.resources.R4B import get_fhir_model_class

    reference = f"{resource_type}/{resource_id}"
    try:
        model = get_fhir_model_class(resource_type)
    except (LookupError, ValueError):
        return (QualityIssue(reference, "no_model", "no R4B model of this type"),)
    try:
        model.model_validate_json(text)
    except ValidationError as error:
        return tuple(_issues(reference, error))
    return ()


def _issues(reference: str, error: ValidationError) -> Iterator[QualityIssue]:
    for one in error.errors(include_url=False, include_context=False, include_input=False)[:MAX_ISSUES]:
        path = ".".join(str(part) for part in one["loc"]) or "resource"
        yield QualityIssue(reference, "invalid", f"{path}: {one['type']}")


def quality_of(chart: Chart, references: frozenset[str]) -> tuple[QualityIssue, ...]:
    """The chart's own quality issues and those that validation finds in the named facts, for what a review cites."""
    cited = [fact for fact in chart if fact.reference in references]
    return chart.quality + tuple(issue for fact in cited for issue in validate_fact(fact))


def require_valid(resource: Mapping[str, Any]) -> None:
    """Refuse to let a resource of our own out that does not validate.

    Raises:
        DraftInvalid: with the elements that are wrong.
    """
    issues = validate(str(resource.get("resourceType", "")), resource)
    if issues:
        raise DraftInvalid("; ".join(issue.detail for issue in issues[:3]))
