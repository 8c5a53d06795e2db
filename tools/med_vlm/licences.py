"""What a licence lets one do, by its name as publishers write it: one rule for models that run and for images that train.

Names are compared as words, so that no spelling passes another rule than its neighbour: `CC BY-NC 4.0` and `cc_by_nc` are one. What forbids
commercial use does so wherever it stands in the text. Of several licences the strictest counts, whether joined by AND or by OR.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Terms = Literal["permissive", "terms of use", "non-commercial", "unstated", "unknown"]

_NOISE = frozenset({"the", "license", "licence", "licensed", "version", "v", "international", "generic", "unported"})
"""Words that make no other licence of a name."""
_PERMISSIVE = re.compile(
    r"mit(?: 0)?|apache ?2(?: 0)?|bsd [23] clause|isc|unlicense|0bsd|zlib"
    r"|cc ?0(?: 1 0)?|cc by(?: sa)?(?: [1234] [05])?|creative commons attribution(?: sharealike)?(?: [1234] [05])?"
)
_NON_COMMERCIAL = re.compile(
    r"\b(?:nc|n c|cc ?by ?nc\w*|non ?commercial\w*|(?:not?|without|forbids|prohibits)(?: \w+)? commercial|research|academic|educational?"
    r"|evaluation|personal use|credentialed|msrla|physionet)\b"
)
_LLAMA_1 = re.compile(r"llama(?: ?1)?")
_TERMS = re.compile(
    r"(?:meta )?llama ?[2-9]|gemma|health ai developer foundations|hai def|(?:\w+ )?(?:open)?rail|bigscience|creativeml|cogvlm|qwen"
)
"""Terms that name uses or ask for an act of acceptance; those of MedGemma (HAI-DEF) forbid clinical use without an authorisation."""
_UNSTATED = re.compile(r"|none|no|not stated|unstated|unknown|other|n a|na|nil|null|todo|tbd|unlicensed|all rights reserved|see .*")
_JOINED = re.compile(r"\band\b|\bor\b|[&/+;]", re.IGNORECASE)


def licence_terms(licence: str) -> Terms:
    """What kind of licence a name stands for: `unstated` where it says nothing, `unknown` where it is in no table."""
    whole = _words(licence)
    if _NON_COMMERCIAL.search(whole):
        return "non-commercial"
    if _UNSTATED.fullmatch(whole):
        return "unstated"
    parts = [_one_licence(_words(part)) for part in _JOINED.split(_plain(licence)) if _words(part)]
    order: tuple[Terms, ...] = ("non-commercial", "unknown", "terms of use")
    return next((kind for kind in order if kind in parts), "permissive" if parts else "unknown")


def licence_allowed(licence: str, *, accept_noncommercial: bool) -> bool:
    """Whether a model of this licence may be run: permissive ones always, all others only with the site's explicit yes."""
    return accept_noncommercial or licence_terms(licence) == "permissive"


def training_refused(licence: str, *, accept_noncommercial: bool = False) -> str:
    """Why an image or report of this licence may not train, or an empty string.

    Words of a site's own, in no table, are the site's own leave; no words are nobody's.
    """
    terms = licence_terms(licence)
    if terms == "unstated":
        return "licence is not stated"
    return "licence forbids commercial use" if terms == "non-commercial" and not accept_noncommercial else ""


def _one_licence(words: str) -> Terms:
    if _PERMISSIVE.fullmatch(words):
        return "permissive"
    if _LLAMA_1.fullmatch(words):
        return "non-commercial"
    return "terms of use" if _TERMS.match(words) else "unknown"


def _plain(text: str) -> str:
    """Compatibility forms made plain, and what is not seen left out: no letter of a licence is written so by chance."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in folded if unicodedata.category(letter) != "Cf")


def _words(text: str) -> str:
    """Letters and digits alone, apart by single spaces, without words that mean nothing."""
    return " ".join(word for word in re.findall(r"[^\W_]+", _plain(text)) if word not in _NOISE)
