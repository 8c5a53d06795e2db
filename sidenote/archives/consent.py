"""On what terms cases may stand in a library: as the archive says for all, and as a patient's record says (FHIR R4 Consent)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fhir.chart import Chart, Fact
from fhir.time import parse_when
from fhir.views import codings, member, objects, usable
from retrieval.archive.case_line import Consent, Licence, Site
from retrieval.errors import BadCase

SCOPES = frozenset({"research", "patient-privacy"})
"""Consent.scope that speaks of use beyond treatment; consent to be treated is none to be shown to others."""


@dataclass(frozen=True, slots=True)
class FolderTerms:
    """Said by who builds the index. What a case says itself counts before it; a case for which nobody says it is rejected."""

    consent: Consent | None = None
    """On what ground, e.g. `broad consent 2019`."""
    licence: Licence | None = None
    site: Site = "unknown"
    system: str | None = None
    """`Identifier.system` of the numbers that the site's images carry as Patient ID."""


def consented(chart: Chart, stated: str | None, now: datetime) -> str:
    """On what ground the studies of a patient may be used, in words without identity.

    An active Consent that permits (FHIR R4 `Consent.provision.type`) counts; one that denies counts against every other, and against
    what was stated for the whole archive. One with provisions inside it, which may take back what it gives, or with a modifier
    of unknown meaning is not understood and counts as a denial.

    Args:
        chart: The patient's.
        stated: Said by who builds the index, for patients whose record holds no Consent.
        now: Aware.

    Raises:
        BadCase: the record denies it, cannot be read as far as consent goes, or nobody says.
    """
    held = [fact for fact in chart.of_type("Consent") if fact.body.get("status") == "active" and _scope(fact)]
    current = [fact for fact in held if _in_force(fact, now)]
    if any(not _permits(fact) for fact in current):
        raise BadCase("consent is denied, or given with exceptions")
    if chart.manifest.state("Consent") in ("failed", "truncated", "refused"):
        raise BadCase("consent cannot be read")
    if current:
        return f"FHIR Consent ({', '.join(sorted({_scope(fact) for fact in current}))}), active and permitting"
    if not stated:
        raise BadCase("consent or licence is not stated")
    return stated


def _scope(fact: Fact) -> str:
    """The scope that matters here; empty for a Consent about something else."""
    return next((code for _, code in codings(fact.body.get("scope")) if code in SCOPES), "")


def _permits(fact: Fact) -> bool:
    provision = fact.body.get("provision")
    return usable(fact) and member(provision, "type") == "permit" and not objects(member(provision, "provision"))


def _in_force(fact: Fact, now: datetime) -> bool:
    """Whether its period, where it has one, holds `now`. A denial without an end that can be read goes on."""
    period = member(fact.body.get("provision"), "period")
    start, end = (_bound(period, name) for name in ("start", "end"))
    if _permits(fact):
        return _within(period, start, end, now)
    return end is None or end.latest >= now


def _bound(period: Any, name: str) -> Any:
    return parse_when(str(period[name])) if isinstance(period, Mapping) and name in period else None


def _within(period: Any, start: Any, end: Any, now: datetime) -> bool:
    given = [name for name in ("start", "end") if member(period, name) is not None]
    read = {"start": start, "end": end}
    if any(read[name] is None for name in given):
        return False
    return (start is None or start.latest <= now) and (end is None or end.earliest >= now)
