"""The access token on a FHIR request (RFC 6750)."""

from __future__ import annotations

from sandbox.ehr.access import Access
from sandbox.ehr.auth.scopes import resource_scopes
from sandbox.ehr.auth.tokens import TokenBook
from sandbox.ehr.outcome import Refusal

_REALM = 'Bearer realm="sandbox"'


def access_of(authorization: str | None, tokens: TokenBook) -> Access:
    """What the bearer of a request may see.

    Raises:
        Refusal: 401 without a token, or with one that is unknown, expired or revoked.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refusal(401, "an access token is needed", {"WWW-Authenticate": _REALM})
    issued = tokens.find(token)
    if issued is None:
        raise Refusal(401, "the access token is not valid", {"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})
    grant = issued.grant
    patient = grant.context.patient
    holder = "|".join((grant.client_id, grant.user.sub if grant.user else "", patient or ""))
    return Access(resource_scopes(issued.scopes), patient, holder)
