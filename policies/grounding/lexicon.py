"""Mentions of the ten findings in clinical prose: which, asserted or denied, on which side, where.

A rule labeler: deterministic, without a model. It reads reports for the tools and checks claims for grounding; how well it agrees
with human labels is measured by tests/policies/grounding/test_lexicon_on_reports.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fhir.codes import FINDING, Side
from policies.evidence import Polarity
from policies.grounding.assertion import polarity_at
from policies.grounding.finding_words import FINDING_WORDS, NORMAL_STATEMENTS, NOT_THIS, pattern
from policies.grounding.laterality import side_at
from policies.grounding.prose import UNASSERTED_SECTIONS, Sentence, sentences

__all__ = ["Mention", "Sentence", "entailed", "mentions", "sentences"]


@dataclass(frozen=True, slots=True)
class Mention:
    """One finding in one sentence. `start` and `end` are offsets into the text that was given; `sentence` counts from 0."""

    finding: str
    """Key of `fhir.codes.FINDING`."""
    polarity: Polarity
    side: Side | None
    start: int
    end: int
    sentence: int
    implied: bool = False
    """Whether the sentence rules the finding out without naming it ("the lungs are clear")."""


_WORDS: Final = {
    key: re.compile(r"(?<![\w-])(?:" + "|".join(pattern(fragment) for fragment in fragments) + r")(?!\w)", re.IGNORECASE)
    for key, fragments in FINDING_WORDS.items()
}
_OTHER: Final = {key: re.compile(rf"\b(?:{pattern(fragment)})", re.IGNORECASE) for key, fragment in NOT_THIS.items()}
_NORMAL: Final = tuple((re.compile(pattern(fragment), re.IGNORECASE), keys) for fragment, keys in NORMAL_STATEMENTS)
_RESERVATION: Final = re.compile(r"\b(?:otherwise|except|apart\s+from|aside\s+from|other\s+than|prior|previous)\b", re.IGNORECASE)
_UNSPECIFIC: Final = re.compile(r"(?:opaci|shadow|densit)(?!\w*\s+consolid)", re.IGNORECASE)
_EXPLAINED: Final = re.compile(
    r"\b(?:consistent\s+with|in\s+keeping\s+with|compatible\s+with|due\s+to|represent(?:s|ing)|reflect(?:s|ing)|related\s+to|from"
    r"|typical\s+of)\b[^.;]*$",
    re.IGNORECASE,
)
_LOBAR: Final = re.compile(r"\b(?:lob(?:e|ar)|lingula|segment)", re.IGNORECASE)
_RATIO: Final = re.compile(
    r"\b(?:cardio[\s-]?thoracic\s+(?:ratio|index)|CTR)\b[^.;\d]{0,40}?(?P<value>0?\.\d+|\d{2}(?:\.\d+)?\s*%)", re.IGNORECASE
)
_TIP_HEIGHT: Final = re.compile(
    r"\b(?:endotracheal|tracheal|et)\s+tube\b[^;]{0,80}?(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>cm|mm)\s+(?P<where>above|from|superior\s+to"
    r"|proximal\s+to|below)\s+(?:the\s+)?carina",
    re.IGNORECASE,
)
_CHOICE: Final = re.compile(r"\s*,?\s*(?:and/or|or|versus|vs\.?)\s+(?:[\w-]+\s+){0,3}", re.IGNORECASE)
_OTHER_CHOICE: Final = re.compile(
    r"\s*,?\s*(?:and/or|or|versus|vs\.?)\s+(?:pleural\s+)?(?:scar\w*|thickening|fibrosis|mass|malignancy|artifact|fat)\b", re.IGNORECASE
)

# A cardiothoracic ratio above 0.50 on a PA film is the usual definition of cardiomegaly (Danzer, 1919).
_RATIO_LIMIT: Final = 0.5
# Conventional range for the tip of an endotracheal tube in an adult with the neck neutral: 2 cm to 7 cm above the carina.
_TIP_LOWEST_CM, _TIP_HIGHEST_CM = 2.0, 7.0


def mentions(text: str) -> tuple[Mention, ...]:
    """Every mention of a finding in `text`, in order of place.

    What stands under Indication, History, Comparison, Technique or Recommendation is left out.
    """
    found: list[Mention] = []
    for index, sentence in enumerate(sentences(text)):
        if sentence.section not in UNASSERTED_SECTIONS:
            found += (
                Mention(m.finding, m.polarity, m.side, m.start + sentence.start, m.end + sentence.start, index, m.implied)
                for m in _in_sentence(sentence.text)
            )
    return tuple(found)


def entailed(finding: str, polarity: Polarity) -> tuple[tuple[str, Polarity], ...]:
    """What a finding says of others: a tension pneumothorax is a pneumothorax; without a pneumothorax there is no tension."""
    if (finding, polarity) == ("tension_pneumothorax", "present"):
        return (("pneumothorax", "present"),)
    if (finding, polarity) == ("pneumothorax", "absent"):
        return (("tension_pneumothorax", "absent"),)
    return ()


@lru_cache(maxsize=4096)
def _in_sentence(sentence: str) -> tuple[Mention, ...]:
    spans = sorted(_spans(sentence))
    places = [(start, end) for start, end, _ in spans]
    named = [mention for start, end, key in spans if (mention := _named(sentence, start, end, key, places))]
    return tuple(sorted(_with_choices(sentence, named) + list(_measured(sentence)) + list(_ruled_out(sentence, named)), key=_place))


def _place(mention: Mention) -> tuple[int, int, str]:
    return mention.start, mention.end, mention.finding


def _spans(sentence: str) -> Iterator[tuple[int, int, str]]:
    """Spans of finding words; "tension pneumothorax" is no plain pneumothorax, and "thyroid nodule" is none of ours."""
    tension = [match.span() for match in _WORDS["tension_pneumothorax"].finditer(sentence)]
    for key, words in _WORDS.items():
        blocked = [match.span() for match in _OTHER[key].finditer(sentence)] if key in _OTHER else []
        if key == "pneumothorax":
            blocked += [span for span in tension if "thora" in sentence[span[0] : span[1]].lower()]
        for match in words.finditer(sentence):
            if not any(start < match.end() and match.start() < end for start, end in blocked) and not _is_another(sentence, match, key):
                yield match.start(), match.end(), key


def _is_another(sentence: str, match: re.Match[str], key: str) -> bool:
    """An opacity the sentence explains otherwise is no consolidation; a lung collapsed by a pneumothorax is no atelectasis."""
    if key == "consolidation" and _UNSPECIFIC.search(match[0]):
        return any(_EXPLAINED.search(sentence, match.end(), other.start()) for other in _explanations(sentence, match.end()))
    if key == "atelectasis" and "collaps" in match[0].lower() and not _LOBAR.search(match[0]):
        return _WORDS["pneumothorax"].search(sentence) is not None
    return False


def _explanations(sentence: str, after: int) -> Iterator[re.Match[str]]:
    if _WORDS["consolidation"].search(sentence, after):
        return
    for key in ("pleural_effusion", "pulmonary_edema", "atelectasis", "nodule"):
        yield from _WORDS[key].finditer(sentence, after)


def _named(sentence: str, start: int, end: int, key: str, places: list[tuple[int, int]]) -> Mention | None:
    polarity = polarity_at(sentence, start, end, device=FINDING[key].device)
    if polarity is None:
        return None
    side = side_at(sentence, start, end, places) if FINDING[key].lateral else None
    return Mention(key, polarity, side, start, end, 0)


def _with_choices(sentence: str, named: list[Mention]) -> list[Mention]:
    """Doubt both of "atelectasis or consolidation": the sentence asserts neither."""
    doubted = set()
    for first in named:
        if _OTHER_CHOICE.match(sentence, first.end):
            doubted.add(first)
        for second in named:
            if second.start > first.end and second.finding != first.finding and _CHOICE.fullmatch(sentence, first.end, second.start):
                doubted |= {first, second}
    return [_doubt(mention) if mention in doubted and mention.polarity == "present" else mention for mention in named]


def _doubt(mention: Mention) -> Mention:
    return Mention(mention.finding, "uncertain", mention.side, mention.start, mention.end, mention.sentence)


def _measured(sentence: str) -> Iterator[Mention]:
    """Findings a number decides: a cardiothoracic ratio, the height of a tube's tip above the carina."""
    for match in _RATIO.finditer(sentence):
        percent = match["value"].endswith("%")
        ratio = float(match["value"].rstrip("% ")) / (100 if percent else 1)
        yield Mention("cardiomegaly", "present" if ratio > _RATIO_LIMIT else "absent", None, match.start(), match.end(), 0)
    for match in _TIP_HEIGHT.finditer(sentence):
        height = float(match["value"]) / (10 if match["unit"].lower() == "mm" else 1)
        fits = match["where"].lower() != "below" and _TIP_LOWEST_CM <= height <= _TIP_HIGHEST_CM
        yield Mention("malpositioned_device", "absent" if fits else "present", None, match.start(), match.end(), 0)


def _ruled_out(sentence: str, named: list[Mention]) -> Iterator[Mention]:
    """Findings a statement of normality rules out; a reservation ("otherwise clear") takes it back, a named finding outranks it."""
    if _RESERVATION.search(sentence):
        return
    spoken = {mention.finding for mention in named}
    for statement, keys in _NORMAL:
        for match in statement.finditer(sentence):
            side = side_at(sentence, match.start(), match.end())
            for key in keys:
                # "The right lung is clear" rules out nothing that has no side.
                if key not in spoken and (side in (None, "bilateral") or FINDING[key].lateral):
                    yield Mention(key, "absent", side if FINDING[key].lateral else None, match.start(), match.end(), 0, implied=True)
