"""The EHRs that may launch Sidenote: one `[[ehr]]` table each. Whoever is not on the list launches nothing and frames nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from sidenote.servers import Traits, secret_in

if TYPE_CHECKING:
    import ssl

    from fhir.access import Access
    from fhir.smart import Issuer, Session
    from fhir.smart.context import LaunchContext
    from fhir.wire.origins import Origin
    from fhir.wire.witness import Witness

READ_SCOPES = "launch openid fhirUser online_access patient/*.rs"
"""What is asked for unless a site says otherwise: to read the one patient that was opened."""


class Ehr(Traits):
    """One `[[ehr]]` of the configuration: an issuer, how we are registered there, and what it may do with us."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$", description="short name; the redirect URI is PUBLIC_URL/callback/NAME")
    title: str = Field("", max_length=80, description="how people call it; default the name")
    iss: str = Field(description="its FHIR base URL, as it sends it in `iss`")
    client_id: str = Field(description="as it registered us")
    secret_file: Path | None = Field(None, description="file with our secret, where we are a confidential symmetric client")
    key_file: Path | None = Field(None, description="our private key as a JWK with its kid (RS384 or ES384); the public one is served")
    scopes: str = Field(READ_SCOPES, description="what is asked for")
    frame_ancestors: tuple[str, ...] = Field((), description="origins whose pages may frame us; default the origin of `iss`")
    id_token_issuer: str | None = Field(None, description="`iss` of its id_tokens, where its SMART configuration does not say so")
    write_back: bool = Field(False, description="whether an approved draft may be written to it, where the scope was granted")
    library: Path | None = Field(None, description="folder of its own case library; none: the site's")
    library_secret_file: Path | None = Field(None, description="file with the secret that its own library was keyed with")
    emergency_intent: str = Field(
        "break-glass", max_length=200, description="the launch `intent` by which it says that it gave emergency access; empty: none does"
    )

    @model_validator(mode="after")
    def _whole(self) -> Ehr:
        if self.secret_file is not None and self.key_file is not None:
            raise ValueError("a client has a secret or a key, not both")
        if (self.library is None) != (self.library_secret_file is None):
            raise ValueError("an EHR's own library comes with the secret it was keyed with")
        return self

    @property
    def shown(self) -> str:
        """How people call it."""
        return self.title or self.name


def is_emergency(ehr: Ehr, context: LaunchContext) -> bool:
    """Whether the EHR says of a launch that it broke the glass: by the `intent` that was agreed with it, letter for letter.

    It widens nothing: what is reached is what the EHR's token reaches.
    """
    return bool(context.intent) and context.intent == ehr.emergency_intent


def issuer_of(ehr: Ehr, public_url: str) -> Issuer:
    """The EHR as the SMART library knows it. Its answers come back to PUBLIC_URL/callback/NAME.

    Raises:
        SettingsInvalid: its secret or key cannot be read.
        fhir.errors.RegistrationInvalid: a URL, the scopes, the key or a quirk is none.
    """
    from fhir.smart import registered

    secret = None if ehr.secret_file is None else secret_in(ehr.secret_file, "secret_file").decode("utf-8", "replace")
    return registered(
        ehr.iss,
        ehr.client_id,
        ehr.scopes,
        redirect_uri=f"{public_url.rstrip('/')}/callback/{ehr.name}",
        secret=secret,
        private_jwk=None if ehr.key_file is None else secret_in(ehr.key_file, "key_file"),
        elsewhere=ehr.elsewhere,
        id_token_issuer=ehr.id_token_issuer,
        options=ehr.smart_quirks,
    )


def ancestors_of(ehrs: Sequence[Ehr]) -> tuple[str, ...]:
    """The origins that may frame us, as `frame-ancestors` writes them. Never a wildcard.

    Raises:
        fhir.errors.ElsewhereRefused: one of them is no origin.
    """
    from fhir.wire.origins import origin_of

    named = (origin_of(url) for ehr in ehrs for url in (ehr.frame_ancestors or (ehr.iss,)))
    return tuple(dict.fromkeys(map(_written, named)))


def _written(origin: Origin) -> str:
    """As a browser writes it (RFC 6454 6.2): an IPv6 address in brackets, the usual port left out."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    usual = (origin.scheme, origin.port) in {("http", 80), ("https", 443)}
    return f"{origin.scheme}://{host}" + ("" if usual else f":{origin.port}")


def session_access(ehr: Ehr, session: Session, tls: ssl.SSLContext | None = None, *, witness: Witness | None = None) -> Access:
    """How the FHIR server of a session is asked: with its token alone, for no type that its scopes leave out, and before a witness."""
    from fhir.access import Access
    from fhir.rest.plan import Plan

    return Access(
        authorization=session,
        images=ehr.images,
        plain_images=ehr.plain_images,
        quirks=frozenset(ehr.quirks),  # type: ignore[arg-type]  # each was looked up in QUIRKS
        plan=Plan(since=ehr.since, granted=lambda name: session.scopes.reach("patient", name, "s")),
        tls=tls,
        witness=witness,
    )
