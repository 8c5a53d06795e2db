"""The pull of one patient: the way that is taken, what is said of each type, and nobody else's facts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fhir.access import Access
from fhir.chart import Asked, Chart
from fhir.errors import AnotherPatient
from fhir.rest.plan import Granted, Plan
from fhir.server import ServerSource
from fhir.types import PULLED_TYPES
from fhir.wire.patience import Limits
from sandbox.ehr.config import Config
from sandbox.ehr.serve import Running, running
from sandbox.ehr.store import Store

Body = dict[str, Any]
FAST = Limits(wait=0.01, attempts=2, connect=60, silence=60, deadline=120)
EVERY = Config()
TYPED = Config(everything=False)


def of_p1(resource_type: str, name: str, **more: Any) -> Body:
    who = "patient" if resource_type in ("AllergyIntolerance", "Immunization") else "subject"
    return {"resourceType": resource_type, "id": name, "status": "active", who: {"reference": "Patient/p1"}, **more}


RESOURCES: list[Body] = [
    {"resourceType": "Patient", "id": "p1"},
    {"resourceType": "Patient", "id": "p2"},
    of_p1("Condition", "c1", code={"text": "Asthma"}),
    of_p1("AllergyIntolerance", "a1", code={"text": "Penicillin"}),
    of_p1("MedicationRequest", "m1", intent="order", medicationReference={"reference": "Medication/drug"}),
    of_p1("ImagingStudy", "i1", endpoint=[{"reference": "Endpoint/pacs"}]),
    *(of_p1("Observation", f"o{n}", effectiveDateTime=f"2024-03-{n + 1:02d}") for n in range(9)),
    {"resourceType": "Medication", "id": "drug", "code": {"text": "Salbutamol"}},
    {"resourceType": "Endpoint", "id": "pacs", "status": "active", "address": "http://127.0.0.1:1/dicom-web"},
    {"resourceType": "Medication", "id": "unrelated"},
]


def pulled(server: Running, access: Access | None = None, patient: str = "p1") -> Chart:
    async def run() -> Chart:
        source = ServerSource(server.base, access or Access(limits=FAST))
        try:
            return await source.chart(patient)
        finally:
            await source.aclose()

    return asyncio.run(run())


def told(chart: Chart) -> dict[str, Asked]:
    return {asked.resource_type: asked for asked in chart.manifest.asked}


def references(chart: Chart) -> set[str]:
    return {fact.reference for fact in chart.facts}


FACTS = {"Condition/c1", "AllergyIntolerance/a1", "MedicationRequest/m1", "ImagingStudy/i1", *(f"Observation/o{n}" for n in range(9))}


@pytest.mark.parametrize("config", [EVERY, TYPED], ids=["everything", "by type"])
def test_both_ways_bring_the_same_facts_and_what_they_name(config: Config) -> None:
    with running(Store(RESOURCES), config) as server:
        chart = pulled(server)
    assert references(chart) == FACTS | {"Medication/drug", "Endpoint/pacs"}
    assert chart.manifest.incomplete == ()


@pytest.mark.parametrize(("config", "how"), [(EVERY, "everything"), (TYPED, "search")])
def test_the_way_is_chosen_from_the_capability_statement_and_told(config: Config, how: str) -> None:
    with running(Store(RESOURCES), config) as server:
        asked = told(pulled(server))
    assert (asked["Observation"].how, asked["Observation"].got, asked["Observation"].state) == (how, 9, "complete")


def test_what_everything_brings_none_of_is_asked_for_by_its_type() -> None:
    with running(Store(RESOURCES), EVERY) as server:
        server.faults.forbid("Procedure")
        asked = told(pulled(server))
    assert (asked["Flag"].how, asked["Flag"].got, asked["Flag"].state) == ("search", 0, "complete")
    assert asked["Procedure"].state == "refused"


@pytest.mark.parametrize("status", [403, 404, 400, 500, 503])
def test_an_everything_that_does_not_end_well_is_replaced_by_searches(status: int) -> None:
    with running(Store(RESOURCES), EVERY) as server:
        server.faults.answer(status, times=None, path="$everything", retry_after="0")
        chart = pulled(server)
    assert references(chart) >= FACTS
    assert told(chart)["Observation"].how == "search"


@pytest.mark.std("E1")
def test_an_everything_that_gives_less_than_it_counts_is_replaced_by_searches() -> None:
    def overstate(bundle: Body) -> None:
        if len({entry["resource"]["resourceType"] for entry in bundle.get("entry", ())}) > 3:
            bundle["total"] = 999

    with running(Store(RESOURCES), EVERY) as server:
        server.faults.edit_bundles(overstate)
        chart = pulled(server)
    assert references(chart) >= FACTS
    assert told(chart)["Observation"].how == "search"


def test_what_an_everything_brought_before_it_broke_is_kept_and_searches_that_find_less_are_not_complete() -> None:
    def broken(bundle: Body) -> None:
        if len({entry["resource"]["resourceType"] for entry in bundle.get("entry", ())}) > 3:
            bundle["total"] = 999
        else:
            bundle.pop("entry", None)
            bundle["total"] = 0

    with running(Store(RESOURCES), EVERY) as server:
        server.faults.edit_bundles(broken)
        chart = pulled(server)
    assert references(chart) >= FACTS
    assert (told(chart)["Observation"].state, told(chart)["Observation"].reason) == (
        "truncated",
        "$everything brought more of it than searches find",
    )
    assert told(chart)["Flag"].state == "complete"


def test_the_quirk_of_an_everything_that_is_not_everything_keeps_from_it() -> None:
    with running(Store(RESOURCES), EVERY) as server:
        pulled(server, Access(limits=FAST, quirks=frozenset({"no-everything"})))
        assert server.faults.count("everything") == 0


@pytest.mark.fault(7)
@pytest.mark.std("A13")
def test_a_refused_type_is_never_a_patient_without_medication() -> None:
    with running(Store(RESOURCES), TYPED) as server:
        server.faults.forbid("MedicationRequest")
        chart = pulled(server)
    assert chart.manifest.state("MedicationRequest") == "refused"
    assert chart.manifest.state("AllergyIntolerance") == "complete"
    assert told(chart)["MedicationRequest"].reason == "the server refuses it"


def test_a_type_that_is_not_offered_is_not_asked_and_told() -> None:
    with running(Store(RESOURCES), Config(everything=False, without=frozenset({"Flag"}))) as server:
        chart = pulled(server)
        assert server.faults.count("Flag") == 0
    assert (told(chart)["Flag"].state, told(chart)["Flag"].reason) == ("not asked", "the server does not offer it")


@pytest.mark.std("E2")
@pytest.mark.parametrize("form", ["bare", "typed", "either"])
def test_both_forms_of_the_patient_parameter_find_the_patient(form: Any) -> None:
    with running(Store(RESOURCES), Config(everything=False, patient_form=form)) as server:
        assert references(pulled(server)) >= FACTS


def test_types_are_asked_side_by_side_and_not_too_many_at_once() -> None:
    with running(Store(RESOURCES), TYPED) as server:
        server.faults.latency = 0.1
        pulled(server, Access(limits=Limits(at_once=4)))
        assert 2 <= server.faults.most_in_flight <= 4


@pytest.mark.fault(12)
@pytest.mark.parametrize("config", [EVERY, TYPED], ids=["everything", "by type"])
@pytest.mark.parametrize("resource_type", ["Condition", "Observation"])
def test_anothers_resource_in_an_answer_ends_the_pull(config: Config, resource_type: str) -> None:
    with running(Store(RESOURCES), config) as server:
        server.faults.add_to_bundles({"resourceType": resource_type, "id": "x", "subject": {"reference": "Patient/p2"}})
        with pytest.raises(AnotherPatient):
            pulled(server)


@pytest.mark.fault(12)
@pytest.mark.parametrize("config", [EVERY, TYPED], ids=["everything", "by type"])
def test_a_resource_of_a_patient_of_another_server_is_nobodys_and_its_type_not_complete(config: Config) -> None:
    with running(Store(RESOURCES), config) as server:
        elsewhere = {"reference": "http://elsewhere.example/Patient/p1"}
        server.faults.add_to_bundles({"resourceType": "MedicationRequest", "id": "x", "subject": elsewhere})
        chart = pulled(server)
    assert "MedicationRequest/x" not in references(chart)
    assert chart.manifest.state("MedicationRequest") == "truncated"


@pytest.mark.fault(2)
def test_a_deadline_keeps_what_came_and_says_what_did_not() -> None:
    for seconds in (0.8, 5.0, 30.0):  # until it was time enough for some of it on this machine
        with running(Store(RESOURCES), TYPED) as server:
            server.faults.latency = 0.4 * seconds
            chart = pulled(server, Access(limits=Limits(at_once=2, silence=60), plan=Plan(deadline=seconds)))
        states = {asked.state for asked in chart.manifest.asked if asked.how == "search"}
        if "complete" in states:
            break
    assert states == {"complete", "failed"}
    late = [asked for asked in chart.manifest.asked if asked.state == "failed"]
    assert {asked.reason for asked in late} == {"cut off by the time limit of the pull"}


@pytest.mark.std("E3")
def test_a_dangling_reference_is_a_gap_and_no_fault() -> None:
    resources = [one for one in RESOURCES if one["id"] != "drug"]
    with running(Store(resources), TYPED) as server:
        chart = pulled(server)
    assert (told(chart)["Medication"].state, told(chart)["Medication"].reason) == ("truncated", "some are named and not there")


@pytest.mark.std("E3")
def test_a_medication_of_another_server_is_not_read_here_under_its_id() -> None:
    elsewhere = of_p1("MedicationRequest", "m2", medicationReference={"reference": "https://elsewhere.example/fhir/Medication/unrelated"})
    with running(Store([*RESOURCES, elsewhere]), TYPED) as server:
        chart = pulled(server)
        assert server.faults.count("unrelated") == 0
    assert "Medication/unrelated" not in references(chart)


@pytest.mark.std("E2")
def test_a_window_is_asked_for_and_never_complete() -> None:
    with running(Store(RESOURCES), EVERY) as server:
        chart = pulled(server, Access(limits=FAST, plan=Plan(since={"Observation": "2024-03-05"})))
    assert references(chart) & {f"Observation/o{n}" for n in range(9)} == {f"Observation/o{n}" for n in range(4, 9)}
    assert (told(chart)["Observation"].state, told(chart)["Observation"].since) == ("truncated", "2024-03-05")
    assert told(chart)["Condition"].state == "complete"


@pytest.mark.fault(7)
def test_none_and_not_available_are_never_the_same_for_any_type() -> None:
    with running(Store([{"resourceType": "Patient", "id": "p1"}]), TYPED) as server:
        assert {asked.state for asked in pulled(server).manifest.asked} <= {"complete", "not asked"}
        for resource_type in PULLED_TYPES:
            server.faults.clear()
            server.faults.forbid(resource_type)
            states = dict(pulled(server).manifest.pulled)
            assert states.pop(resource_type) in ("refused", "not asked")
            assert "refused" not in states.values()


@pytest.mark.fault(31)
@pytest.mark.std("A9")
@pytest.mark.parametrize("config", [EVERY, TYPED], ids=["everything", "by type"])
def test_what_the_token_does_not_reach_is_refused_or_a_part_however_the_server_answers(config: Config) -> None:
    reach: dict[str, Granted] = {"MedicationRequest": "none", "Observation": "part"}
    store = Store([one for one in RESOURCES if one["resourceType"] != "MedicationRequest"])
    with running(store, config) as server:
        chart = pulled(server, Access(limits=FAST, plan=Plan(granted=lambda name: reach.get(name, "all"))))
        assert server.faults.count("MedicationRequest") == 0
    asked = told(chart)
    assert (asked["MedicationRequest"].state, asked["MedicationRequest"].reason) == ("refused", "outside the scopes that were granted")
    assert (asked["Observation"].state, asked["Observation"].got) == ("truncated", 9)
    assert asked["Condition"].state == "complete"


@pytest.mark.fault(11)
def test_an_everything_that_says_that_something_is_missing_is_replaced_by_searches() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete"}]}

    def lacking(bundle: Body) -> None:
        if len({entry["resource"]["resourceType"] for entry in bundle.get("entry", ())}) > 3:
            bundle["entry"].append({"resource": outcome, "search": {"mode": "outcome"}})

    with running(Store(RESOURCES), EVERY) as server:
        server.faults.edit_bundles(lacking)
        chart = pulled(server)
    assert references(chart) >= FACTS
    assert told(chart)["Observation"].how == "search"


def test_an_everything_of_one_full_page_without_a_count_is_replaced_by_searches() -> None:
    page = sum(one["id"] != "p2" for one in RESOURCES)  # more than any page of a search

    def cut(bundle: Body) -> None:
        bundle.pop("total", None)
        bundle["link"] = [link for link in bundle["link"] if link["relation"] != "next"]

    with running(Store(RESOURCES), EVERY) as server:
        whole = len(pulled(server).facts) + 1
        server.faults.edit_bundles(cut)
        chart = pulled(server, Access(limits=FAST, plan=Plan(page=whole)))
    assert whole <= page
    assert references(chart) >= FACTS
    assert told(chart)["Observation"].how == "search"


def test_the_time_limit_is_for_the_whole_pull() -> None:
    many = [of_p1("MedicationRequest", f"m{n}", intent="order", medicationReference={"reference": f"Medication/d{n}"}) for n in range(60)]
    drugs = [{"resourceType": "Medication", "id": f"d{n}"} for n in range(60)]
    for seconds in (1.4, 7.0, 35.0):  # until it was time enough for some of them on this machine
        with running(Store([RESOURCES[0], *many, *drugs]), TYPED) as server:
            server.faults.drop("Medication")  # as of a server that includes nothing
            server.faults.latency = seconds / 14
            limits = Limits(at_once=2, silence=60)
            chart = pulled(server, Access(limits=limits, plan=Plan(deadline=seconds, types=("MedicationRequest",))))
            assert server.faults.count("Medication/") < 60, "all of them would take twice as long"
        medications = told(chart)["Medication"]
        if medications.got:
            break
    assert (medications.state, medications.reason) == ("truncated", "cut off by the time limit of the pull")
    assert 0 < medications.got < 60


def test_a_medication_named_in_a_version_or_with_escaped_slashes_is_read() -> None:
    versioned = [
        {**one, "medicationReference": {"reference": "Medication/drug/_history/1"}} if one["id"] == "m1" else one for one in RESOURCES
    ]
    with running(Store(versioned), TYPED) as server:
        assert "Medication/drug" in references(pulled(server))


def test_a_server_that_is_asked_by_category_is_said_to_be_asked_for_the_standard_ones_alone() -> None:
    with running(Store(RESOURCES), TYPED) as server:
        chart = pulled(server, Access(limits=FAST, quirks=frozenset({"observation-by-category"})))
        assert "Observations of other categories than the standard ones were not asked for" in chart.manifest.notes
        assert pulled(server).manifest.notes == ()
