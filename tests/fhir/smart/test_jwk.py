"""Keys as JSON: read by the names of their members, refused when weak or broken, and never served with their private half."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from fhir.smart.jwk import PRIVATE, key_of, public_half

JSON = st.none() | st.booleans() | st.integers() | st.text() | st.binary().map(str)


@pytest.mark.std("A16")
def test_a_key_is_read_whole_or_by_its_public_half(rsa: RSAKey, ec: ECKey) -> None:
    for key in (rsa, ec):
        body = {**key.as_dict(private=True), "key_ops": ["sign"], "x5c": ["x"], "oth": "x"}
        whole, half = key_of(body, private=True), key_of(body)
        assert whole is not None
        assert half is not None
        assert whole.is_private
        assert not half.is_private
        assert public_half(whole) == public_half(half)
        assert set(PRIVATE).isdisjoint(public_half(whole))


@pytest.mark.fault(27)
def test_weak_symmetric_unknown_and_broken_keys_are_none(weak_rsa: bytes) -> None:
    bodies: list[dict[str, Any]] = [
        json.loads(weak_rsa),
        {"kty": "oct", "k": "AAAA"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"},
        {"kty": "RSA"},
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        {"kty": "RSA", "n": "!!", "e": "AQAB"},
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-000", "x": "AA", "y": "AA"},
        {"kty": ["RSA"]},
        {},
    ]
    assert [key_of(body) for body in bodies] == [None] * len(bodies)


@given(st.dictionaries(st.sampled_from(["n", "e", "crv", "x", "y", "d", "p"]), JSON), st.sampled_from(["RSA", "EC"]))
def test_no_json_object_makes_it_stumble(body: dict[str, Any], kind: str) -> None:
    assert key_of({"kty": kind, **body}, private=True) is None
