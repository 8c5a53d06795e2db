"""The EHRs we are registered with. A launch that names another is refused before anything is asked (SSRF; App Launch best practices)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir.errors import ElsewhereRefused, IssuerUnknown, RegistrationInvalid
from fhir.smart.clients import Client, PublicClient, SecretClient, key_client
from fhir.smart.quirks import Quirk, quirks
from fhir.smart.scopes import Scopes, asked
from fhir.wire.origins import Origins, origin_of, origins
from fhir.wire.wire import Wire

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True)
class Issuer:
    """One EHR as a site has configured it."""

    base: str
    """Its FHIR base, as the EHR writes it in `iss`; with or without a slash at its end."""
    client: Client
    asked: Scopes
    redirect_uri: str | None = None
    """Where its answers come back to, exactly as registered there; None for backend services, which launch nothing."""
    elsewhere: tuple[str, ...] = ()
    """Further origins where its endpoints may stand, such as `https://login.ehr.example`."""
    id_token_issuer: str | None = None
    """`iss` of its id_tokens, where its SMART configuration does not say so."""
    quirks: frozenset[Quirk] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        """Refuse what cannot be right.

        Raises:
            RegistrationInvalid: a URL that is none, has a query or fragment, or goes without TLS to another machine; no client id.
        """
        if not self.client.client_id or not (self.client.client_id.isascii() and self.client.client_id.isprintable()):
            raise RegistrationInvalid("the client id is empty, or holds characters that no client id has")
        for url in (self.base, *self.elsewhere):
            require_private(url)
        if self.redirect_uri is not None:
            require_private(self.redirect_uri)

    @property
    def key(self) -> str:
        """The base without the slash at its end, by which it is known."""
        return _plain(self.base)

    def owns(self, url: str) -> bool:
        """Whether a URL lies at one of its origins, each of which is private by the check above."""
        try:
            return origin_of(url) in {origin_of(self.base), *map(origin_of, self.elsewhere)}
        except ElsewhereRefused:
            return False

    def written(self, scopes: Scopes) -> str:
        """Scopes in the version that it knows."""
        return scopes.old() if Quirk.SCOPES_V1 in self.quirks else str(scopes)


def require_private(url: str, *, query: bool = False) -> None:
    """Refuse a configured URL without TLS (but to this machine), with a fragment, or with a query that it must not have.

    Raises:
        RegistrationInvalid: it is such a URL, or none.
    """
    try:
        private = origin_of(url).private
    except ElsewhereRefused:
        private = False
    if not private or "#" in url or ("?" in url and not query):
        raise RegistrationInvalid("a configured URL must be https (http to this machine alone), without user, query and fragment")


def _plain(iss: str) -> str:
    """Without one slash at the end, which some write and some do not."""
    return iss.removesuffix("/")


class Issuers:
    """The list. What is looked up in it is compared letter by letter."""

    def __init__(self, *issuers: Issuer) -> None:
        """Take the list.

        Raises:
            RegistrationInvalid: a base stands twice, or two EHRs share a redirect URI: then the code of one could be sent to the
                other (mix-up, RFC 9700 4.4.2), since few servers name themselves in their answer.
        """
        self._by_base = {issuer.key: issuer for issuer in issuers}
        uris = [issuer.redirect_uri for issuer in issuers if issuer.redirect_uri is not None]
        if len(self._by_base) < len(issuers) or len(set(uris)) < len(uris):
            raise RegistrationInvalid("each EHR needs a base and a redirect URI of its own")

    def __iter__(self) -> Iterator[Issuer]:
        """Each, in the order given."""
        return iter(self._by_base.values())

    def of(self, iss: str) -> Issuer:
        """The EHR whose base a launch names, a slash at the end set aside.

        Raises:
            IssuerUnknown: it is not on the list.
        """
        found = self._by_base.get(_plain(iss))
        if found is None:
            raise IssuerUnknown("the launch names a FHIR server that is not configured here")
        return found

    def origins(self) -> Origins:
        """Everyone who may be asked about authorization; none of them is shown a token by the wire."""
        return origins(plain=tuple(url for issuer in self for url in (issuer.base, *issuer.elsewhere)))

    def wire(self, tls: ssl.SSLContext | None = None) -> Wire:
        """A wire to them for discovery, tokens and keys. The caller closes it."""
        return Wire(self.origins(), tls=tls)


def registered(
    base: str,
    client_id: str,
    scopes: str,
    *,
    redirect_uri: str | None = None,
    secret: str | None = None,
    private_jwk: bytes | None = None,
    jwks_url: str | None = None,
    elsewhere: tuple[str, ...] = (),
    id_token_issuer: str | None = None,
    options: Iterable[str] = (),
) -> Issuer:
    """An EHR from what a site writes into its settings.

    Args:
        base: The FHIR base.
        client_id: As the EHR registered us.
        scopes: Separated by spaces, such as `launch openid fhirUser online_access patient/*.rs`.
        redirect_uri: As registered; None for backend services.
        secret: Of a symmetric client; without it and without a key we are a public client.
        private_jwk: The JSON text of our private key as one JWK with a `kid`.
        jwks_url: Where our public key is served, if it was registered by URL.
        elsewhere: Further origins where the EHR's endpoints may stand.
        id_token_issuer: `iss` of its id_tokens, where its SMART configuration does not say so.
        options: Names of `fhir.smart.quirks.Quirk`.

    Raises:
        RegistrationInvalid: one of these is not what it should be, or both a secret and a key are given.
    """
    if secret is not None and private_jwk is not None:
        raise RegistrationInvalid("a client has a secret or a private key, not both")
    if jwks_url is not None:
        require_private(jwks_url, query=True)
    if private_jwk is not None:
        client: Client = key_client(client_id, private_jwk, jwks_url)
    else:
        client = PublicClient(client_id) if secret is None else SecretClient(client_id, secret)
    return Issuer(base, client, asked(scopes), redirect_uri, elsewhere, id_token_issuer, quirks(options))
