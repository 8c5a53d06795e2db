"""Who the user is, as far as the EHR says, and what may follow from it: decide, and have a decision written back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidenote.decisions.decision import is_clinician
from sidenote.decisions.write_back import granted

if TYPE_CHECKING:
    from fhir.smart.idtoken import User
    from sidenote.web.sessions import WebSession


def user_of(user: User | None, base: str) -> str:
    """The user's reference, relative where it lies in the FHIR base; else the subject of the id_token; empty without any.

    A subject may be a login name that its user chose: it never becomes a reference, whatever it looks like.
    """
    if user is None:
        return ""
    if user.fhir_user is None:
        return user.sub.replace("/", "%2F")
    return user.fhir_user.removeprefix(base.removesuffix("/") + "/")


def may_decide(session: WebSession) -> bool:
    """Whether a clinician is known who can be named as the one who decided."""
    return is_clinician(session.user)


def may_write(session: WebSession) -> bool:
    """Whether the site turned writing on for this EHR, and the EHR grants everything that it takes."""
    return session.ehr.write_back and may_decide(session) and granted(session.launched.session.scopes)
