"""Several EHRs at once: each found by its own base and name, each with its own wire, trust and redirect URI."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from fhir.errors import ElsewhereRefused, IssuerUnknown, RegistrationInvalid
from sidenote.ehrs import Ehr
from sidenote.errors import SettingsInvalid
from sidenote.web.errors import NotFound
from sidenote.web.tenants import Tenants, open_tenants

PUBLIC = "https://sidenote.example/app"


def ehr(name: str, **more: Any) -> Ehr:
    return Ehr(name=name, iss=f"https://{name}.example/fhir", client_id="sidenote", **more)


def opened(*ehrs: Ehr) -> Tenants:
    async def inside() -> Tenants:
        async with open_tenants(ehrs, PUBLIC) as tenants:
            return tenants

    return asyncio.run(inside())


def test_each_has_what_is_its_own() -> None:
    tenants = opened(ehr("a"), ehr("b", frame_ancestors=("https://chart.b.example",)))
    one, other = tenants
    assert (one.issuer.redirect_uri, other.issuer.redirect_uri) == (f"{PUBLIC}/callback/a", f"{PUBLIC}/callback/b")
    assert (one.ancestors, other.ancestors) == (("https://a.example",), ("https://chart.b.example",))
    assert one.launches is not other.launches
    assert tenants.of("https://b.example/fhir") is tenants.of("https://b.example/fhir/") is tenants.named("b") is other


@pytest.mark.fault(21)
@pytest.mark.std("A2")
@pytest.mark.parametrize(
    "iss",
    [
        "",
        "/",
        "a",
        "https://a.example",
        "https://a.example/fhir//",
        "https://A.example/fhir",
        "http://a.example/fhir",
        "https://a.example/fhir?",
    ],
)
def test_an_iss_is_found_letter_by_letter_or_not(iss: str) -> None:
    with pytest.raises(IssuerUnknown):
        opened(ehr("a")).of(iss)


@pytest.mark.parametrize("name", ["", "A", "b", "a/"])
def test_a_name_is_found_letter_by_letter_or_not(name: str) -> None:
    with pytest.raises(NotFound):
        opened(ehr("a")).named(name)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"ca_file": Path("/no/such/file.pem")}, SettingsInvalid),
        ({"secret_file": Path("/no/such/secret")}, SettingsInvalid),
        ({"key_file": Path("/no/such/key")}, SettingsInvalid),
        ({"scopes": "patient/*"}, RegistrationInvalid),
        ({"smart_quirks": ("no-such",)}, RegistrationInvalid),
        ({"elsewhere": ("http://login.example",)}, RegistrationInvalid),
        ({"frame_ancestors": ("*",)}, ElsewhereRefused),
    ],
)
def test_what_cannot_be_used_stops_the_start(more: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        opened(ehr("a"), ehr("b", **more))
