"""The series of an ImagingStudy (FHIR R4), and where their instances are: Endpoint, series.endpoint, series.instance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fhir.chart import Chart, Fact
from fhir.codes import LATERALITY_SNOMED
from fhir.study import ImageSource, Instance, Series
from fhir.views import concept_text, member, objects, usable

DICOM = "application/dicom"
SERVICES = ("dicom-wado-rs", "dicom-qido-rs")
"""Codes of `Endpoint.connectionType` that name a DICOMweb service, the one that has the files first."""
_UID = re.compile(r"[0-9.]{1,64}")
Element = Mapping[str, Any]


def uid(text: Any) -> str | None:
    """A DICOM UID without `urn:oid:`; None when it is none.

    >>> uid("urn:oid:1.2.840"), uid("../1")
    ('1.2.840', None)
    """
    plain = str(text or "").strip().removeprefix("urn:oid:")
    return plain if _UID.fullmatch(plain) else None


def series_of(body: Element) -> tuple[Series, ...]:
    """The series of an ImagingStudy, in the order of their numbers; those without a UID left out."""
    return tuple(_series(one, name) for one in _numbered(body.get("series"), "number") if (name := uid(one.get("uid"))))


def _series(one: Element, name: str) -> Series:
    stated = one.get("numberOfInstances")
    return Series(
        uid=name,
        modality=str(code) if (code := member(one.get("modality"), "code")) else None,
        body_part=concept_text(one.get("bodySite")) or None,
        laterality=LATERALITY_SNOMED.get(str(member(one.get("laterality"), "code"))),
        number_of_instances=stated if isinstance(stated, int) and not isinstance(stated, bool) else None,
    )


def _numbered(elements: Any, name: str) -> list[Element]:
    """Elements in the order of their numbers; those without one last, as they stand."""
    return sorted(objects(elements), key=lambda one: number if isinstance(number := one.get(name), int) else 1 << 31)


def endpoints_of(chart: Chart, study: Fact) -> tuple[str, ...]:
    """Addresses of the usable DICOMweb services that the study or one of its series names, without those named twice."""
    series = objects(study.body.get("series"))
    found = [*_addresses(chart, study, study.body), *(address for one in series for address in _addresses(chart, study, one))]
    return tuple(dict.fromkeys(found))


def unknown_endpoints(chart: Chart, study: Fact) -> int:
    """How many endpoints the study or its series name that are not in the record at all: of those nobody knows whether they are in use."""
    elements = (study.body, *objects(study.body.get("series")))
    named = {str(one.get("reference")) for element in elements for one in objects(element.get("endpoint")) if one.get("reference")}
    inside = {f"#{one.get('id')}" for one in objects(study.body.get("contained"))}
    return sum(name not in inside and chart.get(name) is None for name in named)


def _addresses(chart: Chart, study: Fact, element: Element) -> list[str]:
    named = (_resource(chart, study, reference) for reference in objects(element.get("endpoint")))
    services = [(kind, address) for one in named if one is not None for kind, address in _service(one)]
    return [address for _, address in sorted(services, key=lambda one: SERVICES.index(one[0]))]


def _resource(chart: Chart, study: Fact, reference: Element) -> Element | None:
    """The Endpoint a reference names, in the chart or contained in the study; None when it is not there."""
    name = reference.get("reference")
    if not isinstance(name, str):
        return None
    if name.startswith("#"):
        return next((one for one in objects(study.body.get("contained")) if one.get("id") == name[1:]), None)
    fact = chart.get(name)
    return fact.body if fact is not None and fact.resource_type == "Endpoint" and usable(fact) else None


def _service(endpoint: Element) -> Iterator[tuple[str, str]]:
    address, kind = endpoint.get("address"), member(endpoint.get("connectionType"), "code")
    if kind in SERVICES and isinstance(address, str) and address and endpoint.get("status") == "active":
        yield kind, address.rstrip("/")


def instances_of(chart: Chart, study: Fact, study_uid: str | None) -> tuple[ImageSource, ...]:
    """The instances that the study lists and some endpoint has; a series' own endpoint goes before the study's."""
    if study_uid is None or uid(study_uid) is None:
        return ()
    everywhere = _addresses(chart, study, study.body)
    found: list[ImageSource] = []
    for series in _numbered(study.body.get("series"), "number"):
        addresses = _addresses(chart, study, series) or everywhere
        series_uid = uid(series.get("uid"))
        if addresses and series_uid:
            listed = _numbered(series.get("instance"), "number")
            found += [source for one in listed if (source := _source(study, addresses[0], study_uid, series_uid, one))]
    return tuple(found)


def _source(study: Fact, address: str, study_uid: str, series_uid: str, instance: Element) -> ImageSource | None:
    instance_uid = uid(instance.get("uid"))
    if instance_uid is None:
        return None
    held = Instance(address, study_uid, series_uid, instance_uid, uid(member(instance.get("sopClass"), "code")))
    return ImageSource(study.reference, DICOM, instance=held)
