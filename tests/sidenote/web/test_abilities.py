"""Who the user is by the EHR's word, and what follows from it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fhir.smart.idtoken import User
from fhir.smart.scopes import granted
from sidenote.decisions.decision import is_clinician
from sidenote.decisions.write_back import WRITTEN_TYPES, needed_scopes
from sidenote.ehrs import Ehr
from sidenote.web.abilities import may_decide, may_write, user_of

BASE = "https://ehr.example/fhir"
ALL = " ".join(f"patient/{type_}.crs" for type_ in WRITTEN_TYPES)


@pytest.mark.parametrize(
    ("fhir_user", "named"),
    [
        (f"{BASE}/Practitioner/a", "Practitioner/a"),
        ("Practitioner/a", "Practitioner/a"),
        ("https://other.example/fhir/Practitioner/a", "https://other.example/fhir/Practitioner/a"),
        (f"{BASE}x/Practitioner/a", f"{BASE}x/Practitioner/a"),
        (None, "sub-1"),
    ],
)
@pytest.mark.parametrize("base", [BASE, f"{BASE}/"])
def test_a_user_is_named_as_the_record_names_one(fhir_user: str | None, named: str, base: str) -> None:
    assert user_of(User("https://ehr.example", "sub-1", fhir_user), base) == named


@pytest.mark.parametrize("sub", ["Practitioner/a", f"{BASE}/Practitioner/a", "https://x/PractitionerRole/a"])
def test_a_login_name_that_looks_like_a_clinician_is_none(sub: str) -> None:
    named = user_of(User("https://ehr.example", sub, None), BASE)
    assert not is_clinician(named)
    assert "/" not in named, "nor a reference in the audit"
    assert may_decide(session(named, ALL)) is False


def test_a_user_who_is_not_told_of_has_no_name() -> None:
    assert user_of(None, BASE) == ""


def session(user: str, scopes: str, *, write_back: bool = True) -> Any:
    ehr = Ehr(name="a", iss=BASE, client_id="c", write_back=write_back)
    return SimpleNamespace(user=user, ehr=ehr, launched=SimpleNamespace(session=SimpleNamespace(scopes=granted(scopes))))


@pytest.mark.fault(31)
@pytest.mark.parametrize(
    ("user", "scopes", "site", "writes"),
    [
        ("Practitioner/a", ALL, True, True),
        ("Practitioner/a", needed_scopes(), True, True),
        ("Practitioner/a", "patient/*.cruds", True, True),
        ("Practitioner/a", "user/*.write user/*.read", True, True),
        ("Practitioner/a", ALL, False, False),
        ("", ALL, True, False),
        ("Patient/p1", ALL, True, False),
        ("sub-1", ALL, True, False),
        ("Practitioner/a", "patient/*.rs", True, False),
        ("Practitioner/a", ALL.replace("patient/Provenance.crs", "patient/Provenance.rs"), True, False),
        ("Practitioner/a", ALL.replace("patient/Composition.crs", "patient/Composition.crs?type=x"), True, False),
    ],
)
def test_a_draft_is_written_where_site_ehr_and_person_all_say_so(user: str, scopes: str, site: bool, writes: bool) -> None:
    one = session(user, scopes, write_back=site)
    assert may_write(one) is writes
    assert may_decide(one) is user.startswith("Practitioner/")
