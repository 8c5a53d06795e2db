"""Whether a resource answers a search criterion (FHIR R4 search.html: token, reference, date, string)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.ehr.dates import date_test
from sandbox.ehr.parameters import Parameter
from sandbox.ehr.references import local, values

PatientForm = Literal["either", "bare", "typed"]
_COMMA = re.compile(r"(?<!\\),")
_BAR = re.compile(r"(?<!\\)\|")
_ESCAPE = re.compile(r"\\([\\,|$])")
Test = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter of a query: any of its tests may pass, on any of the values at the parameter's paths."""

    parameter: Parameter
    tests: tuple[Test, ...]
    missing: bool | None = None
    """With `:missing`: whether the element must be absent."""

    def matches(self, body: Mapping[str, Any]) -> bool:
        """Whether a resource passes."""
        found = [each for path in self.parameter.paths for each in values(body, path)]
        if self.missing is not None:
            return (not found) == self.missing
        return any(test(each) for each in found for test in self.tests)


def criterion(parameter: Parameter, modifier: str, text: str, base: str = "", form: PatientForm = "either") -> Criterion | None:
    """Read a parameter's value, commas meaning `or`; None when the value or the modifier is none that the server evaluates."""
    if modifier == "missing":
        return Criterion(parameter, (), missing=text == "true") if text in ("true", "false") else None
    tests = [_test(parameter, modifier, part, base, form) for part in _COMMA.split(text)]
    whole = tuple(test for test in tests if test is not None)
    return Criterion(parameter, whole) if len(whole) == len(tests) else None


def _test(parameter: Parameter, modifier: str, text: str, base: str, form: PatientForm) -> Test | None:
    if not text:
        return None
    if parameter.kind == "reference":
        return _reference_test(parameter.target, modifier, text, base, form)
    if modifier == "exact" and parameter.kind == "string":
        return lambda value: bool(value == _plain(text))
    if modifier:
        return None
    if parameter.kind == "date":
        return date_test(text)
    return _token_test(text) if parameter.kind == "token" else _string_test(text)


def _plain(text: str) -> str:
    return _ESCAPE.sub(r"\1", text)


def _string_test(text: str) -> Test:
    start = _plain(text).casefold()
    return lambda value: isinstance(value, str) and value.casefold().startswith(start)


def _token_test(text: str) -> Test:
    parts = [_plain(part) for part in _BAR.split(text, maxsplit=1)]
    system, code = (None, parts[0]) if len(parts) == 1 else (parts[0], parts[1])

    def test(value: Any) -> bool:
        return any((system is None or system == given) and code in ("", token) for given, token in tokens(value))

    return test


def tokens(value: Any) -> Iterator[tuple[str, str]]:
    """System and code of a code, boolean, Coding, CodeableConcept, Identifier or ContactPoint; `""` for no system."""
    if isinstance(value, bool):
        yield "", str(value).lower()
    elif isinstance(value, str):
        yield "", value
    elif isinstance(value, Mapping):
        for coding in values(value, "coding"):
            yield from tokens(coding)
        code = value.get("code", value.get("value"))
        if isinstance(code, str):
            yield str(value.get("system", "")), code


def _reference_test(target: str | None, modifier: str, text: str, base: str, form: PatientForm) -> Test | None:
    named = local(text, base)
    typed = named is not None
    if modifier:
        if typed or not modifier[:1].isupper():
            return None
        named = f"{modifier}/{text}"
    elif target == "Patient" and form != "either" and typed != (form == "typed"):
        return lambda _: False  # as servers in the field do: the form they do not expect finds nothing, and says nothing
    bare = None if typed or modifier else text

    def test(value: Any) -> bool:
        given = local(str(value.get("reference", "")), base) if isinstance(value, Mapping) else None
        if given is None or (target is not None and not given.startswith(f"{target}/")):
            return False
        return given == named if bare is None else given.partition("/")[2] == bare

    return test
