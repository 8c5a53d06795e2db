"""The signing keys."""

from __future__ import annotations

import pytest

from sandbox.ehr.auth.keys import SigningKeys


@pytest.mark.parametrize(("keep", "count"), [(True, 2), (False, 1)])
def test_a_rotation_brings_a_new_key_and_may_keep_the_old_one(keep: bool, count: int) -> None:
    keys = SigningKeys()
    old = keys.current.kid
    keys.rotate(keep_old=keep)
    published = [each["kid"] for each in keys.jwks()["keys"]]
    assert keys.current.kid == published[-1] != old
    assert (old in published) is keep
    assert len(published) == count


def test_nothing_private_is_published() -> None:
    (key,) = SigningKeys().jwks()["keys"]
    assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi"}
    assert (key["use"], key["alg"], key["kty"]) == ("sig", "RS256", "RSA")
