"""Client authentication: each kind in its own way only."""

from __future__ import annotations

import base64
import time
from typing import Any
from urllib.parse import quote_plus

import pytest

from sandbox.ehr.auth.assertion import TYPE
from sandbox.ehr.auth.authentication import Clients
from sandbox.ehr.auth.clients import Client
from sandbox.ehr.auth.refusal import OAuthRefusal


def basic(name: str, secret: str) -> dict[str, str]:
    pair = f"{quote_plus(name)}:{quote_plus(secret)}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def code_form(app: Any, client_id: str) -> dict[str, str | None]:
    app.client_id = client_id
    code = app.authorize()["code"]
    return {"grant_type": "authorization_code", "code": code, "redirect_uri": app.request()["redirect_uri"], "code_verifier": app.verifier}


@pytest.mark.std("A8")
def test_a_symmetric_client_sends_its_secret_in_the_header(app: Any) -> None:
    answer = app.post(code_form(app, "symmetric"), headers=basic("symmetric", "s3cr:et/ü"))
    assert answer.status_code == 200
    assert answer.json()["patient"] == "p1"


@pytest.mark.parametrize(
    ("headers", "more", "error"),
    [
        (basic("symmetric", "wrong"), {}, "invalid_client"),
        (basic("nobody", "s3cr:et/ü"), {}, "invalid_client"),
        (basic("app", ""), {}, "invalid_client"),
        (basic("asymmetric", ""), {}, "invalid_client"),
        ({"Authorization": "Basic !!!"}, {}, "invalid_client"),
        ({"Authorization": "Basic " + base64.b64encode(b"symmetric").decode()}, {}, "invalid_client"),
        ({"Authorization": basic("symmetric", "s3cr:et/ü")["Authorization"].replace("Basic", "Bearer")}, {}, "invalid_client"),
        ({}, {"client_id": "symmetric"}, "invalid_client"),
        ({}, {"client_id": "symmetric", "client_secret": "s3cr:et/ü"}, "invalid_client"),
        ({}, {}, "invalid_client"),
        (basic("symmetric", "s3cr:et/ü"), {"client_secret": "s3cr:et/ü"}, "invalid_request"),
        (basic("symmetric", "s3cr:et/ü"), {"client_id": "symmetric"}, "invalid_request"),
        (basic("symmetric", "s3cr:et/ü"), {"client_id": "app"}, "invalid_request"),
    ],
)
@pytest.mark.std("A8")
def test_a_symmetric_client_that_proves_itself_in_any_other_way_is_refused(
    app: Any, headers: dict[str, str], more: dict[str, str], error: str
) -> None:
    answer = app.post(code_form(app, "symmetric") | more, headers=headers)
    assert answer.json()["error"] == error
    assert answer.status_code == (401 if error == "invalid_client" else 400)
    assert ("www-authenticate" in answer.headers) == (error == "invalid_client" and bool(headers))


@pytest.mark.parametrize(
    ("headers", "more"),
    [(basic("app", ""), {}), ({}, {"client_secret": "x"}), ({}, {"client_id": "nobody"}), ({}, {"client_id": "asymmetric"})],
)
@pytest.mark.std("A8")
def test_a_public_client_names_itself_and_proves_nothing(app: Any, headers: dict[str, str], more: dict[str, str]) -> None:
    form = code_form(app, "app") | {"client_id": "app"} | more
    assert app.post(form, headers=headers).status_code in (400, 401)


@pytest.mark.parametrize("alg", ["RS384", "ES384"])
@pytest.mark.std("A16")
def test_an_asymmetric_client_signs_an_assertion(app: Any, alg: str) -> None:
    form = code_form(app, "asymmetric") | {"client_assertion_type": TYPE, "client_assertion": app.assertion(alg)}
    assert app.post(form).status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_assertion_type": "urn:other"}, "invalid_client"),
        ({"client_assertion_type": None}, "invalid_client"),
        ({"client_assertion": "no.jwt.here"}, "invalid_client"),
        ({"client_assertion": "x"}, "invalid_client"),
        ({"client_id": "asymmetric"}, "invalid_request"),
        ({"client_secret": "x"}, "invalid_request"),
    ],
)
@pytest.mark.std("A16")
def test_an_assertion_comes_with_its_type_and_alone(app: Any, form: dict[str, str | None], error: str) -> None:
    assert app.backend(**form).json()["error"] == error


@pytest.mark.std("A16")
def test_an_assertion_is_good_for_one_use(app: Any) -> None:
    assertion = app.assertion()
    assert app.backend(assertion=assertion).status_code == 200
    again = app.backend(assertion=assertion)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
    same = [app.backend(assertion=app.assertion(jti="same")).status_code for _ in range(2)]
    assert same == [200, 401]


@pytest.mark.parametrize("kind", ["public", "confidential-symmetric"])
@pytest.mark.std("A16")
def test_an_assertion_is_of_no_use_to_a_client_of_another_kind_whatever_keys_it_has(app: Any, kind: Any) -> None:
    client = Client("asymmetric", kind, "", jwks=app.ehr.auth.clients.get("asymmetric").jwks)
    form = {"client_assertion_type": TYPE, "client_assertion": app.assertion()}
    with pytest.raises(OAuthRefusal, match="way it is registered for"):
        Clients((client,), tolerates_client_id=False).authenticate(form, None, (f"{app.auth}/token",), time.time())


def test_a_tolerant_server_lets_a_confidential_client_name_itself_too() -> None:
    client = Client("c", "confidential-symmetric", "", secret="s")
    clients = Clients((client,), tolerates_client_id=True)
    header = basic("c", "s")["Authorization"]
    assert clients.authenticate({"client_id": "c"}, header, (), 0) is client
    assert clients.get("nobody") is None
