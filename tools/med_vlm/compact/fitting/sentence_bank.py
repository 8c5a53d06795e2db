"""What a report may be drafted from: distinct sentences of the training reports whose every statement a head can check.

CXR-RePaiR (Endo et al., ML4H 2021) takes whole sentences of other patients' reports. Such a sentence may say how large or where
a finding is, what it was before, or what is to be done, and no head of the model knows any of it; so these are left out.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from tools.med_vlm.compact.heads import KEYS
from tools.med_vlm.compact.reading.drafting import BankSentence, Stated

LIMIT = 400
"""Sentences that ship."""

UNCHECKED = re.compile(
    r"\d|\b(?:tiny|small|minor|mild|moderate|large|severe|extensive|massive|marked|gross|slight|subtle|trace|minimal|little|fine|thin|faint"
    r"|dense|several|early|florid|widespread|complete|large|only the upper|throughout|most|largely|much)(?:ly|d)?\b"
    r"|\b(?:lobes?|lobar|zones?|apex|apical|apices|bases?|basal|bibasal|basilar|middle|upper|lower|lingula|bronchus|carina|cavoatrial)\b"
    r"|\b(?:new|unchanged|stable|interval|previous|prior|increased since|decreased|larger|smaller|worse|improved|resolved|no longer)\b"
    r"|\b(?:urgent|should|must|advised|needs?|recommend|considered|help|communicated|likely|infective|setting|right atrial|leads?)\w*\b"
    r"|\b(?:endotracheal|tracheal|nasogastric|enteric|central|jugular|intubation)\b",
    re.IGNORECASE,
)
"""Size, number, place, change and advice, and which tube or line it is."""

SIDE = re.compile(r"\b(?:left|right|both|bilateral|either)\b", re.IGNORECASE)
"""Where a sentence names a side and none of its findings has it, as with a pacemaker's generator, nothing checks it."""

DERIVED = frozenset({"support_device", "lung_lesion"})
"""Labels that a finding of the ten carries besides, as CheXpert counts them: they state nothing more."""

GENERAL = 4
"""A sentence that rules out so many findings without naming one calls the whole image normal."""

_CLAUSE = re.compile(r"[,;:]")


def sentence_bank(reports: Sequence[tuple[str, Sequence[str]]], limit: int = LIMIT) -> tuple[BankSentence, ...]:
    """At most `limit` sentences of `reports`, pairs of a name and its sentences; those that state the same share the places.

    A report's text is its sentences joined by one space, and spans count in it. Where a whole sentence says what cannot be
    checked, its first clause may stand alone ("Left-sided pleural effusion" of "Left-sided pleural effusion, small.").
    """
    first: dict[str, tuple[str, str, int]] = {}
    seen: Counter[str] = Counter()
    for name, said in reports:
        for text, start in _candidates(said):
            first.setdefault(text.rstrip("."), (text, name, start))
            seen[text.rstrip(".")] += 1
    groups: dict[tuple[Stated, ...], list[str]] = defaultdict(list)
    for text, _ in sorted(seen.items(), key=lambda one: (-one[1], one[0])):
        states = stated_by(text)
        if states:
            groups[states].append(text)
    return tuple(_kept(states, *first[text]) for states, text in _shared_out(groups, limit))


def _kept(states: tuple[Stated, ...], text: str, report: str, start: int) -> BankSentence:
    from tools.label_mentions import every_mention

    general = len(states) >= GENERAL and all(mention.implied for mention in every_mention(text))
    return BankSentence(text=text, report=report, start=start, end=start + len(text), states=states, whole=general)


def _candidates(said: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Checkable sentences and first clauses of a report, with where they start."""
    start = 0
    for sentence in said:
        parts = [sentence, *(sentence[: mark.start()] for mark in [_CLAUSE.search(sentence)] if mark)]
        yield from ((part, start) for part in parts[:1] if not UNCHECKED.search(part))
        if UNCHECKED.search(sentence):
            yield from ((part, start) for part in parts[1:] if not UNCHECKED.search(part))
        start += len(sentence) + 1


def stated_by(text: str) -> tuple[Stated, ...]:
    """What a sentence states of the ten findings, by the rules of `tools.labeler`.

    Nothing where it states nothing, doubts, contradicts itself, speaks of a finding that no head answers, or names a side that
    no finding of it has.
    """
    from policies.grounding.lexicon import entailed
    from tools.label_mentions import every_mention

    found: dict[str, set[tuple[str, str | None]]] = defaultdict(set)
    for mention in every_mention(text):
        if mention.finding in DERIVED:
            continue
        found[mention.finding].add((mention.polarity, mention.side))
        for key, polarity in entailed(mention.finding, mention.polarity):
            found[key].add((polarity, mention.side if polarity == "present" else None))
    if not set(found) <= set(KEYS) or any(len(said) != 1 for said in found.values()):
        return ()
    states = [Stated.of(key, *next(iter(said))) for key, said in sorted(found.items())]
    kept = tuple(one for one in states if one)
    present = [one for one in kept if one.presence == "present"]
    sideless = bool(present and SIDE.search(text)) and not any(one.side for one in present)
    return kept if all(states) and not sideless else ()


def _shared_out(groups: dict[tuple[Stated, ...], list[str]], limit: int) -> list[tuple[tuple[Stated, ...], str]]:
    """Of every group its first, then of every group its second, until `limit`; in a fixed order."""
    rounds = max((len(texts) for texts in groups.values()), default=0)
    turns = [(states, texts[turn]) for turn in range(rounds) for states, texts in groups.items() if turn < len(texts)]
    return sorted(turns[:limit], key=lambda one: one[1])
