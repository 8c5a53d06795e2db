"""The EHRs of a running door: each with its own wire, its own trust and its own launches. None of them can answer for another."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fhir.errors import IssuerUnknown
from fhir.smart import Issuer, Issuers, Launches
from fhir.smart.clock import Clock
from fhir.smart.pending import PendingLaunches
from sidenote.ehrs import Ehr, ancestors_of, issuer_of
from sidenote.servers import certificates
from sidenote.web.errors import NotFound

if TYPE_CHECKING:
    import ssl


@dataclass(frozen=True, slots=True)
class Tenant:
    """One EHR, ready to be launched from."""

    ehr: Ehr
    issuer: Issuer
    launches: Launches
    ancestors: tuple[str, ...]
    """Origins that may frame its pages."""
    tls: ssl.SSLContext | None = field(repr=False)


class Tenants:
    """The list. What is looked up in it is compared letter by letter, and nothing is asked."""

    def __init__(self, tenants: Sequence[Tenant]) -> None:
        """Take the list."""
        self._by_name = {one.ehr.name: one for one in tenants}
        self._by_base = {one.issuer.key: one for one in tenants}

    def __iter__(self) -> Iterator[Tenant]:
        """Each, in the order of the configuration."""
        return iter(self._by_name.values())

    def of(self, iss: str) -> Tenant:
        """The EHR that a launch names, a slash at the end set aside.

        Raises:
            IssuerUnknown: it is not on the list.
        """
        found = self._by_base.get(iss.removesuffix("/"))
        if found is None:
            raise IssuerUnknown("the launch names a FHIR server that is not configured here")
        return found

    def named(self, name: str) -> Tenant:
        """The EHR of this name.

        Raises:
            NotFound: there is none.
        """
        found = self._by_name.get(name)
        if found is None:
            raise NotFound
        return found


@asynccontextmanager
async def open_tenants(ehrs: Sequence[Ehr], public_url: str, clock: Clock = time.time) -> AsyncIterator[Tenants]:
    """Make them ready while the context lasts. Nothing is asked yet.

    Launches that wait for their browser are kept in one place, so that an answer at another EHR's address uses its state up.

    Raises:
        SettingsInvalid: a secret, key or certificate file cannot be used.
        fhir.errors.RegistrationInvalid: how we are registered is written down wrongly.
        fhir.errors.ElsewhereRefused: an origin that may frame us is none.
    """
    pending = PendingLaunches()
    async with AsyncExitStack() as stack:
        found = []
        for ehr in ehrs:
            issuer, tls = issuer_of(ehr, public_url), certificates(ehr.ca_file)
            issuers = Issuers(issuer)
            wire = issuers.wire(tls)
            stack.push_async_callback(wire.aclose)
            launches = Launches(issuers, pending=pending, wire=wire, clock=clock)
            found.append(Tenant(ehr, issuer, launches, ancestors_of([ehr]), tls))
        yield Tenants(found)
