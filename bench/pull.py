"""How long one patient takes to come over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bench.clock import alternate, wall_ms
from bench.fhirserver import HELD, LATENCY, PATIENT, running
from bench.rows import Goal, Row
from bench.setting import Setting
from fhir.types import PULLED_TYPES

GOAL = Goal("3", "a pull of 2,000 resources at 20 ms a response takes at most half of serial httpx", 0.5)
_COUNT = {"patient": PATIENT, "_count": "100"}


def pull(setting: Setting) -> tuple[Row, ...]:
    """Pulling a patient over the wire.

    Wall time against a server in another process on this machine that waits 20 ms before every answer, one patient's 2,000
    resources of 11 types in pages of 100, the shares as in Synthea; 13 pages of Observations follow one another, so no client
    can take less than 0.28 s. Everyone asks the same 19 types. Sidenote also asks what the server can do, checks whose every
    resource is, and ends with a Chart; httpx ends with dicts of json, fhirpy with its own, fhirclient with validated models.
    """
    with running() as base:
        work = {
            "sidenote": lambda: _sidenote(base),
            "httpx": lambda: _httpx(base),
            "fhirpy": lambda: asyncio.run(_fhirpy(base, at_once=False)),
            "fhirpy at once": lambda: asyncio.run(_fhirpy(base, at_once=True)),
            "fhirclient": lambda: _fhirclient(base),
        }
        times = alternate(setting.rounds(10), {name: _whole(name, one) for name, one in work.items()}, clock=wall_ms)
    what = f"{sum(HELD.values()):,} resources at {LATENCY * 1000:.0f} ms a response, to a Chart"
    return (
        Row(what, times["sidenote"], "serial httpx", times["httpx"], GOAL),
        Row(what, times["sidenote"], "fhirpy, type after type", times["fhirpy"]),
        Row(what, times["sidenote"], "fhirpy, all types at once", times["fhirpy at once"]),
        Row(what, times["sidenote"], "fhirclient", times["fhirclient"]),
    )


def _whole(name: str, pulled: Callable[[], int]) -> Callable[[], None]:
    """The same work, that fails when not everything came: a pull that leaves something out is fast."""

    def once() -> None:
        came = pulled()
        if came != sum(HELD.values()):
            raise ValueError(f"{name} pulled {came} resources")

    return once


def _sidenote(base: str) -> int:
    from fhir.server import ServerSource

    async def run() -> int:
        source = ServerSource(base)
        try:
            chart = await source.chart(PATIENT)
        finally:
            await source.aclose()
        if chart.manifest.incomplete:
            raise ValueError("the chart is not complete")
        return len(chart.facts)

    return asyncio.run(run())


def _httpx(base: str) -> int:
    import httpx

    came = 0
    with httpx.Client(verify=False) as client:  # nothing here is asked over TLS: loading certificates is not counted against it
        client.get(f"{base}/Patient/{PATIENT}").json()
        for resource_type in PULLED_TYPES:
            bundle = client.get(f"{base}/{resource_type}", params=_COUNT).json()
            came += len(bundle["entry"])
            while links := [link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"]:
                bundle = client.get(links[0]).json()
                came += len(bundle["entry"])
    return came


async def _fhirpy(base: str, *, at_once: bool) -> int:
    from fhirpy import AsyncFHIRClient

    client = AsyncFHIRClient(base)
    await client.reference("Patient", PATIENT).to_resource()
    searches = [client.resources(name).search(patient=PATIENT).limit(100) for name in PULLED_TYPES]
    if at_once:
        found = await asyncio.gather(*(search.fetch_all() for search in searches))
    else:
        found = [await search.fetch_all() for search in searches]
    return sum(map(len, found))


def _fhirclient(base: str) -> int:
    from importlib import import_module

    server: Any = import_module("fhirclient.client").FHIRClient(settings={"app_id": "bench", "api_base": base}).server
    models = {name: getattr(import_module(f"fhirclient.models.{name.lower()}"), name) for name in ("Patient", *PULLED_TYPES)}
    models["Patient"].read(PATIENT, server)
    return sum(1 for name in PULLED_TYPES for _ in models[name].where(_COUNT).perform_resources_iter(server))
