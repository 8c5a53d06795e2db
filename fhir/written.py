"""Drafts as they go into an EHR: each stands by itself, and can be found again by the one who wrote it.

The software is contained in what it made: it is no device of the patient's, and a session that is bound to one patient may not create
others. `identifier` is a UUID made from the review and the part of it, so that a conditional create (http.html#ccreate) finds what is
there already. A Provenance has no identifier: it is found by its target and the instant it was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir.drafts import AI_LABEL, AI_SYSTEM, AUTHOR, CREATE, URI, VERIFIER, DraftContext, Resource, device, hashed, sourced

Coding = Mapping[str, str]
DEVICE = "#sidenote"
_SINGLE = frozenset({"Composition"})
"""Types with at most one identifier."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a draft was made from."""

    sources: Sequence[tuple[str, str | None]]
    """(reference, version) of the chart's facts."""
    images: Sequence[str] = ()
    """SHA-256 of the image files that were looked at."""
    record: str | None = None
    """SHA-256 that names the sealed flight record, which holds all input, prompts included."""
    model_card: str | None = None
    """SHA-256 of the card of the model that read an image."""


def stand_alone(context: DraftContext, name: str, draft: Resource, *, reviewed: Coding | None = None) -> Resource:
    """A draft to be created in an EHR: with its identifier, with the software inside it, and without an id of ours.

    Args:
        context: Of the review.
        name: Which part of the review it is.
        draft: Made by `fhir.drafts` with the same context.
        reviewed: A security label that says that a clinician has reviewed it, beside the one that says that an AI made it; None where
            a site has none: AIAST alone does not say so, and the verifier of the Provenance does.
    """
    identifier = {"system": URI, "value": context.urn(name)}
    contained = {**_without(device(context), "meta"), "id": DEVICE.removeprefix("#")}
    labels = [AI_LABEL, *([dict(reviewed)] if reviewed else [])]
    made: Resource = _inside(_without(draft, "resourceType", "id", "meta"), context.urn("device"))
    return {
        "resourceType": draft["resourceType"],
        "meta": {"security": labels},
        "contained": [contained],
        "identifier": identifier if draft["resourceType"] in _SINGLE else [identifier],
        **made,
    }


def condition_of(resource: Resource) -> tuple[tuple[str, str], ...]:
    """The search that finds a resource of `stand_alone` or `authorship`, for If-None-Exist.

    Not every server finds a target that has a version by its reference alone: see `search_for`.
    """
    if resource["resourceType"] == "Provenance":
        target = str(resource["target"][0]["reference"]).partition("/_history/")[0]
        return (("target", target), ("recorded", str(resource["recorded"])))
    given = resource["identifier"]
    (identifier,) = [given] if isinstance(given, dict) else given
    return (("identifier", f"{identifier['system']}|{identifier['value']}"),)


def search_for(resource: Resource) -> tuple[tuple[str, str], ...]:
    """A search that finds no less than `condition_of`, on servers that compare references letter by letter too, and perhaps more."""
    return tuple(pair for pair in condition_of(resource) if pair[0] != "target")


def authorship(context: DraftContext, name: str, inputs: Inputs, person: str, recorded: str, *, reworded: bool = False) -> Resource:
    """Who made a draft, who checked it and from what it was made (AIProvenance: AI Transparency on FHIR).

    Its target is `urn:uuid:`, for `aimed` to put right when the draft has a place.

    Args:
        context: Of the review.
        name: The draft's name, as for `stand_alone`.
        inputs: What it was made from.
        person: Reference of the clinician who checked it.
        recorded: When, an instant to the second.
        reworded: Whether the person put words of their own into it.
    """
    derived = [(inputs.record, "sealed record of the review with its input"), (inputs.model_card, "model card")]
    entities = sourced(inputs.sources, inputs.images)
    entities += [{"role": "derivation", "what": {"type": "DocumentReference", **hashed(sha, said)}} for sha, said in derived if sha]
    who, roles = {"reference": person}, (VERIFIER, AUTHOR) if reworded else (VERIFIER,)
    software = {"type": {"coding": [AUTHOR]}, "role": [{"coding": [AI_SYSTEM]}], "who": {"reference": DEVICE}, "onBehalfOf": who}
    return {
        "resourceType": "Provenance",
        "meta": {"security": [AI_LABEL]},
        "contained": [{**_without(device(context), "meta"), "id": DEVICE.removeprefix("#")}],
        "target": [{"reference": context.urn(name)}],
        "recorded": recorded,
        "reason": [{"coding": [AI_LABEL]}],
        "activity": {"coding": [CREATE]},
        "agent": [software, *({"type": {"coding": [role]}, "who": who} for role in roles)],
        **({"entity": entities} if entities else {}),
    }


def aimed(provenance: Resource, reference: str, version: str | None) -> Resource:
    """The Provenance of a draft that has its place: the target with its version, where the server tells one."""
    return {**provenance, "target": [{"reference": f"{reference}/_history/{version}" if version else reference}]}


def _inside(value: Any, urn: str) -> Any:
    """The same with every reference to the software leading to the contained one."""
    if isinstance(value, dict):
        return {key: DEVICE if key == "reference" and one == urn else _inside(one, urn) for key, one in value.items()}
    return [_inside(one, urn) for one in value] if isinstance(value, list) else value


def _without(resource: Resource, *names: str) -> Resource:
    return {key: value for key, value in resource.items() if key not in names}
