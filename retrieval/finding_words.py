"""Findings of past cases in words. A case may state more findings than the ten the product reads: their key is their name."""

from __future__ import annotations

from typing import Final

from retrieval.cards import CaseFinding, Side

_NAMED: Final = {
    "pulmonary_edema": "pulmonary oedema",
    "nodule": "pulmonary nodule",
    "malpositioned_device": "malpositioned tube or line",
    "pacemaker": "cardiac pacemaker",
}
"""Where the name is not the key with spaces; the same words as `fhir.codes.FINDING`, which this folder does not import."""


def finding_name(key: str) -> str:
    """A finding's name in words.

    >>> finding_name("hiatal_hernia"), finding_name("pulmonary_edema")
    ('hiatal hernia', 'pulmonary oedema')
    """
    return _NAMED.get(key, key.replace("_", " "))


def finding_phrase(key: str, side: Side | None = None, location: str | None = None) -> str:
    """A finding with its side and its place.

    >>> finding_phrase("consolidation", "right", "lower lobe")
    'right consolidation (lower lobe)'
    """
    named = f"{side} {finding_name(key)}" if side else finding_name(key)
    return f"{named} ({location})" if location else named


def told(finding: CaseFinding) -> str:
    """What a case states, in words."""
    return finding_phrase(finding.key, finding.side, finding.location)
