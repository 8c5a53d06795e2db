"""`fhirpath`: an expression selects something, or a value that equals one given. For selection only.

    fhirpath: {resource_type: Encounter, expression: "Encounter.class.where(code = 'EMER')"}

Numbers, units, dates and terminology are compared by the other kinds: the library answers several of those wrongly and
raises on others (measured against HL7's R4 suite). `trace` prints content, `matches` can hang: only the functions listed
here are let through. Whatever the library raises is a cannot-tell, never a no.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from fhir.chart import Fact
from policies.case import PolicyCase
from policies.conditions.answer import Answer
from policies.conditions.base import Spec, chart_none, existing, gaps, labelled

_ALLOWED = frozenset({
    "where", "exists", "empty", "not", "first", "last", "tail", "select", "extension", "ofType", "all", "any", "count",
    "startsWith", "endsWith", "contains", "lower", "upper", "distinct", "hasValue",
})  # fmt: skip
_CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*\(")
_LITERAL = re.compile(r"'(?:[^'\\]|\\.)*'|`[^`]*`")
_MAX_LENGTH, _MAX_DEPTH = 400, 12
_OPERATORS = {"and", "or", "xor", "implies", "in", "is", "as", "div", "mod"}


def _safe(expression: str) -> str:
    """Refuse what selection does not need, before the library sees it."""
    if len(expression) > _MAX_LENGTH:
        raise ValueError(f"expression is longer than {_MAX_LENGTH} characters")
    bare = _LITERAL.sub("''", expression)
    refused = sorted(set(_CALL.findall(bare)) - _ALLOWED - _OPERATORS)
    if refused:
        raise ValueError(f"function {refused[0]!r} is not allowed in a selection")
    if any(bare.count(opening) != bare.count(closing) for opening, closing in ("()", "[]", "{}")):
        raise ValueError("brackets do not balance")  # the library's parser recovers in silence
    if _depth(bare) > _MAX_DEPTH:
        raise ValueError(f"parentheses nested deeper than {_MAX_DEPTH}")
    if any(sign in bare for sign in ("<", ">", "~", "%", "@", "//", "/*")):
        raise ValueError("comparisons of order, dates, variables and comments are not allowed in a selection")
    _parse(expression)
    return expression


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest


@lru_cache(maxsize=256)
def _parse(expression: str) -> Callable[..., list[Any]]:
    import fhirpathpy

    try:
        compiled: Callable[..., list[Any]] = fhirpathpy.compile(expression)
    except Exception as error:  # the library raises bare Exception on a syntax error
        raise ValueError("not a FHIRPath expression") from error
    return compiled


class FhirPath(Spec):
    """On some fact of `resource_type` the expression selects something, and `equals` is among it when given."""

    kind: Literal["fhirpath"] = "fhirpath"
    resource_type: str
    expression: Annotated[str, AfterValidator(_safe)]
    equals: str | bool | None = None


def evaluate(spec: FhirPath, case: PolicyCase) -> Answer:
    """Answer `spec` on `case`."""
    if spec.resource_type == "Patient":
        return existing(_found(spec, (case.chart.patient,)), (), chart_none("selection on Patient"))
    facts = case.index.usable(spec.resource_type)
    return existing(_found(spec, facts), gaps(case.chart, (spec.resource_type,)), chart_none(f"selection on {spec.resource_type}"))


def _found(spec: FhirPath, facts: tuple[Fact, ...]) -> Iterator[Answer]:
    for fact in facts:
        held = _selects(spec, fact)
        if held is not False:
            yield labelled(fact, "selected by the rule's FHIRPath" if held else "the rule's FHIRPath could not be evaluated", held)


def _selects(spec: FhirPath, fact: Fact) -> bool | None:
    try:
        # A copy: the library writes type information into what it is given.
        selected = _parse(spec.expression)(_plain(fact.body), None)
    except Exception:  # noqa: BLE001 - the library raises bare Exception, TypeError, RecursionError: all mean "cannot tell"
        return None
    if spec.equals is not None:
        return any(item == spec.equals for item in selected)
    return bool(selected) and selected != [False]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
