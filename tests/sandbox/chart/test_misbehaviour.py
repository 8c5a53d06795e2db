"""The switch: what it makes the server do, and that it does nothing else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from sandbox.chart.misbehaviour import REFUSABLE, SLOW_SECONDS, Misbehaviour, Plan, PlanInvalid, plan_of
from sandbox.ehr.serve import Running


def asked(ward: Running, what: str) -> httpx.Response:
    token = ward.auth.issue("patient/*.rs", patient="tension-ptx")
    with httpx.Client(timeout=60, verify=False) as http:
        return http.get(f"{ward.base}/{what}", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("refused", REFUSABLE)
def test_a_refused_type_is_answered_with_403_and_the_others_are_not(ward: Running, refused: str) -> None:
    switch = Misbehaviour(ward.hospital)
    switch.follow(Plan(refused=(refused,)))
    other = next(name for name in REFUSABLE if name != refused)
    assert [asked(ward, f"{name}?patient=tension-ptx").status_code for name in (refused, other)] == [403, 200]
    switch.follow(Plan())
    assert asked(ward, f"{refused}?patient=tension-ptx").status_code == 200


def test_a_server_that_is_down_answers_503_until_it_behaves(ward: Running) -> None:
    switch = Misbehaviour(ward.hospital)
    switch.follow(Plan(down=True))
    assert [asked(ward, "Patient/tension-ptx").status_code for _ in range(2)] == [503, 503]
    switch.follow(Plan())
    assert asked(ward, "Patient/tension-ptx").status_code == 200


def test_mixed_up_patients_put_a_stranger_into_every_list(ward: Running) -> None:
    switch = Misbehaviour(ward.hospital)
    switch.follow(Plan(mixed=True))
    whose = {entry["resource"]["subject"]["reference"] for entry in asked(ward, "Observation?patient=tension-ptx").json()["entry"]}
    switch.follow(Plan())
    assert whose == {"Patient/tension-ptx", "Patient/pretend-stranger"}


def test_a_slow_server_waits_and_a_new_plan_takes_the_place_of_the_old_one(ward: Running) -> None:
    switch = Misbehaviour(ward.hospital)
    switch.follow(Plan(slow=True, down=True))
    assert ward.faults.latency == SLOW_SECONDS
    switch.follow(Plan(refused=("Condition",)))
    assert ward.faults.latency == 0
    assert asked(ward, "Patient/tension-ptx").status_code == 200
    switch.follow(Plan())


def test_the_end_of_all_sessions_refuses_what_was_given_out_and_nothing_new(ward: Running) -> None:
    old = ward.auth.issue("patient/*.rs", patient="tension-ptx")
    Misbehaviour(ward.hospital).end_sessions()
    with httpx.Client(timeout=60, verify=False) as http:
        answer = http.get(f"{ward.base}/Patient/tension-ptx", headers={"Authorization": f"Bearer {old}"})
    assert answer.status_code == 401
    assert asked(ward, "Patient/tension-ptx").status_code == 200


@pytest.mark.parametrize(
    "body",
    [{"slow": 1}, {"refused": "Observation"}, {"refused": ["Binary"]}, {"refused": [{}]}, {"explode": True}, {"down": None}],
)
def test_what_is_no_plan_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(PlanInvalid):
        plan_of(body)


def test_a_plan_says_itself_in_words() -> None:
    plan = plan_of({"slow": True, "down": True, "mixed": True, "refused": ["Observation", "Condition"]})
    assert plan == Plan(slow=True, refused=("Condition", "Observation"), down=True, mixed=True)
    assert len(plan.sentences) == 4
    assert "Condition, Observation" in " ".join(plan.sentences)
    assert plan_of({}).sentences == ()
