"""Which sentences of a model's report are shown: those that nothing speaks against. What is left out is noted with its reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

from fhir.codes import FINDING
from retrieval.deidentify.report import deidentify
from tools.injection import markers
from tools.med_vlm.asking.answers import Answers
from tools.med_vlm.formats.document import Report, Told
from tools.med_vlm.report.consistency import SUPPORT, support
from tools.med_vlm.report.stated import Stated, overlap, stated

Objection = Callable[[str], str]
"""What speaks against a sentence, or an empty string."""

_COMPARES: Final = re.compile(
    r"\b(?:unchanged|interval|stabl[ey]|again|persist\w*|worsen\w*|improv(?:ed|ing|ement)|new(?:ly)?|no longer|compared (?:with|to)"
    r"|in comparison|(?:no|little|any|without) (?:\w+ ){0,2}change|remains?|since the"
    r"|(?:larger|smaller|bigger|greater|better|worse|more|less) (?:\w+ )?than (?:before|previously|earlier|it was|on|in|at)|previously"
    r"|(?:prior|previous|earlier|last|old) (?:\w+ )?(?:study|exam\w*|film|radiographs?|images?|ct|x-?rays?)"
    r"|ha(?:s|ve) (?:\w+ )?(?:increased|decreased|resolved|progressed|cleared|enlarged))\b",
    re.IGNORECASE,
)
_ROLE: Final = re.compile(r"\W*(?:system|assistant|user|human|developer)\s*:", re.IGNORECASE)
"""Who speaks, as transcripts of machines have it."""
_LONGEST_QUOTE: Final = 120
_READ_BESIDES: Final = "μ"


def vetted(sentences: Sequence[Told], objections: Sequence[Objection]) -> tuple[tuple[Told, ...], tuple[str, ...]]:
    """The sentences without any objection, and a note for each of the others."""
    kept: list[Told] = []
    notes: list[str] = []
    for sentence in sentences:
        reason = next(filter(None, (objection(sentence.text) for objection in objections)), "")
        if reason:
            notes.append(f"left out: {reason}")
        else:
            kept.append(sentence)
    return tuple(kept), tuple(notes)


def addresses_a_machine(text: str) -> str:
    """Objects to words addressed to a machine, links and markup, which may have been read off the image; never quotes them."""
    found = markers(text) or _ROLE.match(text)
    return "a sentence that is no finding but words for a machine, a link or markup" if found else ""


def names_somebody(text: str) -> str:
    """Objects to a name, date or number of a person; never quotes it. The model was told none: it is invented, or burnt into the image."""
    return "a sentence with a name, date or number of a person, which the model was not told" if deidentify(text).counts else ""


def in_other_letters(text: str) -> str:
    """Objects to letters that look like others, or of another script: no rule reads what such a sentence states, so none checks it."""
    folded = "".join(one for one in unicodedata.normalize("NFKD", text) if not unicodedata.combining(one))
    foreign = any(one.isalpha() and not one.isascii() and one not in _READ_BESIDES for one in folded)
    return "a sentence in letters that no rule reads" if foreign or stated(folded) != stated(text) else ""


def states_a_finding(text: str) -> str:
    """Objects to a statement of a finding where none belongs: there nothing holds it to the model's answers."""
    return "a remark on the image's quality that states a finding" if any(one.finding in FINDING for one in stated(text)) else ""


def compares(text: str) -> bool:
    """Whether a text sets something beside an earlier image."""
    return bool(_COMPARES.search(text))


def compares_with_nothing(text: str) -> str:
    """Objects to a comparison by a model that was shown no prior image: it cannot know."""
    return f"{_quoted(text)}, which compares with an image that the model was not shown" if compares(text) else ""


def against_answers(answers: Answers) -> Objection:
    """Objects to what the model denied, or affirmed, or put on the other side, when it was asked for that finding."""

    def object_to(text: str) -> str:
        wrong = next((one for one in stated(text) if _against(one, answers)), None)
        if wrong is None:
            return ""
        answered = "yes" if answers.says(wrong.finding) else "no"
        side = answers.sides.get(wrong.finding)
        return f"{_quoted(text)}, since asked for {FINDING[wrong.finding].display} the model says {answered}{f', {side}' if side else ''}"

    return object_to


def borne_out_by(drawn: Sequence[Report]) -> Objection:
    """Objects to what fewer than `SUPPORT` of the drawn reports bear out."""

    def object_to(text: str) -> str:
        share = support(text, drawn)
        if share is None or share >= SUPPORT:
            return ""
        return f"{_quoted(text)}, borne out by {round(share * len(drawn))} of {len(drawn)} drawn reports"

    return object_to


def _against(one: Stated, answers: Answers) -> bool:
    if one.finding not in answers.probabilities or one.polarity == "uncertain":
        return False
    here, side = answers.says(one.finding), answers.sides.get(one.finding)
    if one.polarity == "present":
        return not here or not overlap(one.side, side)
    # "No effusion on the left" is not against an effusion elsewhere.
    return here and (one.side is None or (side is not None and overlap(one.side, side)))


def _quoted(text: str) -> str:
    return f"“{text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + '…'}”"
