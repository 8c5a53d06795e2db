"""The clinicians of the pretend hospital: who may sign in, and their Practitioner resources. Nobody is real."""

from __future__ import annotations

from typing import Any

from sandbox.ehr.auth.clients import User

_ROLES = {
    "dr-osei": ("Amara", "Osei", "Emergency medicine"),
    "dr-varga": ("Ilona", "Varga", "Radiology"),
    "dr-haugen": ("Lars", "Haugen", "General medicine"),
}
"""Id -> given name, family name, what she or he does."""

CLINICIANS = tuple(User(sub, f"Practitioner/{sub}", f"Dr {given} {family}") for sub, (given, family, _) in _ROLES.items())


def practitioners() -> tuple[dict[str, Any], ...]:
    """The resources that the users' `fhirUser` names."""
    return tuple(
        {
            "resourceType": "Practitioner",
            "id": sub,
            "active": True,
            "name": [{"use": "official", "family": family, "given": [given], "prefix": ["Dr"]}],
            "qualification": [{"code": {"text": role}}],
        }
        for sub, (given, family, role) in _ROLES.items()
    )
