"""What servers in the field do otherwise than the standard says, as named options. None is on unless a site turns it on.

Each loosens one thing and nothing else; none of them touches a signature, the state, PKCE, or whom we talk to.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from fhir.errors import RegistrationInvalid


class Quirk(StrEnum):
    """One departure from the standard that is put up with; `LOOSENS` says what it costs."""

    SCOPE_ABSENT = "scope-absent"
    PATIENT_IN_ID_TOKEN = "patient-in-id-token"  # noqa: S105 - a name
    CLIENT_ID_IN_BODY = "client-id-in-body"
    SECRET_IN_BODY = "secret-in-body"  # noqa: S105 - a name
    SECRET_UNENCODED = "secret-unencoded"  # noqa: S105 - a name
    AUD_WITH_SLASH = "aud-with-slash"
    SCOPES_V1 = "scopes-v1"
    EXPIRES_IN_TEXT = "expires-in-text"
    EXPIRES_IN_ABSENT = "expires-in-absent"
    CAPABILITIES_UNLISTED = "capabilities-unlisted"
    JSON_UNLABELLED = "json-unlabelled"


LOOSENS: dict[Quirk, str] = {
    Quirk.SCOPE_ABSENT: "A token response without `scope` is taken to grant what was asked (RFC 6749 5.1). What was not granted shows "
    "only when the FHIR server refuses it.",
    Quirk.PATIENT_IN_ID_TOKEN: "The patient may stand in the id_token alone. It is read there after the id_token has been validated.",
    Quirk.CLIENT_ID_IN_BODY: "`client_id` is sent in the form beside the proof of a confidential client.",
    Quirk.SECRET_IN_BODY: "The client secret is sent in the form (RFC 6749 2.3.1, not recommended), where servers may log it.",
    Quirk.SECRET_UNENCODED: "Client id and secret go into Basic as they are, without the form encoding of RFC 6749 2.3.1. A client id "
    "with a colon is refused.",
    Quirk.AUD_WITH_SLASH: "`aud` of the authorization request ends with a slash, however the base is written.",
    Quirk.SCOPES_V1: "Scopes are asked in the first version's words: `write` for any of create, update and delete, and no search "
    "parameters. More may be granted than is needed.",
    Quirk.EXPIRES_IN_TEXT: "`expires_in` may be a text of digits.",
    Quirk.EXPIRES_IN_ABSENT: "A backend token may come without `expires_in`. It is used until the server refuses it.",
    Quirk.CAPABILITIES_UNLISTED: "The server's list of capabilities is not read. What it cannot do shows later, as a refusal.",
    Quirk.JSON_UNLABELLED: "Discovery and key set may come under a media type that is not JSON's. They are still read as strict JSON.",
}
"""What each option costs, for documentation and `doctor`."""


def quirks(names: Iterable[str]) -> frozenset[Quirk]:
    """The options of these names, as a site writes them in its settings.

    Raises:
        RegistrationInvalid: there is none of that name.
    """
    try:
        return frozenset(map(Quirk, names))
    except ValueError:
        raise RegistrationInvalid("no such quirk; there are " + ", ".join(Quirk)) from None
