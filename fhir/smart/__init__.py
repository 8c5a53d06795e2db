"""SMART App Launch 2.2: who may see the record, for which patient, and for how long.

A door takes `Launches` (a person's launch, from the EHR or by ourselves) or `backend_service` (a program). Both end in an
`fhir.wire.authorization.Authorization` that the FHIR client uses. Nothing that is secret is in a repr, a message or a URL.
"""

from fhir.smart.backend import BackendService, backend_service
from fhir.smart.clients import KeyClient, public_jwks
from fhir.smart.issuers import Issuer, Issuers, registered
from fhir.smart.launch import Launched, Launches
from fhir.smart.session import Session

__all__ = [
    "BackendService",
    "Issuer",
    "Issuers",
    "KeyClient",
    "Launched",
    "Launches",
    "Session",
    "backend_service",
    "public_jwks",
    "registered",
]
