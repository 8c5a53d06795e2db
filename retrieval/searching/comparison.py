"""Why a case is comparable: what it shares with the present one and what differs, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from retrieval.cards import CaseCard, Present, Query, Side
from retrieval.finding_words import finding_name, finding_phrase

RADIOGRAPHY: Final = frozenset({"CR", "DX", "DR", "RG"})
"""DICOM modalities of projection radiographs: which of them a room writes is a matter of its detector's age."""
_UNKNOWN: Final = frozenset({"", "unknown"})


def alike(modality: str) -> frozenset[str]:
    """The DICOM modalities whose images may stand beside those of `modality`."""
    return RADIOGRAPHY if modality in RADIOGRAPHY else frozenset({modality})


def shared(card: CaseCard, query: Query) -> tuple[str, ...]:
    """What the case has in common with the present one: findings, with side and place where both agree, and their context.

    Nothing, where nothing is known of the present case.
    """
    present, there = query.present, _keys(card)
    if present == Present():
        return ()
    words = [_agreed(key, card, present) for key in sorted(there & present.findings)]
    if not there and not present.findings and not present.doubted:
        words.append("no finding in either")
    if present.modality and alike(card.modality) == alike(present.modality):
        words.append("radiograph" if card.modality in RADIOGRAPHY else card.modality)
    return (*words, *(both.format(past) for _, both, past, now in _context(card, present) if past == now))


def differs(card: CaseCard, query: Query) -> tuple[str, ...]:
    """What only one of the two has, and where sides, places or context are not the same. What is unknown differs in nothing."""
    present, there = query.present, _keys(card)
    if present == Present():
        return ()
    unstated = there - present.findings
    words = [f"{finding_name(key)} only in the past case" for key in sorted(unstated - present.doubted)]
    words += [f"{finding_name(key)} in doubt in the present case" for key in sorted(unstated & present.doubted)]
    words += [f"{finding_name(key)} only in the present case" for key in sorted(present.findings - there)]
    for key in sorted(there & present.findings):
        words += _apart(key, card, present)
    if present.modality and alike(card.modality) != alike(present.modality):
        words.append(f"modality: {card.modality} there, {present.modality} here")
    return (*words, *(f"{name}: {past} there, {now} here" for name, _, past, now in _context(card, present) if past != now))


def _keys(card: CaseCard) -> frozenset[str]:
    return frozenset(finding.key for finding in card.findings)


def _context(card: CaseCard, present: Present) -> Iterator[tuple[str, str, str, str]]:
    """(name, words for what both have, past value, present value) of what is known of both."""
    for name, both, past, now in (
        ("view", "{} view", card.view, present.view),
        ("age", "age {}", card.age_band, present.age_band),
        ("sex", "{}", card.sex, present.sex),
    ):
        if now is not None and not {past.lower(), now.lower()} & _UNKNOWN:
            yield name, both, past, now


def _agreed(key: str, card: CaseCard, present: Present) -> str:
    past, now = _sides(key, card, present)
    places = sorted(set.intersection(*_places(key, card, present)))
    return finding_phrase(key, past if past == now else None, ", ".join(places))


def _apart(key: str, card: CaseCard, present: Present) -> Iterator[str]:
    past, now = _sides(key, card, present)
    if past and now and past != now:
        yield f"{finding_name(key)}: {past} there, {now} here"
    there, here = _places(key, card, present)
    if there and here and not there & here:
        yield f"{finding_name(key)}: {_and(there)} there, {_and(here)} here"


def _sides(key: str, card: CaseCard, present: Present) -> tuple[Side | None, Side | None]:
    past = {finding.side for finding in card.findings if finding.key == key and finding.side}
    return _one_side(past), _one_side({side for name, side in present.sides if name == key})


def _one_side(sides: set[Side]) -> Side | None:
    """Left and right together are bilateral."""
    return "bilateral" if len(sides) > 1 else next(iter(sides), None)


def _places(key: str, card: CaseCard, present: Present) -> tuple[set[str], set[str]]:
    past = {finding.location for finding in card.findings if finding.key == key and finding.location}
    return past, {place for name, place in present.locations if name == key}


def _and(words: Iterable[str]) -> str:
    return " and ".join(sorted(words))
