"""Consent is there, in force and whole, or there is none."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fhir.chart import Manifest, chart_of
from retrieval.errors import BadCase
from sidenote.archives.consent import consented

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
DENIED = "consent is denied, or given with exceptions"
UNSAID = "consent or licence is not stated"


def _consent(kind: str | None = "permit", *, scope: str = "research", status: str = "active", **provision: Any) -> dict[str, Any]:
    given = {"type": kind, **provision} if kind else provision
    return {
        "resourceType": "Consent",
        "id": f"c-{scope}-{kind}-{len(str(provision))}",
        "status": status,
        "scope": {"coding": [{"system": SCOPE, "code": scope}]},
        "patient": {"reference": "Patient/p"},
        **({"provision": given} if given else {}),
    }


def _asked(*consents: dict[str, Any], stated: str | None = None, manifest: Manifest | None = None) -> str:
    try:
        return consented(chart_of({"resourceType": "Patient", "id": "p"}, consents, manifest), stated, NOW)
    except BadCase as error:
        return error.reason


PERMITTED = "FHIR Consent (research), active and permitting"


@pytest.mark.std("E1")
@pytest.mark.parametrize(
    ("consents", "stated", "answer"),
    [
        ([], None, UNSAID),
        ([], "broad consent", "broad consent"),
        ([_consent()], None, PERMITTED),
        ([_consent()], "broad consent", PERMITTED),
        ([_consent(), _consent(scope="patient-privacy")], None, "FHIR Consent (patient-privacy, research), active and permitting"),
        ([_consent(scope="treatment")], None, UNSAID),
        ([_consent(scope="treatment")], "broad consent", "broad consent"),
        ([_consent(status="proposed")], None, UNSAID),
        ([_consent(status="inactive")], None, UNSAID),
        ([_consent("deny", status="inactive")], "broad consent", "broad consent"),
        ([_consent(status="entered-in-error")], None, UNSAID),
        ([_consent("deny")], "broad consent", DENIED),
        ([_consent(), _consent("deny", scope="patient-privacy")], None, DENIED),
        ([_consent(None)], "broad consent", DENIED),
        ([_consent(provision=[{"type": "deny"}])], "broad consent", DENIED),
        ([_consent(period={"start": "2024-01-01", "end": "2024-12-31"})], None, PERMITTED),
        ([_consent(period={"start": "2024-07-01"})], None, UNSAID),
        ([_consent(period={"end": "2023"})], None, UNSAID),
        ([_consent(period={"end": "soon"})], None, UNSAID),
        ([_consent(period={})], None, PERMITTED),
        ([_consent("deny", period={"end": "2023"})], "broad consent", "broad consent"),
        ([_consent("deny", period={"start": "2025"})], "broad consent", DENIED),
        ([_consent("deny", period={"end": "soon"})], "broad consent", DENIED),
        ([{**_consent(), "modifierExtension": [{"url": "urn:x"}]}], "broad consent", DENIED),
    ],
)
def test_what_the_record_says_counts_before_what_was_stated(consents: list[dict[str, Any]], stated: str | None, answer: str) -> None:
    assert _asked(*consents, stated=stated) == answer


@pytest.mark.parametrize("state", ["failed", "truncated", "refused"])
def test_a_consent_that_may_be_missing_is_none(state: Any) -> None:
    manifest = Manifest("server", (("Consent", state),), 2)
    assert _asked(stated="broad consent", manifest=manifest) == "consent cannot be read"


@pytest.mark.parametrize("state", ["not asked", "complete"])
def test_a_server_that_has_no_consents_leaves_what_was_stated(state: Any) -> None:
    assert _asked(stated="broad consent", manifest=Manifest("server", (("Consent", state),), 2)) == "broad consent"
