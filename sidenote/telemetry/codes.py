"""Every code that a problem of the door may have: a closed set, read from the error classes themselves."""

from __future__ import annotations

from functools import cache
from importlib import import_module

ERRORS = (
    "agent.errors",
    "fhir.errors",
    "policies.errors",
    "retrieval.errors",
    "sidenote.audit.errors",
    "sidenote.decisions.errors",
    "sidenote.errors",
    "sidenote.web.errors",
    "tools.errors",
    "tools.med_vlm.errors",
)
"""Modules whose errors may reach the door."""


@cache
def known_codes() -> frozenset[str]:
    """The codes of all of them, and that of a defect."""
    found = (one for name in ERRORS for one in vars(import_module(name)).values() if isinstance(one, type))
    return frozenset(str(one.__dict__["code"]) for one in found if "code" in one.__dict__) | {"internal_error"}
