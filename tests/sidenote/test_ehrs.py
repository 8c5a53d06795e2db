"""An EHR's entry: what belongs together, what is refused, how it is known to the SMART library, and how it is asked."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from joserfc.jwk import ECKey
from pydantic import ValidationError

from fhir.errors import ElsewhereRefused, RegistrationInvalid
from fhir.smart.clients import KeyClient, PublicClient, SecretClient
from fhir.smart.context import LaunchContext
from fhir.smart.scopes import granted
from sidenote.ehrs import READ_SCOPES, Ehr, ancestors_of, is_emergency, issuer_of, session_access
from sidenote.errors import SettingsInvalid
from sidenote.servers import certificates

ISS, PUBLIC = "https://ehr.example/fhir", "https://sidenote.example/app"


def ehr(**more: Any) -> Ehr:
    return Ehr(**{"name": "lindenhof", "iss": ISS, "client_id": "sidenote", **more})


@pytest.mark.parametrize(
    "more",
    [
        {"name": "Lindenhof"},
        {"name": "../x"},
        {"name": ""},
        {"name": "a" * 33},
        {"title": "x" * 81},
        {"secret_file": Path("a"), "key_file": Path("b")},
        {"quirks": ("no-such",)},
        {"since": {"Patient": "2020"}},
        {"since": {"Observation": "yesterday"}},
        {"iss": None},
        {"client_id": None},
        {"emergency_intent": "x" * 201},
        {"frame_ancestor": ("https://a.example",)},
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ehr(**more)


def test_people_call_it_by_its_title_or_by_its_name() -> None:
    assert (ehr().shown, ehr(title="Lindenhof Hospital").shown) == ("lindenhof", "Lindenhof Hospital")


@pytest.mark.std("A13")
def test_unless_a_site_says_otherwise_one_patient_is_read_and_nothing_is_written() -> None:
    entry = ehr()
    assert not entry.write_back
    asked = granted(entry.scopes)
    assert [(scope.context, scope.type, scope.actions) for scope in asked.clinical] == [("patient", "*", "rs")]
    assert asked.others == {"launch", "openid", "fhirUser", "online_access"}
    assert entry.scopes == READ_SCOPES


@pytest.mark.parametrize("public", [PUBLIC, f"{PUBLIC}/"])
def test_its_answers_come_back_to_an_address_of_its_own(public: str) -> None:
    assert issuer_of(ehr(), public).redirect_uri == f"{PUBLIC}/callback/lindenhof"


def test_we_prove_ourselves_by_what_is_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" s3cret\n")
    key = ECKey.generate_key("P-384", {"kid": "e1", "alg": "ES384"})
    (tmp_path / "key").write_text(json.dumps(key.as_dict(private=True)))
    clients = [issuer_of(ehr(**more), PUBLIC).client for more in ({}, {"secret_file": tmp_path / "secret"}, {"key_file": tmp_path / "key"})]
    assert [type(client) for client in clients] == [PublicClient, SecretClient, KeyClient]
    assert "s3cret" not in repr(clients)
    assert str(key.as_dict(private=True)["d"]) not in repr(clients)


@pytest.mark.parametrize("key", ["secret_file", "key_file"])
def test_a_file_that_cannot_be_read_is_named_by_its_key(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsInvalid, match=key) as refused:
        issuer_of(ehr(**{key: tmp_path / "missing"}), PUBLIC)
    assert str(tmp_path) not in str(refused.value)


@pytest.mark.parametrize(
    "more", [{"iss": "http://ehr.example/fhir"}, {"scopes": "patient/*"}, {"smart_quirks": ("x",)}, {"elsewhere": ("x",)}]
)
def test_what_the_smart_library_cannot_use_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(RegistrationInvalid):
        issuer_of(ehr(**more), PUBLIC)


@pytest.mark.fault(45)
@pytest.mark.parametrize(
    ("urls", "written"),
    [
        (["https://EHR.example/fhir"], ["https://ehr.example"]),
        (["https://ehr.example:443/a", "https://ehr.example/b"], ["https://ehr.example"]),
        (["https://ehr.example:8443/"], ["https://ehr.example:8443"]),
        (["http://127.0.0.1:80/x", "http://127.0.0.1:8080"], ["http://127.0.0.1", "http://127.0.0.1:8080"]),
        (["http://[::1]:8080/fhir"], ["http://[::1]:8080"]),
    ],
)
def test_who_may_frame_us_is_written_as_browsers_write_origins(urls: list[str], written: list[str]) -> None:
    assert list(ancestors_of([ehr(frame_ancestors=tuple(urls))])) == written


def test_an_ehr_frames_us_from_its_own_origin_unless_it_names_others() -> None:
    assert ancestors_of([ehr(), ehr(name="b", iss="https://b.example/fhir", frame_ancestors=("https://chart.b.example",))]) == (
        "https://ehr.example",
        "https://chart.b.example",
    )
    assert ancestors_of([]) == ()


@pytest.mark.fault(45)
@pytest.mark.parametrize(
    "text", ["*", "https://*", "https://*.example", "'self'", "https:", "data:", "https://a.example; script-src *", ""]
)
def test_a_wildcard_or_a_directive_is_no_origin(text: str) -> None:
    with pytest.raises(ElsewhereRefused):
        ancestors_of([ehr(frame_ancestors=(text,))])


def test_the_machines_trust_is_used_unless_a_file_says_otherwise(certify: Callable[..., Path], tmp_path: Path) -> None:
    assert certificates(ehr().ca_file) is None
    own = certificates(ehr(ca_file=certify()).ca_file)
    assert own is not None
    assert (len(own.get_ca_certs()), own.verify_mode, own.check_hostname) == (1, ssl.CERT_REQUIRED, True)
    assert own.minimum_version >= ssl.TLSVersion.TLSv1_2
    (tmp_path / "empty.pem").write_text("no certificate")
    for name in ("empty.pem", "missing.pem"):
        with pytest.raises(SettingsInvalid, match="ca_file"):
            certificates(ehr(ca_file=tmp_path / name).ca_file)


@pytest.mark.fault(31)
def test_a_session_is_asked_with_its_token_for_what_it_may_read() -> None:
    session: Any = SimpleNamespace(scopes=granted("patient/Patient.rs patient/Observation.rs?category=laboratory"))
    access = session_access(ehr(images=("https://pacs.example",), quirks=("no-sort",), since={"Observation": "2020"}), session)
    assert access.authorization is session
    assert (access.images, set(access.quirks), dict(access.plan.since)) == (("https://pacs.example",), {"no-sort"}, {"Observation": "2020"})
    assert [access.plan.granted(name) for name in ("Patient", "Observation", "Condition")] == ["all", "part", "none"]


@pytest.mark.fault(109)
@pytest.mark.parametrize(
    ("agreed", "intent", "emergency"),
    [
        ({}, "break-glass", True),
        ({"emergency_intent": "etreat"}, "etreat", True),
        ({"emergency_intent": "etreat"}, "break-glass", False),
        ({}, "BREAK-GLASS", False),
        ({}, "break-glass ", False),
        ({}, "review", False),
        ({}, None, False),
        ({"emergency_intent": ""}, "", False),
        ({"emergency_intent": ""}, None, False),
    ],
)
def test_an_emergency_is_what_the_ehr_says_with_the_word_that_was_agreed(
    agreed: dict[str, str], intent: str | None, emergency: bool
) -> None:
    assert is_emergency(ehr(**agreed), LaunchContext("p1", intent=intent)) is emergency
