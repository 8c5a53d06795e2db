"""The URL that the browser is sent to, to authorize us (App Launch 2.2, obtain authorization code)."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from fhir.errors import DiscoveryInvalid, LaunchInvalid
from fhir.smart.discovery import Kind
from fhir.smart.issuers import Issuer
from fhir.smart.pending import Pending
from fhir.smart.pkce import METHOD, challenge
from fhir.smart.quirks import Quirk
from fhir.smart.scopes import Scopes

_LONGEST_LAUNCH = 4096


def scopes_for(asked: Scopes, kind: Kind) -> Scopes:
    """The scopes of one launch: the context comes by `launch` from the EHR, and by `launch/patient` where we begin."""
    others = asked.others - {"launch", "launch/patient"}
    if kind == "ehr":
        return replace(asked, others=others - {"launch/encounter"} | {"launch"})
    return replace(asked, others=others | {"launch/patient"})


def authorize_url(endpoint: str, issuer: Issuer, pending: Pending, aud: str, launch: str | None) -> str:
    """The authorization request.

    Args:
        endpoint: The authorization endpoint, whose own query is kept (RFC 6749 3.1).
        issuer: Whom we ask.
        pending: The launch; its verifier stays here, the challenge goes.
        aud: The FHIR base, as the launch wrote it.
        launch: What the EHR gave us, to be given back unchanged; None in a standalone launch.

    Raises:
        DiscoveryInvalid: the endpoint's own query names a parameter of ours.
        LaunchInvalid: `launch` is empty or absurdly long.
    """
    if launch is not None and not 0 < len(launch.encode("utf-8", "surrogatepass")) <= _LONGEST_LAUNCH:
        raise LaunchInvalid("the EHR's launch parameter is empty or too long")
    fields = _fields(issuer, pending, aud) | ({} if launch is None else {"launch": launch})
    own = urlsplit(endpoint).query
    if not {name for name, _ in parse_qsl(own, keep_blank_values=True)}.isdisjoint({*fields, "launch"}):
        raise DiscoveryInvalid("the authorization endpoint's own query names a parameter of the request")
    try:
        query = urlencode(fields, quote_via=quote, safe="")
    except UnicodeEncodeError:
        raise LaunchInvalid("the EHR's launch parameter is not text") from None
    return f"{endpoint}{'' if own == '' and endpoint.endswith('?') else '&' if own else '?'}{query}"


def _fields(issuer: Issuer, pending: Pending, aud: str) -> dict[str, str]:
    slash = Quirk.AUD_WITH_SLASH in issuer.quirks
    fields = {
        "response_type": "code",
        "client_id": issuer.client.client_id,
        "redirect_uri": pending.redirect_uri,
        "scope": issuer.written(pending.asked),
        "state": pending.state,
        "aud": aud.removesuffix("/") + "/" if slash else aud,
        "code_challenge": challenge(pending.verifier),
        "code_challenge_method": METHOD,
    }
    return fields | ({"nonce": pending.nonce} if "openid" in pending.asked else {})
