"""The steps as the graph runs them: each takes its inputs from the workspace, calls its node, keeps the result and records it.

Here and nowhere else a result enters the workspace, the flight record and the small state, in that order.
"""

from __future__ import annotations

import asyncio
import time

from agent.asking import words_of
from agent.blobs import canonical, pack, pack_chart, sha256
from agent.nodes.bind import request_blob
from agent.nodes.chart import pull_chart
from agent.nodes.draft import draft as draft_claims
from agent.nodes.gather import Pack
from agent.nodes.gather import gather as gather_evidence
from agent.nodes.ground import ground_all, supported
from agent.nodes.guard import Guarded
from agent.nodes.guard import guard as ask_policies
from agent.nodes.present import Findings
from agent.nodes.present import present as put_together
from agent.nodes.read import Read, read_image
from agent.nodes.record import seal
from agent.nodes.retrieve import Retrieved, find_similar
from agent.nodes.study import Facts, look_at_study
from agent.parts import Parts
from agent.review import Versions
from agent.state import State
from agent.workspace import Workspace
from policies.case import PolicyCase
from policies.claim import Claim, Verdict
from policies.engine import bars_reading
from policies.guidance_pack import Topic
from policies.loading import rules_fingerprint

Claims = tuple[Claim, ...]
Verdicts = tuple[Verdict, ...]


async def bind(workspace: Workspace) -> State:
    """Fix the request, and start the one pull of the chart."""
    request, parts = workspace.request, workspace.parts
    workspace.pull = asyncio.create_task(pull_chart(parts.source, request.patient))
    workspace.flight.step("bind", inputs={"request": request_blob(request)})
    return {}


async def chart(workspace: Workspace) -> State:
    """Wait for the chart and record it."""
    began = time.perf_counter()
    whole = workspace.chart = await asyncio.shield(workspace.need(workspace.pull))
    if workspace.charted is not None:
        workspace.charted(whole)
    data, snapshot = await asyncio.to_thread(lambda: (pack_chart(whole), whole.sha256))  # hashes every fact
    workspace.flight.step("chart", ms=_since(began), outputs={"chart": data}, facts={"snapshot": snapshot})
    return {"chart": snapshot}


async def study(workspace: Workspace) -> State:
    """Find the focal study and decode its images, beside `chart`."""
    began = time.perf_counter()
    request, parts = workspace.request, workspace.parts
    compare = request.image_model and parts.reader is not None
    seen = workspace.seen = await look_at_study(request, asyncio.shield(workspace.need(workspace.pull)), parts.source, compare=compare)
    workspace.flight.step("study", ms=_since(began), outputs={"study": pack(Facts, seen.facts)})
    return {
        "study": seen.facts.study or "",
        "images": [image.sha256 for image in seen.facts.images],
        "identity": seen.facts.identity.outcome if seen.facts.identity else "",
    }


async def read(workspace: Workspace) -> State:
    """Have the image read."""
    began = time.perf_counter()
    seen, parts = workspace.need(workspace.seen), workspace.parts
    request, whole = workspace.request, workspace.need(workspace.chart)
    barred = bars_reading(PolicyCase(whole, request.as_of), parts.rules)
    words = words_of(whole, seen.study, request.question, request.as_of)
    wanted = request.image_model
    done = workspace.read = await asyncio.to_thread(read_image, seen, parts.reader, image_model=wanted, words=words, barred=barred)
    workspace.flight.step("read", ms=_since(began), outputs={"read": pack(Read, done)})
    return {"reading": done.facts.mode if done.facts else ""}


async def retrieve(workspace: Workspace) -> State:
    """Search for similar cases."""
    began = time.perf_counter()
    seen, done = workspace.need(workspace.seen), workspace.need(workspace.read)
    whole = workspace.need(workspace.chart)
    found = await asyncio.to_thread(find_similar, workspace.request, whole, seen, done.reading, workspace.parts.library)
    workspace.retrieved = found
    workspace.flight.step("retrieve", ms=_since(began), outputs={"retrieved": pack(Retrieved, found)})
    return {"neighbours": len(found.search.neighbours) if found.search else 0}


