"""What the graph carries and checkpoints: references and small results. No chart, no pixels, no vectors, no text of a patient.

Checkpoints outlive the review and are read by other processes than the one that made it. The things themselves live in
`agent.workspace`, in memory, and in the flight record.
"""

from __future__ import annotations

from typing import TypedDict


class State(TypedDict, total=False):
    """One review on its way through the graph. Hashes are SHA-256, hexadecimal."""

    review_id: str
    as_of: str
    chart: str
    """Hash of the chart's snapshot."""
    study: str
    """Reference of the focal study, or an empty string."""
    images: list[str]
    """Hashes of the image files."""
    identity: str
    """`match`, `mismatch`, `unknown`, or an empty string without pixels."""
    reading: str
    """Mode of the reading: `read`, `abstained`, `off`, `refused`; empty without an image."""
    neighbours: int
    evidence: int
    drafted: int
    supported: int
    fired: list[str]
    """Ids of the policies that fired or could not tell."""
    status: str
    record: str
    """Hash of the sealed flight record's last line."""
