"""Writes a draft into the EHR, under the token of the person's own session, once however often it is tried.

The resource comes first, and its Provenance when the server has told the version that it speaks of: one transaction for both could not
name it. Each is created on the condition that it is not there yet (If-None-Exist, http.html#ccreate). A server that does not offer
this is searched before, and a create there is never repeated by itself. What was written is read again before anything is believed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fhir.drafts import AI_LABEL, Resource
from fhir.errors import DeadlinePassed, RequestRefused
from fhir.jsontext import dumps, loads
from fhir.models import require_valid
from fhir.rest.capability import Ability
from fhir.rest.query import Query
from fhir.views import objects
from fhir.written import aimed, condition_of, search_for
from sidenote.decisions.errors import WriteUnproven

if TYPE_CHECKING:
    from fhir.rest.client import FhirClient
    from fhir.smart.scopes import Scopes
    from sidenote.decisions.decision import Draft

WRITTEN_TYPES = ("Composition", "DetectedIssue", "RiskAssessment", "Provenance")
"""What writing creates, and looks for, and reads again."""
_LOOKED_FOR = frozenset({"Provenance"})
"""Types that are searched for even where a create has a condition: there it names a target, whose version some servers stumble over."""
SECONDS = 20.0
"""How long one attempt may take in all."""


def needed_scopes() -> str:
    """What a site adds to `scopes` for drafts to be written.

    A Provenance of a draft is in nobody's Patient compartment (compartmentdefinition-patient.html), which a `patient/` scope is about.
    """
    return " ".join(f"{'user' if name == 'Provenance' else 'patient'}/{name}.crs" for name in WRITTEN_TYPES)


def granted(scopes: Scopes) -> bool:
    """Whether the scopes of a session let it create, search and read all that is written."""
    return all(
        any(scopes.reach(context, name, action) == "all" for context in ("patient", "user")) for name in WRITTEN_TYPES for action in "crs"
    )


async def write(client: FhirClient, draft: Draft) -> tuple[str, ...]:
    """Write a draft, or find that it was written.

    Returns:
        References of the resource and of its Provenance.

    Raises:
        fhir.errors.DraftInvalid: one of them is not valid; nothing was sent.
        WriteUnproven: what the EHR holds now is not what was sent. fhir.errors.VersionConflict: several match (409, 412).
        fhir.errors.RequestRefused: the EHR does not take it (400, 422). fhir.errors.AccessRefused: it may not be written.
        fhir.errors.Unreachable: no answer in time; it is not known whether it was written, and trying again is safe.
    """
    resource, provenance = loads(draft.resource.encode()), loads(draft.provenance.encode())
    for made in (resource, provenance):
        require_valid(made)
    try:
        async with asyncio.timeout(SECONDS):
            place = await _placed(client, resource, draft.patient)
            there = await _placed(client, aimed(provenance, *place), draft.patient)
    except TimeoutError:
        raise DeadlinePassed("the draft was not written within the time that was given") from None
    return place[0], there[0]


async def _placed(client: FhirClient, resource: Resource, patient: str) -> tuple[str, str | None]:
    """Where a resource is, and in which version, once it is there."""
    require_valid(resource)
    type_ = str(resource["resourceType"])
    ability = (await client.capability()).types.get(type_, Ability())
    if ability.interactions and "create" not in ability.interactions:
        raise RequestRefused(f"the server says that it does not create a {type_}")
    found = await _found(client, resource) if type_ in _LOOKED_FOR or not ability.conditional_create else None
    if found is not None:
        return await _proved(client, found, resource, patient, fresh=False)
    made = await client.create(dumps(resource), if_none_exist=condition_of(resource) if ability.conditional_create else ())
    return await _proved(client, made.reference, resource, patient, fresh=made.created)


async def _found(client: FhirClient, resource: Resource) -> str | None:
    """What is there already of ours, among what a search gives, which may be more than was asked for."""
    query = Query(str(resource["resourceType"]), search_for(resource))
    async for page in client.search(query, private=False):
        for item in page.items:
            if item.local.startswith(f"{query.resource_type}/") and _is_ours(loads(item.raw), resource):
                return item.local
    return None


async def _proved(client: FhirClient, reference: str, sent: Resource, patient: str, *, fresh: bool) -> tuple[str, str | None]:
    """Read again what was written.

    Raises:
        WriteUnproven: it is another patient's or not ours, without the AI label, or, just created, not preliminary. What was there
            before may have been worked on since, and by whom is not ours to judge.
    """
    (item,) = (await client.read(reference)).items
    body = loads(item.raw)
    if not _is_ours(body, sent) or not _is_of(body, patient, client.base):
        raise WriteUnproven("what the server holds at the place of the draft is another resource, or another patient's")
    if not _is_labelled(body) or (fresh and body.get("status") != sent.get("status")):
        raise WriteUnproven("the server did not keep the draft preliminary, or not its label that an AI made it")
    return reference, item.header.meta.versionId if item.header.meta else None


def _is_ours(body: Mapping[str, Any], sent: Mapping[str, Any]) -> bool:
    """Whether a resource has our identifier, or, a Provenance, our target and our instant."""
    if sent["resourceType"] == "Provenance":
        return _target(body) == _target(sent) and str(body.get("recorded", ""))[:19] == str(sent["recorded"])[:19]
    wanted = _identifiers(sent)
    return body.get("resourceType") == sent["resourceType"] and wanted <= _identifiers(body)


def _target(provenance: Mapping[str, Any]) -> str:
    """`Type/id` of the first target."""
    target = next(iter(objects(provenance.get("target"))), {})
    return "/".join(str(target.get("reference", "")).partition("/_history/")[0].split("/")[-2:])


def _identifiers(body: Mapping[str, Any]) -> set[tuple[str, str]]:
    given = body.get("identifier")
    return {(str(one.get("system")), str(one.get("value"))) for one in objects([given] if isinstance(given, dict) else given)}


def _is_of(body: Mapping[str, Any], patient: str, base: str) -> bool:
    """Whether a resource is the patient's. A Provenance is of what it is about, which was looked at before."""
    if body.get("resourceType") == "Provenance":
        return True
    named = body.get("subject") or body.get("patient")
    reference = named.get("reference") if isinstance(named, dict) else None
    return reference in (f"Patient/{patient}", f"{base}/Patient/{patient}")


def _is_labelled(body: Mapping[str, Any]) -> bool:
    meta = body.get("meta")
    labels = objects(meta.get("security")) if isinstance(meta, dict) else ()
    return any((label.get("system"), label.get("code")) == (AI_LABEL["system"], AI_LABEL["code"]) for label in labels)
