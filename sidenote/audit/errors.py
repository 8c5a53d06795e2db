"""What can be wrong with the audit.

AuditDown      a row cannot be kept now: what it would have told of is not done (retryable)
AuditMissing   there is no audit here

Neither is a `fhir.errors.RecordError`: a pull whose row cannot be kept ends, where one that a server refuses goes on without a type.
"""

from __future__ import annotations

from typing import ClassVar


class AuditDown(Exception):
    """A row of the audit cannot be kept now, so what it would have told of is not done."""

    code: ClassVar[str] = "audit_down"
    retryable: ClassVar[bool] = True


class AuditMissing(Exception):
    """There is no audit here."""

    code: ClassVar[str] = "audit_missing"
    retryable: ClassVar[bool] = False
