"""Asking one condition of a case given as minimal FHIR."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from policies.conditions import Answer, evaluate, parse_condition
from policies.rule_case import Given, policy_case


@pytest.fixture(scope="session")
def ask() -> Callable[..., Answer]:
    """`ask({"absent": {…}}, resource, …, pulled={…}, study=…)`: every pull is complete unless `pulled` says so."""

    def asked(condition: Mapping[str, Any], *resources: Mapping[str, Any], **more: Any) -> Answer:
        return evaluate(parse_condition(condition), policy_case(Given(resources=resources, **more)))

    return asked
