"""The clinicians: each user has a Practitioner of that name."""

from __future__ import annotations

from sandbox.chart.identity import clinician_name
from sandbox.chart.staff import CLINICIANS, practitioners


def test_every_user_has_the_practitioner_that_it_names() -> None:
    known = {f"Practitioner/{each['id']}": clinician_name(each) for each in practitioners()}
    assert {user.fhir_user: user.name for user in CLINICIANS} == known
    assert len({user.sub for user in CLINICIANS}) == len(CLINICIANS) == 3
