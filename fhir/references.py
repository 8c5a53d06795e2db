"""Where a Reference leads: one way for every form FHIR R4 gives it (references.html).

Relative, absolute, versioned, `urn:uuid:` and `urn:oid:` through the chart's names; `#id` into the resource's own `contained`; a
logical reference by its identifier, when one fact alone carries it. Words alone, and whatever leads nowhere, is not available.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fhir.chart import Chart, Fact
from fhir.jsontext import dumps


def followed(reference: object, chart: Chart, contained: object = None) -> Fact | None:
    """The fact that a Reference element names; None for one that leads nowhere known.

    Args:
        reference: The element as it stands in a resource.
        chart: The patient's chart.
        contained: `contained` of that resource. What is found there is a fact of its own, with `#` before its id.
    """
    if not isinstance(reference, Mapping):
        return None
    target = reference.get("reference")
    if not isinstance(target, str):
        return _identified(reference, chart) if target is None else None
    if target.startswith("#"):
        return _contained(target, contained)
    return chart.get(target)


def _contained(target: str, contained: object) -> Fact | None:
    for inner in contained if isinstance(contained, list) else ():
        if isinstance(inner, Mapping) and f"#{inner.get('id')}" == target and isinstance(inner.get("resourceType"), str):
            return Fact(inner["resourceType"], target, dumps(inner))
    return None


def _identified(reference: Mapping[str, Any], chart: Chart) -> Fact | None:
    """By a system and a value that one fact alone carries, of the type the reference names if it names one."""
    identifier = reference.get("identifier")
    if not isinstance(identifier, Mapping):
        return None
    found = chart.identified(str(identifier.get("system", "")), str(identifier.get("value", "")))
    kind = reference.get("type")
    fitting = [fact for fact in found if kind is None or kind == fact.resource_type]
    return fitting[0] if len(fitting) == 1 else None
