"""A search as it was asked: criteria, result parameters, and what the server does not know (FHIR R4 search.html)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from sandbox.ehr.match import Criterion, PatientForm, criterion
from sandbox.ehr.outcome import Refusal
from sandbox.ehr.parameters import PARAMETERS, Parameter
from sandbox.ehr.references import local

Pairs = Sequence[tuple[str, str]]
_SILENT = frozenset(("_format", "_pretty"))


@dataclass(frozen=True, slots=True)
class Include:
    """`_include` or `_revinclude`: follow `parameter` of resources of type `source`, to `target` types only if one is named."""

    source: str
    parameter: Parameter
    target: str | None = None


@dataclass
class Query:
    """A parsed search. `accepted` is what the self link repeats; `ignored` names what was not understood."""

    type: str
    criteria: list[Criterion] = field(default_factory=list)
    sort: list[tuple[Parameter, bool]] = field(default_factory=list)
    """Parameter, and whether in descending order."""
    count: int | None = None
    includes: list[Include] = field(default_factory=list)
    reverse_includes: list[Include] = field(default_factory=list)
    patients: set[str] | None = None
    """The ids that a `patient` parameter names; every match is in the compartment of one of them."""
    summary_count: bool = False
    total: str = ""
    accepted: list[tuple[str, str]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The query string of what was understood."""
        return urlencode(self.accepted, safe="/|,:")


def parse_query(type_: str, pairs: Pairs, *, strict: bool = False, base: str = "", form: PatientForm = "either") -> Query:
    """Read the parameters of a search on `type_`.

    Raises:
        Refusal: 400 for a value that no such parameter can have, and with `strict` (`Prefer: handling=strict`) for a parameter that
            the server does not know.
    """
    query = Query(type_)
    for name, value in pairs:
        if name in _SILENT:
            continue
        if _take(query, name, value, base, form):
            query.accepted.append((name, value))
        else:
            query.ignored.append(name)
    if strict and query.ignored:
        raise Refusal(400, f"unknown search parameters: {', '.join(sorted(set(query.ignored)))}")
    return query


def _take(query: Query, name: str, value: str, base: str, form: PatientForm) -> bool:
    """Put one parameter into the query; False when it is not known, or empty, which means it was not given."""
    if not value:
        return False
    if name.partition(":")[0] in _RESULT:
        return _RESULT[name.partition(":")[0]](query, name.partition(":")[2], value)
    plain, _, modifier = name.partition(":")
    parameter = PARAMETERS[query.type].get(plain)
    if parameter is None:
        return False
    made = criterion(parameter, modifier, value, base, form)
    if made is None:
        raise Refusal(400, f"the value or modifier of the search parameter {plain} is not one that it can have")
    query.criteria.append(made)
    if parameter.target == "Patient" and made.missing is None:
        query.patients = {(local(part, base) or part).rpartition("/")[2] for part in value.split(",")}
    return True


def _take_count(query: Query, modifier: str, value: str) -> bool:
    if modifier or not (value.isascii() and value.isdigit()):
        raise Refusal(400, "_count must be a whole number")
    query.count = int(value)
    return True


def _take_sort(query: Query, modifier: str, value: str) -> bool:
    known = PARAMETERS[query.type]
    names = value.split(",")
    if modifier or any(name.removeprefix("-") not in known for name in names):
        return False
    query.sort = [(known[name.removeprefix("-")], name.startswith("-")) for name in names]
    return True


def _take_summary(query: Query, modifier: str, value: str) -> bool:
    query.summary_count = value == "count"
    return not modifier and value in ("count", "false")


def _take_total(query: Query, modifier: str, value: str) -> bool:
    if modifier or value not in ("none", "estimate", "accurate"):
        raise Refusal(400, "_total must be none, estimate or accurate")
    query.total = value
    return True


def _take_include(query: Query, modifier: str, value: str) -> bool:
    include = None if modifier else _include(value)
    if include is None or include.source != query.type:
        return False
    query.includes.append(include)
    return True


def _take_reverse(query: Query, modifier: str, value: str) -> bool:
    include = None if modifier else _include(value)
    if include is None:
        return False
    query.reverse_includes.append(include)
    return True


def _include(value: str) -> Include | None:
    source, _, rest = value.partition(":")
    name, _, target = rest.partition(":")
    parameter = PARAMETERS.get(source, {}).get(name)
    if parameter is None or parameter.kind != "reference":
        return None
    return Include(source, parameter, target or None)


_RESULT = {
    "_count": _take_count,
    "_sort": _take_sort,
    "_summary": _take_summary,
    "_total": _take_total,
    "_include": _take_include,
    "_revinclude": _take_reverse,
}


def named_patients(pairs: Iterable[tuple[str, str]], type_: str) -> set[str]:
    """The patients a search names: by `patient`, by `subject`, or by `_id` of Patient."""
    names = {"patient", "subject", "patient:Patient", "subject:Patient"} | ({"_id"} if type_ == "Patient" else set())
    given = [part for name, value in pairs if name in names for part in value.split(",")]
    return {each.rpartition("/")[2] for each in given}
