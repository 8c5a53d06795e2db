"""Where the record says the images are: an Endpoint, and the ImagingStudy resources that name it (FHIR R4 endpoint.html)."""

from __future__ import annotations

from fhir.jsontext import loads
from sandbox.ehr.dicomweb.reach import study_uids
from sandbox.ehr.hospital import Hospital

ID = "dicomweb"
_CONNECTION = {"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "dicom-wado-rs"}
_PAYLOAD = [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "any"}]}]


def name_images(hospital: Hospital) -> int:
    """Write the Endpoint of the hospital's image server, and name it in every ImagingStudy whose study it holds; how many those are.

    To be called once the hospital stands where it stays: the address is absolute. A study that names it already is left as it is.
    """
    store = hospital.store
    endpoint = {
        "resourceType": "Endpoint",
        "id": ID,
        "status": "active",
        "connectionType": _CONNECTION,
        "name": "Images of the pretend hospital",
        "payloadType": _PAYLOAD,
        "payloadMimeType": ["application/dicom"],
        "address": hospital.dicomweb,
    }
    store.put("Endpoint", ID, endpoint)
    held = frozenset(hospital.images.studies())
    named = [each for each in store.of_type("ImagingStudy") if not held.isdisjoint(study_uids(each.body))]
    for study in named:
        body = loads(study.raw)
        if body.get("endpoint") != [{"reference": f"Endpoint/{ID}"}]:
            store.put("ImagingStudy", study.id, {**body, "endpoint": [{"reference": f"Endpoint/{ID}"}]}, updated=study.updated)
    return len(named)
