"""Scopes in words, for the person who is asked (SMART App Launch 2.2.0, scopes-and-launch-context)."""

from __future__ import annotations

from sandbox.ehr.auth.scopes import resource_scope

_PLAIN = {
    "openid": "Know that it is you",
    "fhirUser": "Know who you are in this hospital",
    "profile": "Know who you are in this hospital",
    "launch": "Know what is open in the chart",
    "launch/patient": "Be told whose record you picked",
    "launch/encounter": "Be told which visit you picked",
    "online_access": "Stay connected while you are signed in",
    "offline_access": "Stay connected after you have signed out",
}
_VERBS = {"c": "create", "r": "read", "u": "change", "d": "delete", "s": "search"}
_WHOSE = {"patient": "in this patient's record", "user": "in every record you may see", "system": "in every record"}


def in_words(scope: str) -> str:
    """What a scope lets an app do; a scope that nobody has words for stands for itself.

    >>> in_words("patient/Observation.rs?category=laboratory")
    "Read and search Observation where category is laboratory, in this patient's record"
    """
    if scope in _PLAIN:
        return _PLAIN[scope]
    found = resource_scope(scope)
    if found is None:
        return "Talk to the window it is opened in" if scope.startswith("messaging/") else scope
    what = "everything" if found.type == "*" else found.type
    where = "".join(f" where {name} is {value}," for name, value in found.query)
    return f"{_listed(found.letters).capitalize()} {what}{where} {_WHOSE[found.context]}"


def _listed(letters: str) -> str:
    verbs = [_VERBS[letter] for letter in letters]
    return verbs[0] if len(verbs) == 1 else f"{', '.join(verbs[:-1])} and {verbs[-1]}"
