"""The FHIR servers a site configures: how each is asked, with whose token, and what is odd about it."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sidenote.errors import SettingsInvalid

if TYPE_CHECKING:
    from fhir.access import Access
    from fhir.rest.plan import Granted
    from fhir.wire.authorization import Authorization

Needs = tuple[str, ...]
_NEEDS: dict[str, Needs] = {"none": (), "bearer": ("token_file",), "backend": ("client_id", "key_file", "scopes")}
"""Which keys each kind of authorization needs; any of these beside another kind is a mistake in the file."""


_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]+=*")
"""RFC 6750 2.1, without the word Bearer."""


class Traits(BaseModel):
    """How a FHIR server is, whoever asks it: what stands beside it, and what is odd about it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    elsewhere: tuple[str, ...] = Field((), description="further origins where its authorization or token endpoint may stand")
    smart_quirks: tuple[str, ...] = Field((), description="what its authorization server does otherwise than SMART says")
    images: tuple[str, ...] = Field((), description="base URLs of image servers that are shown the token too")
    plain_images: tuple[str, ...] = Field((), description="base URLs of image servers that are asked without it")
    quirks: tuple[str, ...] = Field(
        (), description="what this server does otherwise than FHIR says; `sidenote doctor --fhir` lists the names"
    )
    since: dict[str, str] = Field(
        default_factory=dict, description="resource type to a FHIR date: nothing older is asked for, and that is said"
    )
    ca_file: Path | None = Field(None, description="certificates that its own must be signed by, PEM; none: the machine's")

    @model_validator(mode="after")
    def _known(self) -> Self:
        require_known(self.quirks, self.since)
        return self


class Server(Traits):
    """One `[[server]]` of the configuration. Secrets stand in files of their own, never in it."""

    base: str = Field(description="FHIR base URL, as it is given to --fhir")
    authorization: Literal["none", "bearer", "backend"] = Field(
        "none", description="bearer: a token from a file; backend: SMART Backend Services"
    )
    token_file: Path | None = Field(None, description="bearer: file with the access token")
    client_id: str | None = Field(None, description="backend: as registered with the server")
    key_file: Path | None = Field(None, description="backend: private key as a JWK with its kid (RS384 or ES384)")
    scopes: tuple[str, ...] = Field((), description="backend: system scopes to ask for, such as system/*.rs")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        from fhir.smart.quirks import LOOSENS

        if unknown := set(self.smart_quirks) - set(LOOSENS):
            raise ValueError(f"unknown quirk {min(unknown)!r}")
        named = {name for needs in _NEEDS.values() for name in needs if getattr(self, name)}
        if named != set(_NEEDS[self.authorization]):
            raise ValueError(f"authorization {self.authorization!r} takes {', '.join(_NEEDS[self.authorization]) or 'no key of its own'}")
        return self


def access_of(servers: Sequence[Server], base: str) -> Access:
    """How the server of this base URL is asked: as its entry says, or plainly when it has none.

    Raises:
        SettingsInvalid: a file that its entry names cannot be used.
        fhir.errors.ElsewhereRefused: an image server is no URL.
    """
    from fhir.access import Access
    from fhir.rest.plan import Plan

    entry = next((one for one in servers if one.base.rstrip("/") == base.rstrip("/")), None)
    if entry is None:
        return Access()
    tls = certificates(entry.ca_file)
    authorization, granted = _authorization(entry, tls)
    return Access(
        authorization=authorization,
        images=entry.images,
        plain_images=entry.plain_images,
        quirks=frozenset(entry.quirks),  # type: ignore[arg-type]  # each was looked up in QUIRKS
        plan=Plan(since=entry.since, granted=granted),
        tls=tls,
    )


def _authorization(entry: Server, tls: ssl.SSLContext | None) -> tuple[Authorization | None, Callable[[str], Granted]]:
    """Where the token comes from, and how far it reaches: of a token that was given once, nobody knows."""
    if entry.token_file is not None:
        from fhir.wire.authorization import Bearer

        token = secret_in(entry.token_file, "token_file").decode("ascii", "replace")
        if not _TOKEN.fullmatch(token):
            raise SettingsInvalid("token_file holds something else than a token alone")
        return Bearer(token), _everything
    if entry.key_file is None or entry.client_id is None:
        return None, _everything
    from fhir.smart import backend_service

    key, scopes = secret_in(entry.key_file, "key_file"), " ".join(entry.scopes)
    service = backend_service(entry.base, entry.client_id, key, scopes, elsewhere=entry.elsewhere, options=entry.smart_quirks, tls=tls)
    return service, lambda name: "all" if service.scopes is None else service.scopes.reach("system", name, "s")


def _everything(resource_type: str) -> Granted:
    return "all"


def secret_in(path: Path, key: str) -> bytes:
    """What the file that `key` of the configuration names holds, without white space around it.

    Raises:
        SettingsInvalid: it cannot be read.
    """
    try:
        return path.read_bytes().strip()
    except OSError as error:
        raise SettingsInvalid(f"cannot read {key}") from error


def certificates(ca_file: Path | None) -> ssl.SSLContext | None:
    """What a server's own certificate must be signed by; None leaves it to the machine's trust.

    Raises:
        SettingsInvalid: the file cannot be read, or holds no certificates.
    """
    if ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as error:
        raise SettingsInvalid("cannot use ca_file") from error


def require_known(quirks: Iterable[str], since: Mapping[str, str]) -> None:
    """Refuse a quirk that nobody knows, and a window of a type that has no date or by a text that is none.

    Raises:
        ValueError: it names the quirk, or says what `since` takes.
    """
    from fhir.rest.plan import DATED
    from fhir.rest.quirks import QUIRKS
    from fhir.time import parse_when

    if unknown := set(quirks) - set(QUIRKS):
        raise ValueError(f"unknown quirk {min(unknown)!r}")
    if any(name not in DATED or parse_when(date) is None for name, date in since.items()):
        raise ValueError("since takes resource types that have a date, and FHIR dates")
