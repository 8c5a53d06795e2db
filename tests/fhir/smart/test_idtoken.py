"""id_tokens that are believed, by every pinned algorithm and within the clocks' leeway; `test_forgeries.py` has those that are not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from fhir.errors import ClockSkewed, IdTokenInvalid
from fhir.smart.idtoken import ALGORITHMS, Expected, User, user
from fhir.smart.jwks import Keys


@pytest.fixture
def believed(ehr: Any, clock: Any) -> Callable[[str], User]:
    ehr.nonce = "n1"

    def read(token: str) -> User:
        async def run() -> User:
            wire = ehr.wire()
            expected = Expected(ehr.base, ehr.configuration["jwks_uri"], "sidenote", "n1", "canary-access")
            try:
                return await user(token, expected, Keys(wire, clock), clock())
            finally:
                await wire.aclose()

        return asyncio.run(run())

    return read


@pytest.mark.std("A15")
def test_a_sound_id_token_names_the_user(ehr: Any, believed: Any) -> None:
    found = believed(ehr.id_token())
    assert (found.issuer, found.sub, found.fhir_user) == (ehr.base, "u1", f"{ehr.base}/Practitioner/d1")


@pytest.mark.std("A15")
@pytest.mark.parametrize(
    "url",
    [
        "Practitioner/1",
        "PractitionerRole/a-b.C",
        "Patient/1",
        "RelatedPerson/1",
        "Person/1",
        "https://other.example/x/Practitioner/1",
        None,
    ],
)
def test_a_user_is_one_of_five_types_by_a_relative_or_absolute_url(ehr: Any, believed: Any, url: str | None) -> None:
    assert believed(ehr.id_token(fhirUser=url)).fhir_user == url


@pytest.mark.std("A15")
@pytest.mark.fault(27)
@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_pinned_algorithm_is_verified(ehr: Any, believed: Any, algorithm: str) -> None:
    curve = {"ES256": "P-256", "ES384": "P-384"}.get(algorithm)
    key = ECKey.generate_key(curve, {"kid": "x1"}) if curve else ehr.signing
    ehr.keys = [{**key.as_dict(private=False), "kid": "x1", "alg": algorithm}]
    claims = jwt.decode(ehr.id_token(), ehr.signing).claims
    digest = hashlib.new(ALGORITHMS[algorithm], b"canary-access").digest()
    claims["at_hash"] = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    token = jwt.encode({"alg": algorithm, "kid": "x1"}, claims, key, algorithms=[algorithm])
    assert believed(token).sub == "u1"
    ehr.keys[0]["alg"] = "PS256"
    with pytest.raises(IdTokenInvalid, match="does not publish"):
        believed(token)


@pytest.mark.std("A15")
def test_a_missing_key_id_is_put_up_with_when_the_server_has_one_key(ehr: Any, believed: Any, ec: ECKey) -> None:
    ehr.header["kid"] = None
    assert believed(ehr.id_token()).sub == "u1"
    ehr.keys.append(ec.as_dict(private=False))
    with pytest.raises(IdTokenInvalid):
        believed(ehr.id_token())


@pytest.mark.std("A15")
@pytest.mark.parametrize(
    "claims", [{"aud": ["sidenote"]}, {"aud": ["other", "sidenote"], "azp": "sidenote"}, {"azp": "sidenote"}, {"amr": ["pwd"], "acr": 1}]
)
def test_audiences_and_parties_that_are_us_pass(ehr: Any, believed: Any, claims: dict[str, Any]) -> None:
    assert believed(ehr.id_token(**claims)).sub == "u1"


@pytest.mark.fault(29)
@pytest.mark.parametrize("apart", [-30, -1, 0, 1, 30])
@pytest.mark.parametrize("life", [60, 300, 3600])
def test_clocks_half_a_minute_apart_pass(ehr: Any, believed: Any, apart: int, life: int) -> None:
    issued = int(ehr.clock()) + apart
    assert believed(ehr.id_token(iat=issued, nbf=issued, exp=issued + life)).sub == "u1"


@pytest.mark.fault(29)
@pytest.mark.parametrize("apart", [-86_400, -600, 600, 86_400])
@pytest.mark.parametrize("life", [60, 300, 3600, 10**7])
def test_clocks_ten_minutes_apart_are_refused_with_a_word_on_clocks(ehr: Any, believed: Any, apart: int, life: int) -> None:
    issued = int(ehr.clock()) + apart
    with pytest.raises(ClockSkewed, match="clock"):
        believed(ehr.id_token(iat=issued, nbf=issued, exp=issued + life))


@pytest.mark.std("A19")
def test_nothing_of_the_user_is_in_a_repr(ehr: Any, believed: Any) -> None:
    found = believed(ehr.id_token(sub="canary", fhirUser="Practitioner/canary", patient="canary"))
    assert found.sub == "canary"
    assert "canary" not in repr(found)
    assert "canary" not in repr(Expected("i", "j", "c", "canary", "canary"))
