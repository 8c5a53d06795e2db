"""Whether a sentence asserts, denies, doubts or merely names what stands at a place in it.

The scheme is that of NegEx (Chapman et al., J Biomed Inform 2001) and ConText: cue words with a direction, a scope that ends at
termination words, and pseudo-cues that look like a negation and are none. The cue lists are our own, for radiology prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from policies.evidence import Polarity

CueKind = Literal["pseudo", "deny_before", "deny_after", "doubt_before", "doubt_after", "name_before", "removed_before", "removed_after"]

_VERB: Final = r"(?:(?:is|are|was|were|has|have|had|been|be|being|now|since|again|also|currently|definitely|clearly)\s+)"
_SEEN: Final = (
    r"(?:seen|identified|present|visible|visuali[sz]ed|demonstrated|detected|noted|evident|appreciated|found|apparent|shown|observed|"
    r"discernible|recogni[sz]ed|suggested|suspected|confirmed)"
)
_CHANGE: Final = (
    r"(?:chang\w*|increas\w*|decreas\w*|improve\w*|worsen\w*|progress\w*|resol\w*|larger|smaller|differen\w*|growth|grown|clear(?:ed|ing))"
)

_CUES: Final = re.compile(
    "|".join(
        (
            # Look like a negation, and are none.
            rf"(?P<pseudo>\b(?:no|not|without|never)\s+(?:[\w/]+\s+){{0,2}}?{_CHANGE}\b|\b{_VERB}+not\s+(?:\w+\s+)?{_CHANGE}\b"
            r"|\bnot\s+(?:only|just|merely|unexpected\w*)\b|\bno\s+(?:doubt|further\s+\w+|longer\s+(?:tense|loculated|enlarging))\b"
            r"|\b(?:near(?:ly)?|almost|partial(?:ly)?|incomplete(?:ly)?|subtotal|mostly)[\s-]+(?:complete(?:ly)?\s+)?(?:resol\w+|cleared|clearing)\b)",
            # Doubt that contains a negation word: before the plain negations.
            r"(?P<doubt_after>\b(?:can\s?not|could\s+not|can't)\s+(?:(?:\w+\s+)?be\s+(?:\w+\s+)?(?:excluded|ruled\s+out|dismissed)\b"
            # Said actively it speaks of what follows, unless nothing does ("an effusion we cannot exclude.").
            r"|(?:\w+\s+)?(?:exclude|rule\s+out|dismiss)(?=\s*(?:[.,;)]|$)))"
            rf"|\b{_VERB}*not\s+(?:\w+\s+)?(?:excluded|ruled\s+out)\b|\b{_VERB}*(?:difficult|hard|impossible)\s+to\s+(?:exclude|rule\s+out)\b"
            rf"|\b{_VERB}*not\s+(?:well|fully|optimally|adequately|completely)\s+(?:evaluated|assessed|seen|visuali[sz]ed)\b"
            rf"|\b{_VERB}+(?:possible|probable|likely|suspected|questioned|questionable|unlikely|doubtful|thought\s+(?:un)?likely|a\s+consideration|of\s+concern|considered|equivocal)\b"
            r"|\bless\s+likely\b|\b(?:vs\.?|versus)(?=\s)|\(\?\)|\?(?=\s*$)"
            r"|\bin\s+the\s+differential\b|\bshould\s+be\s+considered\b)",
            r"(?P<deny_after>\b(?:is|are|was|were|has|have)\s+(?:been\s+|now\s+|since\s+)?(?:completely\s+|fully\s+|entirely\s+|largely\s+)?(?:absent|resolved|cleared|excluded|ruled\s+out|negative(?!\s+for)|gone|disappeared)\b"
            rf"|\b{_VERB}*not\s+(?:\w+\s+)?{_SEEN}\b|\b(?:is|are)\s+no\s+longer\s+(?:\w+\s+)?{_SEEN}\b|\bno\s+longer\s+{_SEEN}\b"
            r"|(?:(?<=,\s)|(?<=:\s)|(?<=-\s))(?:none|absent|no|negative|resolved)(?=\s*[.,;)]|\s*$)|(?<=\()resolved(?=\))|\b(?:now|since|completely)\s+(?:resolved|cleared)\b"
            r"|(?<=\w\s)resolved(?=\s*(?:[.,;)]|$)))",
            r"(?P<doubt_before>\b(?:cannot|can\s+not|can't|could\s+not|unable\s+to|difficult\s+to|not\s+possible\s+to)\s+(?:\w+\s+)?(?:exclude|rule\s+out)\b|\bnot\s+(?:exclude|rule\s+out)\b"
            r"|\b(?:possibl[ey]|probabl[ey]|likely|unlikely|suspected|suspicio(?:n|us)|questionable|equivocal|presumed|presumably|potential(?:ly)?|borderline|perhaps|consider)\b"
            r"|\b(?:may|might|could|can|would)\s+(?:also\s+)?(?:represent|reflect|be|indicate|relate|suggest|correspond|have|include|account)\b|\b(?:may|might|could)\b"
            r"|\bconcern(?:ing|ed)?\s+(?:for|about|of)\b|\bworrisome\s+for\b|\b(?:questions?|raises?\s+the\s+\w+|possibility)\s+(?:of|for)\b|\bsuggest(?:s|ed|ive|ing)?\b|\bdifferential\b"
            r"|\bversus\b|\bvs\.?(?=\s)|(?<!\w)\?\s*(?=[a-z]))",
            # Named, asked for or told of the past: nothing is asserted.
            r"(?P<name_before>\b(?:history\s+of|hx\s+of|h/o|status\s+post|s/p|prior\s+history|past)\b|\b(?:rule|ruled|ruling)\s+out(?!\s+by)\b|\br/o\b"
            r"|\b(?:evaluat\w+|assess\w*|check|look|looking|monitor\w*|watch|screen\w*|search|follow[\s-]?up)\s+(?:for|of)\b|\b(?:evaluate|assess)\b"
            r"|\bto\s+(?:exclude|rule\s+out|assess|evaluate|look\s+for|check\s+for)\b|\bif\b|\b(?:at\s+)?risk\s+(?:of|for)\b|\bin\s+case\s+of\b|\bshould\s+(?:a|an|any)\b|\bprecautions?\b)",
            r"(?P<removed_after>\b(?:has|have|was|were|is|are)\s+(?:been\s+|now\s+|since\s+)?(?:removed|explanted|extracted)\b)",
            r"(?P<removed_before>\b(?:removal|explantation|extraction)\s+of\b)",
            r"(?P<deny_before>\b(?:no|not|without|never|neither|nor|none|denies|denied|zero|nothing)\b|\babsence\s+of\b|\bnegative\s+for\b|\bfree\s+(?:of|from)\b|\bclear\s+of\b|\bdevoid\s+of\b"
            r"|\black(?:s|ing)?\s+of\b|\b(?:interval\s+|complete\s+)*resolution\s+of\b|\b(?:resolved|cleared|absent)\s+(?=\w)|\bclearing\s+of\b|\brather\s+than\b|\bfails?\s+to\s+\w+|\bexcludes?\b|\brules\s+out\b)",
        )
    ),
    re.IGNORECASE,
)

_ASSERTIVE: Final = (
    r"(?:there|the|a|an|small|tiny|trace|moderate|large|mild|minimal|severe|stable|unchanged|persistent|persisting|new|increas\w+|worsening|"
    r"decreas\w+|improv\w+|again|still|residual|heart|cardiac|lungs?|possible|probable|likely|right|left|bilateral|subtle|slight|redemonstrat\w+|associated)\b"
)
_END: Final = re.compile(
    r"[;:]|\b(?:but|however|although|though|except|excepting|apart\s+from|aside\s+from|other\s+than|besides|yet|whereas|while|nevertheless|which|because|despite|"
    r"beyond|secondary\s+to|due\s+to|in\s+(?:the\s+)?(?:setting|context|presence)\s+of|there\s+(?:is|are|was|were|remains)|as\s+well\s+as\s+a)\b"
    r"|\b(?:is|are|was|were|seen|identified|noted|present|evident|demonstrated|visuali[sz]ed|appreciated|detected)\b[^,]{0,25}?(?:,(?!\s*(?:n?or)\b)|\band\b|\bwith\b)"
    rf"|\b(?:and|with)\s+{_ASSERTIVE}",
    re.IGNORECASE,
)
_COMMA_END: Final = re.compile(rf",\s*(?:and\s+|with\s+)?(?:{_ASSERTIVE}|with\b|no\b)", re.IGNORECASE)
_COMMA: Final = re.compile(r",|\band\b", re.IGNORECASE)
_CHOICE: Final = re.compile(r"\b(?:n?or)\b", re.IGNORECASE)
_BACK_END: Final = re.compile(
    r"[;:]|\b(?:but|however|although|though|except|which|because|is|are|was|were|has|have|there|remains?|persists?|shows?|appears?)\b",
    re.IGNORECASE,
)
_INNER_DENIAL: Final = re.compile(r"\b(?:not|no\s+longer|without|never|non)\b", re.IGNORECASE)
_INNER_DOUBT: Final = re.compile(
    r"\b(?:may|might|could|possibl[ey]|probabl[ey]|likely|borderline|top\s+normal|prominent|prominence|consider)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Cue:
    """One cue word of a sentence: what it does, and where it stands."""

    kind: CueKind
    start: int
    end: int


@lru_cache(maxsize=4096)
def cues(sentence: str) -> tuple[Cue, ...]:
    """The cues of `sentence` in order; where two could start at one place, the pseudo-cue wins."""
    return tuple(Cue(match.lastgroup, match.start(), match.end()) for match in _CUES.finditer(sentence))  # type: ignore[arg-type] # lastgroup is one of the names above


def polarity_at(sentence: str, start: int, end: int, *, device: bool = False) -> Polarity | None:
    """What `sentence` says of the words at [start, end): present, absent, uncertain; None when it only names them."""
    reaching = {cue.kind for cue in cues(sentence) if _reaches(sentence, cue, start, end)}
    inner = sentence[start:end]
    if "name_before" in reaching:
        return None
    if reaching & {"doubt_after"} and not reaching & {"deny_after"}:
        return "uncertain"
    removed = device and bool(reaching & {"removed_before", "removed_after"})
    if reaching & {"deny_before", "deny_after"} or removed or _INNER_DENIAL.search(inner):
        return "absent"
    if "doubt_before" in reaching or _INNER_DOUBT.search(inner):
        return "uncertain"
    return "present"


def _reaches(sentence: str, cue: Cue, start: int, end: int) -> bool:
    if cue.kind.endswith("_before"):
        return cue.end <= start and _runs_forward(sentence, cue, start)
    if cue.kind.endswith("_after"):
        return cue.start >= end and _runs_back(sentence, cue, end)
    return False


def _runs_back(sentence: str, cue: Cue, end: int) -> bool:
    """Whether a cue that follows still speaks of what ends at `end`: over a comma only when the list closes with "or" or "and".

    A colon right before the cue ("Effusion, pneumothorax: none.") hands it all that the line names.
    """
    between = sentence[end : cue.start].rstrip()
    answered = between.endswith(":")
    if _BACK_END.search(between.removesuffix(":")):
        return False
    return answered or "," not in between.rstrip(", ") or re.search(r"\b(?:n?or|and)\b", between) is not None


def _runs_forward(sentence: str, cue: Cue, start: int) -> bool:
    """Whether the scope of a cue still stands at `start`. A list that closes with "or" is denied to its end."""
    peek = min(len(sentence), start + 12)
    if any(stop.start() < start for stop in _END.finditer(sentence, cue.end, peek)):
        return False
    in_list = _CHOICE.search(sentence, cue.end, _clause_end(sentence, start)) is not None
    if cue.kind == "doubt_before":
        return in_list or _COMMA.search(sentence, cue.end, start) is None
    return in_list or not any(stop.start() < start for stop in _COMMA_END.finditer(sentence, cue.end, peek))


@lru_cache(maxsize=4096)
def _clause_end(sentence: str, start: int) -> int:
    stop = _END.search(sentence, start)
    return stop.start() if stop else len(sentence)
