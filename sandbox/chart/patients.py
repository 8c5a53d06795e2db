"""The patient list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fhir.imaging import studies
from fhir.views import status
from sandbox.chart.identity import Identity, identity_of
from sandbox.chart.lines import reason, ward
from sandbox.chart.record import listed, record_of
from sandbox.chart.times import ago
from sandbox.ehr.store import Store


@dataclass(frozen=True, slots=True)
class Listed:
    """One patient of the list; "" for what is not on record."""

    identity: Identity
    ward: str
    here: bool
    """Whether a visit is under way."""
    complaint: str
    story: str
    """What there is to see in this chart, where the hospital was set up to say it."""
    study: str
    study_ago: str


def patient_list(store: Store, stories: Mapping[str, str], now: datetime) -> tuple[Listed, ...]:
    """Every patient, in the order in which the store came to know them.

    Args:
        store: What the hospital knows.
        stories: Patient id to a line about what there is to see.
        now: Ages and the words "two days ago" are counted from here.
    """
    return tuple(_listed(store, version.id, stories, now) for version in store.of_type("Patient"))


def _listed(store: Store, patient: str, stories: Mapping[str, str], now: datetime) -> Listed:
    chart = record_of(store, patient)
    if chart is None:
        raise LookupError("a patient of the list is not in the store")
    visit, newest = next(iter(listed(chart, "Encounter")), None), next(iter(studies(chart)), None)
    return Listed(
        identity=identity_of(chart, now),
        ward=ward(visit) if visit else "",
        here=visit is not None and status(visit) == "in-progress",
        complaint=reason(visit) if visit else "",
        story=stories.get(patient, ""),
        study=(newest.description or "Imaging study") if newest else "",
        study_ago=ago(newest.started.text, now) if newest and newest.started else "",
    )
