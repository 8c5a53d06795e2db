"""What servers in the field do otherwise than FHIR says, as named options of a server's entry in the configuration.

None is on unless a site names it: a quirk that is guessed is a fault that is hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Quirk = Literal[
    "patient-long-form", "subject-parameter", "get-search-only", "no-sort", "no-count", "no-everything", "observation-by-category"
]

QUIRKS: Mapping[Quirk, str] = {
    "patient-long-form": "searches want patient=Patient/ID and find nothing, without a word, for the bare id",
    "subject-parameter": "searches want subject= instead of patient=",
    "get-search-only": "POST _search is not there, or answers otherwise than GET; logical ids then stand in URLs",
    "no-sort": "_sort is refused, or makes the search time out",
    "no-count": "_count is refused",
    "no-everything": "Patient/$everything is declared and does not give everything",
    "observation-by-category": "Observations are only found when a category is named, one search a category",
}
"""Name -> what the server does."""

CATEGORIES = ("laboratory", "vital-signs", "imaging", "exam", "procedure", "social-history", "survey", "therapy", "activity")
"""Codes of http://terminology.hl7.org/CodeSystem/observation-category, for servers that want one."""

assert set(QUIRKS) == set(get_args(Quirk))
