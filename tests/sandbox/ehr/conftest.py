"""A small ward, a server around it, and an app that behaves: what the tests of the pretend hospital's server share."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from sandbox.ehr.auth.clients import Client
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

Body = dict[str, Any]
CALLBACK = "http://127.0.0.1:9/callback"


def _observation(number: int, patient: str, when: str, code: str, status: str = "final", category: str = "laboratory") -> Body:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "identifier": [{"system": "urn:lab", "value": f"lab-{number}"}],
        "status": status,
        "category": [{"coding": [{"system": "urn:categories", "code": category}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": when,
    }


def the_ward() -> list[Body]:
    """Two patients, and what the first one's record holds."""
    p1 = {"reference": "Patient/p1"}
    return [
        {"resourceType": "Patient", "id": "p1", "active": True, "name": [{"family": "Ames", "given": ["Ada"]}], "birthDate": "1950-03-01"},
        {"resourceType": "Patient", "id": "p2", "active": False, "name": [{"family": "Birch", "given": ["Ben"]}], "birthDate": "1960"},
        _observation(1, "p1", "2024-01-10T08:00:00Z", "2160-0"),
        _observation(2, "p1", "2024-02-10", "2160-0"),
        _observation(3, "p1", "2024-03-10T23:30:00-05:00", "718-7", status="amended"),
        _observation(4, "p1", "2024", "8867-4", category="vital-signs"),
        _observation(5, "p1", "2024-03-11T08:00:00.250Z", "8867-4", status="preliminary", category="vital-signs"),
        _observation(6, "p2", "2024-03-12T08:00:00Z", "2160-0"),
        {"resourceType": "Medication", "id": "m1", "code": {"coding": [{"system": "urn:rx", "code": "860975"}]}},
        {
            "resourceType": "MedicationRequest",
            "id": "mr1",
            "status": "active",
            "intent": "order",
            "subject": p1,
            "medicationReference": {"reference": "Medication/m1"},
        },
        {"resourceType": "Endpoint", "id": "e1", "status": "active", "connectionType": {"code": "dicom-wado-rs"}, "address": "http://pacs"},
        {"resourceType": "ImagingStudy", "id": "i1", "status": "available", "subject": p1, "endpoint": [{"reference": "Endpoint/e1"}]},
        {"resourceType": "Practitioner", "id": "dr-sandbox", "name": [{"family": "Sand"}]},
        {"resourceType": "Encounter", "id": "enc1", "status": "finished", "class": {"code": "AMB"}, "subject": p1},
        {"resourceType": "Provenance", "id": "prov1", "target": [{"reference": "Observation/o1"}, p1], "recorded": "2024-01-11T00:00:00Z"},
        {"resourceType": "Group", "id": "g1", "type": "person", "actual": True, "member": [{"entity": p1}]},
        {"resourceType": "Binary", "id": "b1", "contentType": "text/plain", "data": base64.b64encode(b"a note").decode()},
        {
            "resourceType": "Binary",
            "id": "b2",
            "contentType": "text/plain",
            "securityContext": {"reference": "Patient/p2"},
            "data": base64.b64encode(b"a secret").decode(),
        },
    ]


@lru_cache
def keys() -> dict[str, RSAKey | ECKey]:
    """Private keys of the asymmetric client, by algorithm, and one that is not registered."""
    return {
        "RS384": RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True),
        "ES384": ECKey.generate_key("P-384", {"use": "sig"}, auto_kid=True),
        "stranger": RSAKey.generate_key(2048, auto_kid=True),
    }


USER_SCOPES = "launch launch/patient launch/encounter openid fhirUser offline_access patient/*.rs patient/Media.c user/Practitioner.rs"


def registered() -> tuple[Client, ...]:
    """One client of each kind, and two with less to them."""
    public_keys = {"keys": [keys()[name].as_dict(private=False) for name in ("RS384", "ES384")]}
    uris = (CALLBACK,)
    return (
        Client("app", "public", USER_SCOPES, uris),
        Client("narrow", "public", "launch patient/Observation.rs?category=laboratory patient/Patient.r", uris),
        Client("symmetric", "confidential-symmetric", USER_SCOPES, uris, secret="s3cr:et/ü", introspects=True),
        Client("asymmetric", "confidential-asymmetric", USER_SCOPES + " system/*.rs", uris, jwks=public_keys, jku="https://app/jwks"),
        Client("standalone", "public", "openid launch/patient patient/*.rs", uris),
        Client("writer", "public", "launch patient/*.cruds user/Observation.cruds", uris),
    )