async def gather(workspace: Workspace) -> State:
    """Build the evidence pack."""
    began = time.perf_counter()
    seen = workspace.need(workspace.seen)
    evidence, workspace.case = await asyncio.to_thread(
        gather_evidence,
        workspace.need(workspace.chart),
        workspace.request.as_of,
        workspace.parts.topics,
        study=seen.study,
        facts=seen.facts,
        read=workspace.need(workspace.read),
        retrieved=workspace.need(workspace.retrieved),
        question=workspace.request.question,
        budget=workspace.parts.evidence_tokens,
    )
    workspace.pack = evidence
    budget = {"budget": workspace.parts.evidence_tokens}
    workspace.flight.step("gather", ms=_since(began), outputs={"pack": pack(Pack, evidence)}, facts=budget)
    return {"evidence": len(evidence.evidence)}


async def draft(workspace: Workspace) -> State:
    """Have the composer draft claims."""
    began = time.perf_counter()
    case, parts = workspace.need(workspace.case), workspace.parts
    evidence = workspace.need(workspace.pack).evidence
    workspace.claims = await asyncio.to_thread(draft_claims, case, evidence, parts.topics, parts.compose)
    workspace.flight.step("draft", ms=_since(began), outputs={"claims": pack(Claims, workspace.claims)}, facts={"composer": parts.composer})
    return {"drafted": len(workspace.claims)}


async def ground(workspace: Workspace) -> State:
    """Check every claim against its evidence."""
    began = time.perf_counter()
    evidence, patient = workspace.need(workspace.pack).evidence, workspace.request.patient
    workspace.verdicts = await asyncio.to_thread(ground_all, workspace.claims, evidence, patient)
    workspace.flight.step("ground", ms=_since(began), outputs={"verdicts": pack(Verdicts, workspace.verdicts)})
    return {"supported": len(supported(workspace.claims, workspace.verdicts))}


async def guard(workspace: Workspace) -> State:
    """Ask the policies."""
    began = time.perf_counter()
    claims = supported(workspace.claims, workspace.verdicts)
    facts = workspace.need(workspace.seen).facts
    case, dropped = workspace.need(workspace.case), len(workspace.claims) - len(claims)
    done = workspace.guarded = await asyncio.to_thread(ask_policies, case, claims, workspace.parts.rules, facts, dropped=dropped)
    workspace.flight.step("guard", ms=_since(began), outputs={"guarded": pack(Guarded, done)})
    return {"fired": [outcome.id for outcome in done.outcomes if outcome.outcome != "clear"], "status": done.status}


async def present(workspace: Workspace) -> State:
    """Put the review together."""
    began = time.perf_counter()
    done = workspace.review = await asyncio.to_thread(put_together, workspace.request, findings(workspace))
    versions = done.versions.model_dump(mode="json")
    workspace.flight.step("present", ms=_since(began), outputs={"review": canonical(done.content())}, facts={"versions": versions})
    return {}


async def record(workspace: Workspace) -> State:
    """Seal the flight record."""
    head = await asyncio.to_thread(seal, workspace.flight, workspace.need(workspace.review))
    return {"record": head}


def findings(workspace: Workspace) -> Findings:
    """What `present` needs, taken from the workspace."""
    seen, whole = workspace.need(workspace.seen), workspace.need(workspace.chart)
    done, retrieved = workspace.need(workspace.read), workspace.need(workspace.retrieved)
    return Findings(
        chart=whole,
        study=seen.study,
        facts=seen.facts,
        read=done,
        retrieved=retrieved,
        pack=workspace.need(workspace.pack),
        claims=workspace.claims,
        verdicts=workspace.verdicts,
        guarded=workspace.need(workspace.guarded),
        versions=versions_of(workspace.parts, done, retrieved, whole.sha256),
    )


def versions_of(parts: Parts, done: Read, retrieved: Retrieved, snapshot: str) -> Versions:
    """What answered in this review."""
    return Versions(
        sidenote=parts.product,
        model=f"{done.reading.model} {done.reading.fingerprint}" if done.reading else "none",
        index=retrieved.search.generation if retrieved.search else "none",
        rules=rules_fingerprint(parts.rules),
        guidance=guidance_fingerprint(parts.topics),
        composer=parts.composer,
        chart=snapshot,
    )


def guidance_fingerprint(topics: tuple[Topic, ...]) -> str:
    """SHA-256 over the topics: changes with every word of them."""
    return sha256(canonical([topic.model_dump(mode="json") for topic in topics]))


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000
