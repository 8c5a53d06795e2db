"""EHR launch from the chart (SMART App Launch 2.2.0, EHR launch): what goes with it, and where the app is opened."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fhir.chart import Chart
from fhir.imaging import studies
from fhir.views import status
from sandbox.chart.guard import origin_of
from sandbox.chart.record import listed
from sandbox.ehr.auth.clients import User
from sandbox.ehr.auth.grants import Messaging
from sandbox.ehr.hospital import Hospital

EMERGENCY = "break-glass"
"""The `intent` of a launch into emergency access, as the hospital agreed with its apps."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A launch that was minted: where the app is opened, and how the chart's page and the app speak (SMART Web Messaging 1.0.0)."""

    url: str
    origin: str
    handle: str
    """The messaging handle, which both sides put into their messages."""
    study: str
    """Id of the ImagingStudy that goes with it; "" for none."""


class UnknownStudy(ValueError):
    """The study is not of this chart."""


def launch(
    hospital: Hospital, chart: Chart, user: User, launch_url: str, *, study: str | None, whole_page: bool, emergency: bool = False
) -> Launched:
    """Mint a launch for a chart's patient, newest visit and a study.

    Args:
        hospital: Whose authorization server mints it.
        chart: The patient's chart.
        user: Who is signed in.
        launch_url: The app's launch URL.
        study: Id of an ImagingStudy of the chart; None for the newest, if there is one.
        whole_page: Whether the app gets a window of its own, and must say itself whose chart it shows (`need_patient_banner`).
        emergency: Whether the glass was broken: the app is told so by the launch's `intent`.

    Raises:
        UnknownStudy: the study is not of this chart.
    """
    chosen = _chosen(chart, study)
    handle = secrets.token_urlsafe(16)
    minted = hospital.auth.mint_launch(
        patient=chart.patient.id,
        encounter=_encounter(chart),
        fhirContext=_opened(chosen),
        need_patient_banner=whole_page,
        intent=EMERGENCY if emergency else None,
        smart_web_messaging=None if whole_page else Messaging(hospital.origin, handle),
        user=user,
    )
    mark = "&" if "?" in launch_url else "?"
    url = f"{launch_url}{mark}{urlencode({'iss': hospital.base, 'launch': minted})}"
    return Launched(url, origin_of(launch_url), handle, chosen or "")


def _chosen(chart: Chart, study: str | None) -> str | None:
    ids = [one.reference.partition("/")[2] for one in studies(chart)]
    if study is None:
        return ids[0] if ids else None
    if study not in ids:
        raise UnknownStudy("the study is not in this chart")
    return study


def _opened(study: str | None) -> tuple[Mapping[str, Any], ...]:
    return ({"reference": f"ImagingStudy/{study}", "type": "ImagingStudy"},) if study else ()


def _encounter(chart: Chart) -> str | None:
    """The visit that is under way, else the newest."""
    visits = sorted(listed(chart, "Encounter"), key=lambda fact: status(fact) != "in-progress")
    return visits[0].id if visits else None
