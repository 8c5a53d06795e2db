"""What the browser brings back from the authorization server (RFC 6749 4.1.2; RFC 9207)."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from fhir.errors import AuthorizationDenied, LaunchInvalid

DENIALS = frozenset(
    {
        "invalid_request",
        "unauthorized_client",
        "access_denied",
        "unsupported_response_type",
        "invalid_scope",
        "server_error",
        "temporarily_unavailable",
        "interaction_required",
        "login_required",
        "account_selection_required",
        "consent_required",
    }
)
"""RFC 6749 4.1.2.1 and OpenID Connect Core 3.1.2.6. Another word of a server's is not repeated."""
_LONGEST = 16 * 1024
_MOST = 30
_LONGEST_DESCRIPTION = 300


@dataclass(frozen=True, slots=True)
class Callback:
    """Either a code or an error, and whose launch it ends."""

    state: str = field(repr=False)
    code: str | None = field(repr=False)
    error: str | None = field(repr=False)
    description: str = field(default="", repr=False)
    iss: str | None = field(default=None, repr=False)

    def require_from(self, issuer: str | None, *, names_itself: bool) -> None:
        """Check that the answer comes from the server we sent the browser to (mix-up, RFC 9207 2.4).

        Raises:
            LaunchInvalid: it names another server, or none though the server says that it always does.
        """
        if (self.iss is None and names_itself) or (self.iss is not None and self.iss != issuer):
            raise LaunchInvalid("the answer does not come from the server that was asked")

    def require_code(self) -> str:
        """The code.

        Raises:
            AuthorizationDenied: the answer is an error.
        """
        if self.code is None:
            error = self.error if self.error in DENIALS else ""
            raise AuthorizationDenied("the EHR did not authorize the launch", error=error or "", description=self.description)
        return self.code


def callback(query: str) -> Callback:
    """Read the query of the redirect, without its question mark. Parameters nobody knows are passed over (RFC 6749 4.1.2).

    Raises:
        LaunchInvalid: a parameter twice, no state, a code and an error or neither, too long, or not text.
    """
    try:
        pairs = parse_qsl(query[: _LONGEST + 1], keep_blank_values=True, max_num_fields=_MOST, errors="strict")
    except ValueError:
        raise LaunchInvalid("the answer of the authorization server cannot be read") from None
    given = dict(pairs)
    if len(query) > _LONGEST or len(given) < len(pairs):
        raise LaunchInvalid("the answer of the authorization server is too long, or says something twice")
    state, code, error = given.get("state"), given.get("code"), given.get("error")
    if not state or bool(code) == bool(error):
        raise LaunchInvalid("the answer of the authorization server has no state, or not either a code or an error")
    return Callback(state, code or None, error or None, _plain(given.get("error_description", "")), given.get("iss"))


def _plain(text: str) -> str:
    """Printable characters alone, and not many: for showing, after a door has escaped them."""
    return "".join(character for character in text if character.isprintable())[:_LONGEST_DESCRIPTION]
