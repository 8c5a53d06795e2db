"""How one server is asked: with which token, which other hosts may serve its images, what is odd about it, how long we wait."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir.rest.plan import Plan
from fhir.rest.quirks import Quirk
from fhir.wire.authorization import Authorization
from fhir.wire.patience import Limits

if TYPE_CHECKING:
    import ssl

    from fhir.wire.witness import Witness


@dataclass(frozen=True, slots=True)
class Access:
    """A site's word on a server. The default asks plainly, without a token, the server's own origin alone."""

    authorization: Authorization | None = field(default=None, repr=False)
    images: tuple[str, ...] = ()
    """URLs of image servers whose origins are shown the token too."""
    plain_images: tuple[str, ...] = ()
    """URLs of image servers that are asked without it."""
    quirks: frozenset[Quirk] = frozenset()
    plan: Plan = Plan()  # noqa: RUF009 - frozen
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    tls: ssl.SSLContext | None = None
    max_pages: int = 400
    witness: Witness | None = field(default=None, repr=False)
    """Told of every exchange with it; see `fhir.wire.witness`."""
