"""The SMART configuration says what is so."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.ehr.auth.discovery import smart_configuration


@pytest.fixture
def document(app: Any) -> dict[str, Any]:
    answer = app.http.get(f"{app.ehr.base}/.well-known/smart-configuration", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/json"
    assert "max-age" in answer.headers["cache-control"]
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.std("A1")
@pytest.mark.std("A3")
def test_it_names_endpoints_of_this_origin_that_answer_and_s256_alone(app: Any, document: dict[str, Any]) -> None:
    assert document["issuer"] == app.ehr.base
    assert document["code_challenge_methods_supported"] == ["S256"]
    named = {name: url for name, url in document.items() if name.endswith(("_endpoint", "_uri"))}
    assert named.keys() == {"authorization_endpoint", "token_endpoint", "introspection_endpoint", "revocation_endpoint", "jwks_uri"}
    for url in named.values():
        assert url.startswith(f"{app.ehr.origin}/auth/")
        assert app.http.get(url).status_code in (200, 400, 405)


@pytest.mark.std("A22")
def test_it_lists_the_capabilities_that_an_app_beside_the_chart_needs(document: dict[str, Any]) -> None:
    needed = {
        "launch-ehr",
        "context-ehr-patient",
        "permission-v2",
        "sso-openid-connect",
        "client-confidential-asymmetric",
        "context-banner",
    }
    assert needed <= set(document["capabilities"])


@pytest.mark.std("A22")
def test_it_claims_styles_only_where_answers_name_them() -> None:
    with_styles, without = (set(smart_configuration("b", "a", styles=each)["capabilities"]) for each in (True, False))
    assert with_styles - without == {"context-style"}
