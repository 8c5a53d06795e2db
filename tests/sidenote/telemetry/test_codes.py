"""The codes that may stand in a label are those of the error classes, all of them."""

from __future__ import annotations

from pathlib import Path

from sidenote.telemetry.codes import ERRORS, known_codes

ROOT = Path(__file__).parents[3]
NOT_AT_THE_DOOR = {"sidenote.batch.errors"}


def test_every_errors_file_is_read_that_the_door_can_meet() -> None:
    folders = ("fhir", "retrieval", "policies", "tools", "agent", "sidenote")
    there = {".".join(path.relative_to(ROOT).with_suffix("").parts) for folder in folders for path in (ROOT / folder).rglob("errors.py")}
    assert set(ERRORS) == there - NOT_AT_THE_DOOR


def test_codes_of_every_folder_are_known() -> None:
    assert {"fhir_unreachable", "audit_down", "session_over", "settings_invalid", "internal_error"} <= known_codes()
