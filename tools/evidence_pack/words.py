"""What words ask for: the value sets a question or a reason means, and the words left to look for in the chart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from fhir.value_sets import VALUE_SETS, Coding, ValueSet, normalised

Key = TypeVar("Key")

ANSWERS = frozenset({"pregnant_answer", "not_pregnant_answer", "positive", "negative", "unknown_answer"})
"""Value sets of answers: they say what was found, and not what was looked at."""

READ_BY_POLICIES = frozenset(VALUE_SETS) - ANSWERS
"""Value sets that rules, guidance and calculators read. What is of one of them is never squeezed out by what is of none."""

_KIDNEY = ("egfr", "creatinine", "kidney_disease", "dialysis", "potassium")
_HEART = ("heart_failure", "bnp", "nt_probnp", "troponin", "atrial_fibrillation", "hypertension")
_BLEEDING = ("inr", "platelets", "hemoglobin", "anticoagulant", "antiplatelet")
_INFECTION = ("crp", "procalcitonin", "white_cells", "lactate", "body_temperature", "pneumonia")
_BREATH = ("oxygen_saturation", "respiratory_rate", "copd", "heart_failure", "pulmonary_embolism", "d_dimer", "bnp", "nt_probnp")

SYNONYMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("kidney", "kidneys", "renal", "gfr", "nephropathy", "uraemia", "uremia"), _KIDNEY),
    **dict.fromkeys(("heart", "cardiac", "cardiomegaly", "oedema", "edema"), _HEART),
    **dict.fromkeys(("bleeding", "bleed", "coagulation", "clotting", "haemorrhage", "hemorrhage", "anaemia", "anemia"), _BLEEDING),
    **dict.fromkeys(("infection", "infected", "sepsis", "septic", "fever", "febrile", "inflammation", "consolidation"), _INFECTION),
    **dict.fromkeys(("breathless", "breathlessness", "dyspnoea", "dyspnea", "hypoxia", "hypoxaemia", "hypoxemia", "breath"), _BREATH),
    **dict.fromkeys(("contrast", "iodinated"), (*_KIDNEY, "contrast_allergy", "shellfish_or_iodine_allergy", "metformin", "diabetes")),
    **dict.fromkeys(("embolism", "embolus", "thrombosis", "dvt"), ("pulmonary_embolism", "d_dimer", "anticoagulant")),
    **dict.fromkeys(("biopsy", "drain", "drainage", "puncture"), _BLEEDING),
    **dict.fromkeys(("implant", "implants", "pacemaker", "mri", "magnetic"), ("mri_implant",)),
    **dict.fromkeys(("pregnant", "pregnancy", "obstetric"), ("pregnancy", "pregnancy_status", "pregnancy_test")),
    **dict.fromkeys(("diabetic", "glucose", "sugar"), ("diabetes", "metformin")),
    **dict.fromkeys(("tumour", "tumor", "malignancy", "nodule", "mass", "metastasis", "metastases"), ("cancer", "smoking_status")),
    **dict.fromkeys(("bnp", "natriuretic"), ("bnp", "nt_probnp")),
    **dict.fromkeys(("smoker", "smoking", "tobacco"), ("smoking_status", "copd")),
    **dict.fromkeys(("allergy", "allergies", "allergic"), ("contrast_allergy", "shellfish_or_iodine_allergy")),
}
"""Everyday word -> the value sets a clinician who uses it wants to see. Small on purpose: it adds to matching words, it replaces none."""

_DULL = frozenset(
    normalised(
        "a an and are any as at be been before by can could did do does for from had has have history how i if in is it its last me my new "
        "no not of old on or patient patients should show since tell than that the there this to was were what when where which who why "
        "with without would year years ago him her his she he they"
    ).split()
)


def sets_in(text: str) -> frozenset[str]:
    """The value sets that `text` names, by their own words or by a synonym.

    >>> sorted(sets_in("How are the kidneys?"))[:2]
    ['creatinine', 'dialysis']
    """
    return sets_of(frozenset(), text).union(*(SYNONYMS.get(word, ()) for word in normalised(text).split()))


def sets_of(codings: frozenset[Coding], text: str) -> frozenset[str]:
    """The value sets read by policies that a concept is of, by its codes or its words.

    A chart holds hundreds of concepts: only value sets one of whose words begins with a word of `text` are asked about it.
    """
    begun = {name for word in set(normalised(text).split()) for name in _BY_WORD.get(word, ())}
    named = {name for name in begun if VALUE_SETS[name].matches_text(text)}
    coded = {name for coding in codings for name in (*_BY_CODE.get(coding, ()), *_BY_SYSTEM.get(coding[0], ()))} - named
    return frozenset(named | {name for name in coded if VALUE_SETS[name].matches_codings(codings)})


def telling(text: str) -> frozenset[str]:
    """The words of `text` worth looking for, a plural `s` taken off.

    >>> sorted(telling("When was the last tetanus shots?"))
    ['shot', 'tetanus']
    """
    return frozenset(_singular(word) for word in normalised(text).split() if len(word) > 1 and word not in _DULL)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] not in "siu" else word


def _by(keys: Callable[[ValueSet], Iterable[Key]]) -> dict[Key, tuple[str, ...]]:
    found: dict[Key, set[str]] = {}
    for name in READ_BY_POLICIES:
        for key in keys(VALUE_SETS[name]):
            found.setdefault(key, set()).add(name)
    return {key: tuple(sorted(names)) for key, names in found.items()}


def _beginnings(value_set: ValueSet) -> Iterator[str]:
    """The first word of each entry: of the first part that must stand in the text."""
    for entry in value_set.words:
        wanted = (part for part in entry.split(" + ") if not part.startswith("-"))
        yield normalised(next(wanted)).split()[0]


_BY_CODE: Mapping[Coding, tuple[str, ...]] = _by(lambda value_set: value_set.codes)
_BY_SYSTEM: Mapping[str, tuple[str, ...]] = _by(lambda value_set: {system for system, _ in value_set.prefixes})
_BY_WORD: Mapping[str, tuple[str, ...]] = _by(_beginnings)
