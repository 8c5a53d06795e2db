"""Whose images a token reaches: those of the studies whose ImagingStudy it may see (identifier `urn:dicom:uid`)."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.ehr.access import READ, Access
from sandbox.ehr.dicomweb.images import Image, Images
from sandbox.ehr.outcome import Refusal
from sandbox.ehr.references import values
from sandbox.ehr.store import Store

_SYSTEM, _PREFIX = "urn:dicom:uid", "urn:oid:"


def study_uids(body: Mapping[str, object]) -> frozenset[str]:
    """The StudyInstanceUIDs that an ImagingStudy names itself by (FHIR R4 imagingstudy.html, identifier)."""
    named = (each for each in values(body, "identifier") if isinstance(each, Mapping) and each.get("system") == _SYSTEM)
    return frozenset(str(each.get("value", "")).removeprefix(_PREFIX) for each in named)


def reached(images: Images, store: Store, access: Access, letter: str = READ) -> tuple[str, ...]:
    """The studies that a request may see, by UID. Without scopes all; with them none that the record does not know.

    Raises:
        Refusal: 403, when the scopes leave out ImagingStudy.
    """
    access.require(letter, "ImagingStudy")
    if access.scopes is None:
        return images.studies()
    seen = (study_uids(each.body) for each in store.of_type("ImagingStudy") if access.sees(letter, each))
    known = frozenset().union(*seen)
    return tuple(study for study in images.studies() if study in known)


def require_images(images: Images, store: Store, access: Access, place: Mapping[str, str]) -> tuple[Image, ...]:
    """The images at a place: `study`, perhaps `series` and `instance`.

    Raises:
        Refusal: 403; 404 for what is not there, and in the same words for what is another patient's.
    """
    within = reached(images, store, access)
    found = images.of(place["study"], place.get("series"), place.get("instance")) if place["study"] in within else ()
    if not found:
        raise Refusal(404, "no such study, series or instance")
    return found
