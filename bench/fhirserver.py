"""A FHIR server in a process of its own that takes 20 ms for every answer, and has one patient with 2,000 resources in pages of 100."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bench.children import ROOT
from fhir.types import PULLED_TYPES

LATENCY = 0.02
"""Seconds before an answer."""
PAGE = 100
"""Resources a page at most, whatever `_count` says."""
PATIENT = "p1"
HELD = {
    "Observation": 1230,
    "Encounter": 232,
    "Procedure": 153,
    "Immunization": 100,
    "DiagnosticReport": 89,
    "Condition": 66,
    "MedicationRequest": 53,
    "CarePlan": 32,
    "Goal": 25,
    "ImagingStudy": 13,
    "AllergyIntolerance": 7,
}
"""Resource type -> how many: the shares they have among 60 Synthea patients."""
_FILL = "Nothing in particular was found, and what was found before has not changed. " * 6


@contextmanager
def running() -> Iterator[str]:
    """The base URL of the server, which ends with the block."""
    code = "import asyncio; from bench.fhirserver import serve; asyncio.run(serve())"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/fhir"
        finally:
            process.terminate()


async def serve() -> None:
    """Serve until the process ends; the port is printed."""
    answers: dict[str, bytes] = {}
    server = await asyncio.start_server(lambda reader, writer: _connection(answers, reader, writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    answers.update(_answers(f"http://127.0.0.1:{port}/fhir"))
    print(port, flush=True)
    await server.serve_forever()


async def _connection(answers: dict[str, bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = head.lower().split("\r\n")
            length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
            body = (await reader.readexactly(length)).decode("ascii")
            target = head.split(" ")[1]
            await asyncio.sleep(LATENCY)
            writer.write(answers.get(_key(target, body), answers["none"]))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


def _key(target: str, body: str) -> str:
    """The path without `/_search`, and the page when one is named; what else is asked makes no difference."""
    parts = urlsplit(target)
    page = parse_qs(parts.query or body).get("page", ["0"])[0]
    return f"{parts.path.removesuffix('/_search').removeprefix('/fhir/')} {page}"


def _answers(base: str) -> dict[str, bytes]:
    made = {"none": _http(_page(base, "none", 0)), f"Patient/{PATIENT} 0": _http(_patient()), "metadata 0": _http(_statement())}
    for resource_type, held in HELD.items():
        for page in range(-(-held // PAGE)):
            made[f"{resource_type} {page}"] = _http(_page(base, resource_type, page))
    return made


def _http(resource: dict[str, Any]) -> bytes:
    body = json.dumps(resource).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _page(base: str, resource_type: str, page: int) -> dict[str, Any]:
    held = HELD.get(resource_type, 0)
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": held}
    numbers = range(page * PAGE, min(held, (page + 1) * PAGE))
    bundle["entry"] = [
        {"fullUrl": f"{base}/{resource_type}/{n}", "resource": _resource(resource_type, n), "search": {"mode": "match"}} for n in numbers
    ]
    if numbers.stop < held:
        bundle["link"] = [{"relation": "next", "url": f"{base}/{resource_type}?page={page + 1}"}]
    return bundle


def _resource(resource_type: str, number: int) -> dict[str, Any]:
    """About as long as Synthea's, and valid R4: one of the peers refuses what is not."""
    whose = "patient" if resource_type in ("Immunization", "AllergyIntolerance") else "subject"
    code = {"coding": [{"system": "http://loinc.org", "code": f"{2000 + number % 90}-0", "display": "Something that was measured"}]}
    day = f"20{10 + number % 14}-{1 + number % 12:02}-{1 + number % 28:02}"
    return {
        "resourceType": resource_type,
        "id": f"{resource_type.lower()}-{number}",
        "meta": {"versionId": "1", "lastUpdated": f"{day}T10:00:00.000Z"},
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{_FILL}</div>'},
        whose: {"reference": f"Patient/{PATIENT}"},
        **_OWN[resource_type](code, f"{day}T09:30:00+00:00", number),
    }


_OWN: dict[str, Any] = {
    "Observation": lambda code, when, n: {
        "status": "final",
        "code": code,
        "effectiveDateTime": when,
        "valueQuantity": {"value": n / 10, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    },
    "Encounter": lambda code, when, n: {
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "period": {"start": when},
    },
    "Procedure": lambda code, when, n: {"status": "completed", "code": code, "performedDateTime": when},
    "Immunization": lambda code, when, n: {"status": "completed", "vaccineCode": code, "occurrenceDateTime": when},
    "DiagnosticReport": lambda code, when, n: {"status": "final", "code": code, "effectiveDateTime": when},
    "Condition": lambda code, when, n: {"code": code, "recordedDate": when},
    "MedicationRequest": lambda code, when, n: {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": code,
        "authoredOn": when,
    },
    "CarePlan": lambda code, when, n: {"status": "active", "intent": "plan", "created": when},
    "Goal": lambda code, when, n: {"lifecycleStatus": "active", "description": code},
    "ImagingStudy": lambda code, when, n: {"status": "available", "started": when},
    "AllergyIntolerance": lambda code, when, n: {"code": code, "recordedDate": when},
}


def _patient() -> dict[str, Any]:
    return {"resourceType": "Patient", "id": PATIENT, "gender": "female", "birthDate": "1960-05-17"}


def _statement() -> dict[str, Any]:
    interaction = [{"code": "read"}, {"code": "search-type"}]
    about = {"status": "active", "date": "2026-01-01", "kind": "instance", "fhirVersion": "4.0.1", "format": ["json"]}
    resources = [{"type": name, "interaction": interaction, "searchParam": [{"name": "patient"}]} for name in ("Patient", *PULLED_TYPES)]
    return {"resourceType": "CapabilityStatement", **about, "rest": [{"mode": "server", "resource": resources}]}