@dataclass
class App:
    """An app that does everything right; a test overrides the one thing it wants wrong (None leaves a parameter out)."""

    ehr: Running
    http: httpx.Client
    client_id: str = "app"
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    @property
    def auth(self) -> str:
        return f"{self.ehr.origin}/auth"

    def request(self, **changed: str | None) -> dict[str, str]:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        sound: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "launch openid fhirUser patient/*.rs",
            "state": "state-1",
            "aud": self.ehr.base,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        sound |= changed
        if "launch" not in changed and "launch" in (sound["scope"] or "").split():
            sound["launch"] = self.ehr.auth.mint_launch(patient="p1")
        return {name: value for name, value in sound.items() if value is not None}

    def authorize(self, **changed: str | None) -> dict[str, str]:
        """What the redirect carries."""
        answer = self.http.get(f"{self.auth}/authorize", params=self.request(**changed))
        assert answer.status_code == 302, answer.text
        assert answer.headers["location"].startswith(CALLBACK + "?")
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    def exchange(self, code: str | None, **changed: str | None) -> httpx.Response:
        """Exchange a code, as a public client."""
        sound: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": self.verifier,
            "client_id": self.client_id,
        }
        return self.post({**sound, **changed})

    def post(self, form: dict[str, str | None], where: str = "token", **options: Any) -> httpx.Response:
        return self.http.post(f"{self.auth}/{where}", data={name: value for name, value in form.items() if value is not None}, **options)

    def launch(self, **changed: str | None) -> Body:
        """The token answer of a whole launch."""
        answer = self.exchange(self.authorize(**changed)["code"])
        assert answer.status_code == 200, answer.text
        body: Body = answer.json()
        return body

    def assertion(self, alg: str = "RS384", key: str | None = None, header: Body | None = None, **changed: Any) -> str:
        """A client assertion; `header` and `changed` claims override, None leaves out."""
        signer = keys()[key or alg]
        claims = {
            "iss": "asymmetric",
            "sub": "asymmetric",
            "aud": f"{self.auth}/token",
            "exp": int(time.time()) + 240,
            "jti": secrets.token_hex(16),
            **changed,
        }
        heading = {"alg": alg, "kid": signer.kid, "typ": "JWT", **(header or {})}
        present = {name: value for name, value in heading.items() if value is not None}
        whole = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(present, whole, signer, algorithms=[str(present["alg"])], default_type=None)

    def backend(self, scope: str | None = "system/*.rs", assertion: str | None = None, **changed: str | None) -> httpx.Response:
        """Ask for a backend service's token."""
        form: dict[str, str | None] = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion or self.assertion(),
        }
        return self.post({**form, **changed})


@pytest.fixture
def ward() -> list[Body]:
    return the_ward()


@pytest.fixture(scope="module")
def ehr() -> Iterator[Running]:
    """An open hospital with pages of three."""
    with running(Store(the_ward()), Config(page_size=3)) as server:
        yield server


@pytest.fixture(scope="module")
def http(ehr: Running) -> Iterator[httpx.Client]:
    with httpx.Client(timeout=60, verify=False, base_url=f"{ehr.base}/", headers={"Accept": "application/fhir+json"}) as client:
        yield client


@pytest.fixture(scope="module")
def secured() -> Iterator[Running]:
    """A hospital that needs tokens."""
    with running(Store(the_ward()), Config(page_size=3, requires_token=True, clients=registered())) as server:
        yield server


@pytest.fixture(scope="session")
def connections() -> Iterator[httpx.Client]:
    """One client for all: making one takes longer than most tests."""
    with httpx.Client(timeout=60, verify=False) as client:
        yield client


@pytest.fixture
def app(secured: Running, connections: httpx.Client) -> App:
    return App(secured, connections)
