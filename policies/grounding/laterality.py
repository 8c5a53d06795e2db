"""The side a sentence gives to a mention: the patient's side, bound to the words it belongs to.

Side words that name anatomy ("right atrium", "left ventricle"), the way in of a device ("right internal jugular line") or a
direction ("shift to the left") give no side to a finding.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fhir.codes import Side

_NOT_A_SIDE: Final = (
    r"(?:right|left)[\s-]+(?:atri\w+|ventric\w+|heart|main\w*(?:\s+stem)?(?:\s+bronch\w+)?|anterior\s+(?:oblique|descending)|axis|bundle"
    r"|shift|paratracheal|hil[au]\w*|"
    r"cardiac|internal\s+jugular|ij|subclavian|jugular|picc|port\w*|arm|upper\s+extremity|shoulder|clavic\w+|humer\w+|rib\w*"
    r"|brachiocephalic|chest\s+tube|"
    r"(?:sided\s+)?(?:central|picc|port|pacemaker|pacer|pacing|icd|aicd|chest\s+tube|dual|chest\s+wall|pectoral|subclavian|internal|ij"
    r"|cardiac)|breast|mastectomy|thyroid|kidney|renal|knee|hip|leg|foot|hand|wrist)\b"
    r"|\b(?:shift\w*|deviat\w*|displac\w*|rotat\w*|directed|curv\w*|scoliosis"
    r"|convex\w*)(?:\s+\w+){0,3}?\s+to(?:wards?)?\s+the\s+(?:right|left)\b"
    r"|\bright\s+(?:clinical\s+)?(?:setting|context|patient|time)\b|\b(?:right|left)[\s-]*ward\b|\bright\s+away\b|\bleft\s+(?:behind"
    r"|untreated|in\s+place|the\s+\w+)\b|\bhas\s+left\b"
)
_BOTH: Final = (
    r"bilateral(?:ly)?|bibasilar|bibasal|biapical|biperihilar|bi-?(?:basilar|basal|apical)|both\s+(?:sides|lungs?|bases|lung\s+bases"
    r"|costophrenic\s+\w+|hemithora\w+|apices|"
    r"pleural\s+\w+|lower\s+lobes|upper\s+lobes|cp\s+angles|(?:\w+\s+)?(?:bases|apices|lungs|zones|lobes))|(?:right|left)\s+(?:and|greater\s+than|more\s+than|less\s+than|&|or"
    r"|larger\s+than)\s+(?:the\s+)?(?:right|left)|"
    r"(?:R|L)\s?(?:>|<|/|=)\s?(?:R|L)\b|each\s+(?:side|lung|base)"
)
_RIGHT: Final = r"right(?:[\s-]+sided)?|\((?:R|rt)\)|RUL|RML|RLL|rt\.?(?=\s)"
_LEFT: Final = r"left(?:[\s-]+sided)?|\((?:L|lt)\)|LUL|LLL|lingula\w*|lt\.?(?=\s)"
_SINGLE: Final = (
    r"(?<![\w/-])(?P<{name}>{letter})(?=[\s-]+(?:sided|lung|base|basal|basilar|upper|lower|mid|middle|apex|apical|pleural"
    r"|hemithorax|effusion|pneumothorax|ptx|costophrenic|cp|perihilar|lobe|side)\b)"
)

_SIDES: Final = re.compile(
    rf"(?P<none>\b(?:{_NOT_A_SIDE}))|(?P<bilateral>\b(?:{_BOTH}))(?!\w)|(?P<right>(?:\b|(?=\())(?:{_RIGHT}))(?!\w)|(?P<left>(?:\b"
    rf"|(?=\())(?:{_LEFT}))(?!\w)"
    rf"|{_SINGLE.format(name='r', letter='R')}|{_SINGLE.format(name='l', letter='L')}",
    re.IGNORECASE,
)
_BREAK: Final = re.compile(
    r"[;:]|\b(?:but|however|although|though|whereas|while|which|(?<!consistent\s)(?<!compatible\s)(?<!keeping\s)with|causing|from"
    r"|compared)\b|,\s*(?:no|without|there|the)\b|\bno\b",
    re.IGNORECASE,
)
_JOIN: Final = re.compile(r",|\band\b", re.IGNORECASE)
_TOKEN: Final = re.compile(r"\w+")
_LINK: Final = re.compile(
    r"\b(?:in|on|at|of|within|to|involving|overlying|over|along|near|affecting|throughout|projecting|is|are|was|were)\b|[(,:-]",
    re.IGNORECASE,
)
_LIST_BETWEEN: Final = re.compile(
    r"[\s,/]*(?:\band\b|\bor\b|\bwith\b|&|,)(?:\s+(?:associated|adjacent|accompanying|overlying|underlying|some|small|mild|moderate"
    r"|large))*\s*",
    re.IGNORECASE,
)
_REACH: Final = 14
_JOIN_COST: Final = 6


@dataclass(frozen=True, slots=True)
class SideWord:
    """A side word of a sentence and its place."""

    side: Side
    start: int
    end: int


@lru_cache(maxsize=4096)
def side_words(sentence: str) -> tuple[SideWord, ...]:
    """The side words of `sentence` that can give a side to a finding, in order."""
    found = []
    for match in _SIDES.finditer(sentence):
        name = {"r": "right", "l": "left"}.get(match.lastgroup or "", match.lastgroup)
        if name in ("left", "right", "bilateral"):
            found.append(SideWord(name, match.start(), match.end()))  # type: ignore[arg-type] # narrowed by the line above
    return tuple(found)


def side_at(sentence: str, start: int, end: int, others: Iterable[tuple[int, int]] = ()) -> Side | None:
    """The side of the words at [start, end); `others` are the spans of the other findings, which claim the sides nearer to them."""
    inside = {word.side for word in side_words(sentence) if start <= word.start and word.end <= end}
    if inside:
        return inside.pop() if len(inside) == 1 else "bilateral"
    spans = tuple(span for span in others if span[1] <= start or span[0] >= end)
    costs = [(cost, word) for word in side_words(sentence) if (cost := _cost(sentence, start, end, word, spans)) is not None]
    if not costs:
        return None
    best = min(costs, key=lambda pair: pair[0])
    return "bilateral" if _is_pair(sentence, best[1], [word for _, word in costs]) else best[1].side


def _is_pair(sentence: str, word: SideWord, reachable: list[SideWord]) -> bool:
    """Whether another side joined to `word` by "and" alone makes it both sides ("in the right upper and left lower lobes")."""
    for other in reachable:
        first, second = sorted((word, other), key=lambda item: item.start)
        between = sentence[first.end : second.start]
        if other.side != word.side and re.fullmatch(r"[\s-]+(?:\w+\s+){0,2}and\s+(?:the\s+|in\s+the\s+)?", between, re.IGNORECASE):
            return True
    return False


def _cost(sentence: str, start: int, end: int, word: SideWord, spans: tuple[tuple[int, int], ...]) -> int | None:
    before = word.end <= start
    low, high = (word.end, start) if before else (end, word.start)
    between = sentence[low:high]
    if _BREAK.search(between) and not _only_lists(between, low, spans):
        return None
    crossed = [span for span in spans if span[0] >= low and span[1] <= high]
    if crossed and not _is_shared(sentence, start, end, crossed):
        return None
    if not before and _LINK.search(between) is None:
        return None
    if before and any(
        span[1] <= word.start and _LINK.search(sentence, span[1], word.start) and not _JOIN.search(sentence, span[1], word.start)
        for span in spans
    ):
        return None
    if not before and any(word.end <= span[0] and _owns(sentence, word, span) for span in spans) and _JOIN.search(between):
        return None
    cost = len(_TOKEN.findall(between)) + _JOIN_COST * len(_JOIN.findall(between)) + (0 if before else 1)
    return cost if cost <= _REACH + _JOIN_COST else None


def _only_lists(between: str, low: int, spans: tuple[tuple[int, int], ...]) -> bool:
    """Whether what breaks is only the "with" of "effusion with adjacent atelectasis"."""
    inner = [span for span in spans if low <= span[0] < low + len(between)]
    return (
        bool(inner)
        and re.search(r"[;:]|\b(?:but|however|although|though|whereas|while|which|no|without)\b", between, re.IGNORECASE) is None
    )


def _is_shared(sentence: str, start: int, end: int, crossed: list[tuple[int, int]]) -> bool:
    """Whether only list words stand between the mention and those it shares a side with ("left effusion and atelectasis")."""
    edges = sorted([*crossed, (start, end)])
    pairs = list(itertools.pairwise(edges))
    if not any(re.search(r"\w|[&/]", sentence[first[1] : second[0]]) for first, second in pairs):
        return False  # commas alone join statements as often as they join a list
    return all(_LIST_BETWEEN.fullmatch(sentence, first[1], second[0]) for first, second in pairs)


def _owns(sentence: str, word: SideWord, span: tuple[int, int]) -> bool:
    """Whether the side word directly modifies the finding at `span`: "... and left effusion"."""
    between = sentence[word.end : span[0]]
    return _JOIN.search(between) is None and len(_TOKEN.findall(between)) <= 3
