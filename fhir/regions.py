"""Parts of the body, so that "Thorax", "CHEST" and SNOMED CT 51185008 are one and the same: what is compared with what.

Coarse on purpose: a region is what a radiologist would put beside each other. Words are those of DICOM BodyPartExamined
(PS3.16 Annex L) and of procedure names in English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

SNOMED_REGIONS: Mapping[str, str] = {
    "51185008": "chest",
    "816094009": "chest",
    "39607008": "chest",
    "113345001": "abdomen",
    "818983003": "abdomen",
    "12921003": "pelvis",
    "816092008": "pelvis",
    "69536005": "head",
    "12738006": "head",
    "45048000": "neck",
    "122494005": "cervical spine",
    "122495006": "thoracic spine",
    "122496007": "lumbar spine",
    "80891009": "heart",
    "76752008": "breast",
    "16982005": "shoulder",
    "127949000": "elbow",
    "8205005": "wrist",
    "85562004": "hand",
    "24136001": "hip",
    "72696002": "knee",
    "344001": "ankle",
    "56459004": "foot",
}
"""SNOMED CT body structure -> region."""
_WORDS: tuple[tuple[str, str], ...] = (
    (r"(cervical|c)[ -]*spine", "cervical spine"),
    (r"(thoracic|dorsal|t)[ -]*spine", "thoracic spine"),
    (r"(lumbar|lumbosacral|l)[ -]*spine", "lumbar spine"),
    (r"chest|thora(x|cic)|lungs?|pulmonary|cxr", "chest"),
    (r"abdom(en|inal)|kub", "abdomen"),
    (r"pelvi(s|c)", "pelvis"),
    (r"heads?|skull|brain|cerebral|cranial", "head"),
    (r"neck", "neck"),
    (r"heart|cardiac", "heart"),
    (r"breasts?|mammogra(m|phy)", "breast"),
    (r"shoulders?", "shoulder"),
    (r"elbows?", "elbow"),
    (r"wrists?", "wrist"),
    (r"hands?", "hand"),
    (r"hips?", "hip"),
    (r"knees?", "knee"),
    (r"ankles?", "ankle"),
    (r"foot|feet", "foot"),
)
"""Longer names first: what one has taken, "thoracic" of "thoracic spine", is nothing else any more."""
_COMPOUND: Mapping[str, frozenset[str]] = {
    "chestabdomen": frozenset({"chest", "abdomen"}),
    "chestabdpelvis": frozenset({"chest", "abdomen", "pelvis"}),
    "abdomenpelvis": frozenset({"abdomen", "pelvis"}),
    "headneck": frozenset({"head", "neck"}),
    "cspine": frozenset({"cervical spine"}),
    "tspine": frozenset({"thoracic spine"}),
    "lspine": frozenset({"lumbar spine"}),
}


def regions(codes: Iterable[str], texts: Iterable[str]) -> frozenset[str]:
    """The regions that SNOMED CT codes and texts name; empty when they name none that is known.

    >>> sorted(regions((), ("XR thoracic spine and chest",)))
    ['chest', 'thoracic spine']
    """
    found = {SNOMED_REGIONS[code] for code in codes if code in SNOMED_REGIONS}
    for text in texts:
        found |= _named(text.lower())
    return frozenset(found)


def _named(text: str) -> frozenset[str]:
    found: set[str] = set()
    for name, many in _COMPOUND.items():
        if re.search(rf"\b{name}\b", text):
            found |= many
    for pattern, region in _WORDS:
        text, times = re.subn(rf"\b({pattern})\b", " ", text)
        if times:
            found.add(region)
    return frozenset(found)


def same_region(one: frozenset[str], other: frozenset[str], texts: tuple[str | None, str | None]) -> bool:
    """Whether two studies may show one part of the body: regions in common, else equal words, else nothing known of one of them."""
    if one and other:
        return bool(one & other)
    left, right = (" ".join(text.lower().split()) if text else "" for text in texts)
    return not left or not right or left == right
