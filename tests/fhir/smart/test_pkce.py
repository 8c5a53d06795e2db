"""PKCE: fresh verifiers, and the challenge of RFC 7636's own example."""

from __future__ import annotations

import re

import pytest

from fhir.smart.pkce import METHOD, challenge, new_verifier


@pytest.mark.std("A6")
def test_a_verifier_is_fresh_and_of_the_shape_of_the_rfc() -> None:
    made = {new_verifier() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"[A-Za-z0-9._~-]{43,128}", verifier) for verifier in made)


@pytest.mark.std("A6")
@pytest.mark.fault(24)
def test_the_challenge_is_s256_and_nothing_else() -> None:
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert METHOD == "S256"
