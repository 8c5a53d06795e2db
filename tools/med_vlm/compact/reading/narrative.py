"""A reading in sentences, the same for the same findings. Says what the model saw, never what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from fhir.codes import FINDING
from policies.evidence import Region
from tools.med_vlm.reading import FindingReading, Sentence

_UNCOUNTED = frozenset({"pulmonary_edema", "consolidation", "atelectasis", "cardiomegaly"})
"""Findings named without an article."""


def _with_article(key: str, named: str) -> str:
    if key in _UNCOUNTED:
        return named
    return f"{'an' if named[0] in 'aeiou' else 'a'} {named}"


def _named(finding: FindingReading) -> str:
    display = FINDING[finding.key].display
    if finding.side == "bilateral":
        return f"bilateral {display}"
    return _with_article(finding.key, f"{finding.side}-sided {display}" if finding.side else display)


def _listed(names: Sequence[str], last: str) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def narrative(findings: Sequence[FindingReading], drafted: Sequence[Sentence] = ()) -> tuple[Sentence, ...]:
    """One sentence for each finding that is present, one for all uncertain ones and at most two for the absent ones.

    A drafted sentence, which cites the report it is from, stands for the findings it speaks of; the model's own words say the rest.
    """
    said = _present(findings, drafted)
    uncertain = [f.key for f in findings if f.presence == "uncertain"]
    if uncertain:
        names = [_with_article(key, FINDING[key].display) for key in uncertain]
        said.append(_sentence(f"The model cannot tell whether there is {_listed(names, 'or')}.", uncertain))
    return (*said, *_absent(findings, drafted))


def _present(findings: Sequence[FindingReading], drafted: Sequence[Sentence]) -> list[Sentence]:
    said: list[Sentence] = []
    for f in sorted((f for f in findings if f.presence == "present"), key=lambda f: -f.probability):
        own = _sentence(f"The image shows {_named(f)} (probability {f.probability:.2f}).", [f.key], f.regions)
        sentence = next((one for one in drafted if f.key in one.findings), own)
        said += [] if sentence in said else [sentence]
    return said


def _absent(findings: Sequence[FindingReading], drafted: Sequence[Sentence]) -> list[Sentence]:
    absent = [f.key for f in findings if f.presence == "absent"]
    said = [one for one in drafted if one.findings and set(one.findings) <= set(absent)]
    left = [key for key in absent if not any(key in one.findings for one in said)]
    own = f"No {_listed([FINDING[key].display for key in left], 'or')} is seen."
    return [*said, _sentence(own, left)] if left else said


def _sentence(text: str, keys: Sequence[str], regions: tuple[Region, ...] = ()) -> Sentence:
    return Sentence(text=text, findings=tuple(keys), regions=regions)
