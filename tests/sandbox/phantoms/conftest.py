"""Specs that many tests draw."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.phantoms.spec import DrawnFinding, PhantomSpec, Subject, View

ADULT = Subject(60, "male", "average", 1)


@pytest.fixture
def adult() -> Subject:
    return ADULT


@pytest.fixture
def study() -> Callable[..., PhantomSpec]:
    """Builds a spec of one adult with the findings given."""

    def build(*findings: DrawnFinding, view: View = "PA", seed: int = 1, subject: Subject = ADULT) -> PhantomSpec:
        return PhantomSpec(subject, findings, view, seed)

    return build
