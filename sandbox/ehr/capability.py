"""The CapabilityStatement: what this hospital really answers, from its tables and configuration (FHIR R4 capabilitystatement.html)."""

from __future__ import annotations

from typing import Any

from sandbox.ehr.config import Config
from sandbox.ehr.parameters import PARAMETERS, Parameter

_INTERACTIONS = ("read", "vread", "history-instance", "search-type", "create", "update", "delete")
_OAUTH = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SERVICE = {"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}
_EXPORTS = {
    "": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export",
    "Patient": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export",
    "Group": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export",
}
_EVERYTHING = {"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"}


def capability_statement(config: Config, base: str, auth: str) -> dict[str, Any]:
    """The statement of a hospital at `base` whose authorization server is at `auth`."""
    rest: dict[str, Any] = {
        "mode": "server",
        "resource": [_resource(config, name, known) for name, known in PARAMETERS.items() if name not in config.without],
        "interaction": [{"code": "transaction"}, {"code": "batch"}],
        "operation": [_export("")],
    }
    if config.requires_token:
        rest["security"] = _security(auth)
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": "2026-11-01",
        "publisher": "Sidenote's pretend hospital",
        "kind": "instance",
        "software": {"name": "Sidenote sandbox"},
        "implementation": {"description": "Synthetic patients only", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [rest],
    }


def _resource(config: Config, name: str, known: dict[str, Parameter]) -> dict[str, Any]:
    references = [f"{name}:{each.name}" for each in known.values() if each.kind == "reference"]
    described: dict[str, Any] = {
        "type": name,
        "interaction": [{"code": code} for code in _INTERACTIONS],
        "versioning": "versioned-update" if config.requires_if_match else "versioned",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalUpdate": True,
        "conditionalRead": "not-match",
        "searchParam": [{"name": each.name, "type": each.kind} for each in known.values()],
    }
    if references:
        described["searchInclude"] = references
    described["searchRevInclude"] = _pointing_at(name)
    operations = [_EVERYTHING] if name == "Patient" and config.everything else []
    operations += [_export(name)] if name in _EXPORTS else []
    return described | ({"operation": operations} if operations else {})


def _pointing_at(name: str) -> list[str]:
    """The reference parameters bound to the type, and Provenance, which points at all: `_revinclude` takes any other one too."""
    bound = (f"{source}:{each.name}" for source, known in PARAMETERS.items() for each in known.values() if each.target == name)
    return ["Provenance:target", *bound]


def _export(name: str) -> dict[str, str]:
    return {"name": "export", "definition": _EXPORTS[name]}


def _security(auth: str) -> dict[str, Any]:
    endpoints = [{"url": word, "valueUri": f"{auth}/{word}"} for word in ("authorize", "token", "introspect", "revoke")]
    return {
        "service": [{"coding": [_SERVICE], "text": "OAuth2 using SMART-on-FHIR profile"}],
        "extension": [{"url": _OAUTH, "extension": endpoints}],
    }
