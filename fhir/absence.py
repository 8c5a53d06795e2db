"""What the record says it does not have: an element declared absent is neither a value nor normal.

FHIR R4 extension `data-absent-reason` (on a primitive it stands beside it, in `_birthDate`), ISO 21090 `nullFlavor`, and
`dataAbsentReason` of an Observation and its components.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
NULL_FLAVOR = "http://hl7.org/fhir/StructureDefinition/iso21090-nullFlavor"
ABSENT_URLS = (DATA_ABSENT_REASON, NULL_FLAVOR)


def given(body: Mapping[str, Any], name: str) -> Any:
    """An element as the record gives it; None when it is not there, or is declared absent beside or inside its value.

    >>> given({"birthDate": "1900-01-01", "_birthDate": {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": "masked"}]}}, "birthDate")
    """
    value = body.get(name)
    return None if declared_absent(value) or declared_absent(body.get(f"_{name}")) else value


def declared_absent(element: Any) -> bool:
    """Whether an element carries an extension that says its value is missing."""
    extensions = element.get("extension") if isinstance(element, Mapping) else None
    if not isinstance(extensions, list):
        return False
    return any(isinstance(one, Mapping) and one.get("url") in ABSENT_URLS for one in extensions)


def result_absent(body: Mapping[str, Any]) -> bool:
    """Whether an Observation, or a component of one, gives a reason why it has no result (FHIR R4 Observation.dataAbsentReason)."""
    return bool(body.get("dataAbsentReason"))


def value_in(body: Mapping[str, Any]) -> str | None:
    """The name of the `value[x]` an Observation or a component gives; None when it gives none, or gives one beside a reason for none.

    Both together contradict each other (FHIR R4 obs-6), and then neither is believed.
    """
    if result_absent(body):
        return None
    names = (name for name in body if name.startswith("value") and given(body, name) is not None)
    return next(names, None)
