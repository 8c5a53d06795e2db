"""How the authorization server says no: the error answers of RFC 6749, 4.1.2.1 and 5.2."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class OAuthRefusal(Exception):
    """A refused request: the RFC's `error`, a description for developers, the HTTP status and headers of its own."""

    def __init__(self, error: str, description: str, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        """Keep what the answer is made of."""
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status
        self.headers = dict(headers or {})


def oauth_error(refusal: OAuthRefusal) -> Response:
    """The JSON answer of the token endpoint."""
    body = {"error": refusal.error, "error_description": refusal.description}
    return JSONResponse(body, refusal.status, {**NO_STORE, **refusal.headers})


def single_values(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The parameters by name; an empty one counts as not sent.

    Raises:
        OAuthRefusal: a parameter stands there twice (RFC 6749, 3.1 and 3.2).
    """
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise OAuthRefusal("invalid_request", "a parameter is given twice")
    return {name: value for name, value in pairs if value}
