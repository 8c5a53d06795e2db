"""What the bearer of a FHIR request may see and do. Without authorization everything; with it what the token's scopes say."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.ehr.auth.scopes import ResourceScope
from sandbox.ehr.compartment import NOT_OF_A_PATIENT
from sandbox.ehr.match import Criterion, criterion
from sandbox.ehr.outcome import Refusal
from sandbox.ehr.parameters import PARAMETERS
from sandbox.ehr.store import Version

READ, SEARCH, CREATE, UPDATE, DELETE = "r", "s", "c", "u", "d"
INSUFFICIENT = {"WWW-Authenticate": 'Bearer realm="sandbox", error="insufficient_scope"'}
"""The challenge that goes with 403 (RFC 6750, 3.1)."""


@dataclass(frozen=True, slots=True)
class Access:
    """The scopes of one request; None for a server that asks for no token. `holder` tells whose it is: client, user and patient."""

    scopes: tuple[ResourceScope, ...] | None = None
    patient: str | None = None
    holder: str = ""

    def granting(self, letter: str, type_: str) -> tuple[ResourceScope, ...]:
        """The scopes that let an interaction on a type happen."""
        return tuple(scope for scope in self.scopes or () if letter in scope.letters and scope.type in ("*", type_))

    def may(self, letter: str, type_: str) -> bool:
        """Whether an interaction on a type is within the scopes at all."""
        return self.scopes is None or bool(self.granting(letter, type_))

    def require(self, letter: str, type_: str) -> None:
        """Refuse an interaction outside the scopes.

        Raises:
            Refusal: 403.
        """
        if not self.may(letter, type_):
            raise Refusal(403, f"the token's scopes do not allow this on {type_}", INSUFFICIENT)

    def require_sight(self, letter: str, version: Version) -> None:
        """Refuse a resource that the scopes for its type leave out: another patient's, or outside a scope's own query.

        Raises:
            Refusal: 403.
        """
        self.require(letter, version.type)
        if not self.sees(letter, version):
            raise Refusal(403, "the token does not reach this resource", INSUFFICIENT)

    def sees(self, letter: str, version: Version) -> bool:
        """Whether a scope reaches this very resource."""
        return self.scopes is None or any(self._reaches(scope, version) for scope in self.granting(letter, version.type))

    def _reaches(self, scope: ResourceScope, version: Version) -> bool:
        anybodys = version.type in NOT_OF_A_PATIENT and not version.patients
        own = scope.context != "patient" or anybodys or self.patient in version.patients
        return own and all(each is not None and each.matches(version.body) for each in _criteria(scope, version.type))

    def beyond_one_patient(self, letter: str, type_: str) -> bool:
        """Whether a scope for an interaction is not a `patient/` one."""
        return self.scopes is None or any(scope.context != "patient" for scope in self.granting(letter, type_))

    def bound_to(self, letter: str, type_: str) -> str | None:
        """The patient that all scopes for an interaction are limited to; None when one reaches further."""
        granting = self.granting(letter, type_)
        limited = granting and all(scope.context == "patient" for scope in granting) and type_ not in NOT_OF_A_PATIENT
        return self.patient if limited else None


def _criteria(scope: ResourceScope, type_: str) -> list[Criterion | None]:
    """The conditions of a scope such as `patient/Observation.rs?category=laboratory`; None, which nothing meets, for a strange one."""
    known = PARAMETERS.get(type_, {})
    return [criterion(known[name], "", value) if name in known else None for name, value in scope.query]
