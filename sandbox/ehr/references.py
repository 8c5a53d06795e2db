"""References inside a resource: found, resolved and rewritten (FHIR R4 references.html; bundle.html#references)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

LOCAL = re.compile(r"(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(/_history/[A-Za-z0-9\-.]{1,64})?")


def values(body: Any, path: str) -> Iterator[Any]:
    """What stands at a dotted element path, lists opened on the way.

    >>> list(values({"name": [{"given": ["A", "B"]}, {"given": ["C"]}]}, "name.given"))
    ['A', 'B', 'C']
    """
    if isinstance(body, list):
        for each in body:
            yield from values(each, path)
    elif not path:
        yield body
    elif isinstance(body, Mapping):
        name, _, rest = path.partition(".")
        if name in body:
            yield from values(body[name], rest)


def local(reference: str, base: str = "") -> str | None:
    """`Type/id` of a relative, versioned or own absolute reference; None for any other kind.

    >>> local("Patient/p1/_history/2"), local("http://ehr/fhir/Patient/p1", "http://ehr/fhir"), local("#inner")
    ('Patient/p1', 'Patient/p1', None)
    """
    if base and reference.startswith(f"{base}/"):
        reference = reference[len(base) + 1 :]
    found = LOCAL.fullmatch(reference)
    return f"{found['type']}/{found['id']}" if found else None


def references(body: Any) -> Iterator[str]:
    """Every `reference` of a resource, at any depth."""
    if isinstance(body, list):
        for each in body:
            yield from references(each)
    elif isinstance(body, Mapping):
        for name, value in body.items():
            if name == "reference" and isinstance(value, str):
                yield value
            else:
                yield from references(value)


def rewritten(body: Any, resolve: Callable[[str], str | None]) -> Any:
    """A copy in which each text that `resolve` knows is replaced by its answer."""
    if isinstance(body, Mapping):
        return {name: rewritten(value, resolve) for name, value in body.items()}
    if isinstance(body, list):
        return [rewritten(each, resolve) for each in body]
    return (resolve(body) or body) if isinstance(body, str) else body
