"""Names of people in a report's prose, by what stands around them: titles, labels, signatures, credentials, kin, given names.

Rules find a name where a report announces one, and two capitalised words anywhere that are no words of reports. A single name that
nothing announces ("Okonkwo was told") is found only when the same text announces it elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.deidentify.name_words import AMBIGUOUS, CREDENTIALS, GIVEN_NAMES, KIN, LABELS, NOT_NAMES, PARTICLES, ROLES, SECTIONS

Span = tuple[int, int]
"""Start and end of a name in its text."""

MOST_WORDS = 4
_UPPER, _LETTER = "A-ZÀ-ÖØ-ÞŁŚŞŠŽĐ", "A-Za-zÀ-ÖØ-öø-ÿĀ-ž"
_WORD = rf"[{_UPPER}][{_LETTER}]{{0,30}}(?:['’][{_LETTER}]{{1,30}})?(?:-[{_LETTER}]['’{_LETTER}]{{1,30}}){{0,3}}"
_STEP = re.compile(
    rf"(?P<gap>[ \t\u00a0]*,?[ \t\u00a0]*)(?P<word>(?:{_WORD})|(?:{'|'.join(PARTICLES)})(?![{_LETTER}]))(?P<dot>\.(?=[ ,\t]|$))?"
)
_TAIL = re.compile(rf"[ \t,]+(?:{'|'.join(PARTICLES)})\Z")
_LOWER_STEP = re.compile(r"[ \t]*(?P<word>[a-z]{2,}(?:-[a-z]+)?)")
_MORE_TITLES = r"(?:[ \t]*(?:Dr|DR|Prof|PROF|PD|Priv|med|rer|nat|habil)\b\.?-?)*"
_TITLE = re.compile(
    rf"\b(?:Drs?|Mr|Mrs|Ms|Mx|Miss|Prof|(?:DRS?|MR|MRS|MS|PROF)(?=\.)|Professor|Doctor|Nurse|Herrn?|Frau|Mme|Señora?"
    rf"|Sra?)\b\.?{_MORE_TITLES}"
)
_TITLES = frozenset({"Dr", "Drs", "Mr", "Mrs", "Ms", "Prof", "Miss"})
_LOWER_TITLE = re.compile(r"(?<![\w.])(?:drs?|mrs?|ms|prof)\.")
_LOWER_NAMES = "|".join(name.lower() for name in GIVEN_NAMES)
_ROLE, _ANY_LABEL = ("|".join(sorted(map(re.escape, words), key=len, reverse=True)) for words in (ROLES, (*ROLES, *LABELS)))
_LABEL = re.compile(
    rf"\b(?i:(?:{_ANY_LABEL})(?:'s)?(?:[ \t]+(?:full[ \t]+)?name)?|(?:patient[ \t]+|sur|last[ \t]+|first[ \t]+"
    rf"|full[ \t]+)?name)[ \t]*[:=#][ \t]*{_MORE_TITLES}"
)
_PLAIN_LABEL = re.compile(rf"\b(?i:patient[ \t]+name|name[ \t]+of[ \t]+patient|{_ROLE}),?[ \t]+(?i:is[ \t]+|named[ \t]+)?{_MORE_TITLES}")
_BY = re.compile(
    r"\b(?i:signed|reported|read|dictated|interpreted|verified|reviewed|approved|transcribed|authored|finali[sz]ed|performed|requested"
    r"|referred"
    r"|ordered|authenticated|co-?signed|validated|written|typed|seen|examined|supervised|attested|electronically|released|drafted|edited)"
    rf"(?i:[ \t]+and[ \t]+\w+)?[ \t]*(?i:by)\b[ \t]*[:\-]?[ \t]*\n?[ \t]*{_MORE_TITLES}"
)
_TOLD = re.compile(
    r"\b(?i:(?:discussed|conversation|spoke|spoken|conferred|reviewed|shared|correlated)[ \t]+(?:\w{1,30}[ \t]{1,3}){0,4}?with"
    r"|(?:communicated|relayed|conveyed|reported|called|telephoned|phoned|given|handed|faxed|sent|addressed|reached|told|spoke|spoken"
    r"|speaking)[ \t]+(?:\w{1,30}[ \t]{1,3}){0,4}?to"
    r"|notified|informed|paged|contacted|telephoned|phoned|acknowledged[ \t]+by|read[ \t]+back[ \t]+by|under[ \t]+the[ \t]+care[ \t]+of"
    r"|attention(?:[ \t]+of)?"
    rf"|attn\.?|care[ \t]+of|c/o|dear|sincerely,?\s|regards,?\s|cc)\b[ \t]*:?\s*{_MORE_TITLES}"
)
_KIN = re.compile(rf"\b(?i:{'|'.join(KIN)})(?:[ \t]*[,:(][ \t]*|[ \t]+)(?i:named[ \t]+|called[ \t]+)?(?:Mrs?\.?[ \t]+|Ms\.?[ \t]+)?")
_CREDENTIAL = re.compile(
    rf"(?<![{_LETTER}'’-])(?P<name>{_WORD}(?:\.?,?[ \t]{{1,3}}(?:{_WORD})\.?){{0,3}})[ \t]*,?[ \t]+"
    rf"(?:{'|'.join(map(re.escape, CREDENTIALS))})(?![{_LETTER}\d])"
)
_LOWER_CREDENTIAL = re.compile(
    r"(?P<name>\b[A-Za-z][a-z]+(?:-[a-z]+)?(?:,?[ \t]+[A-Za-z][a-z]*\.?){0,2}),[ \t]*(?:md|m\.d\.|do|rn|np|phd|pa-c|MD|RN|NP)\b"
)
_LOWER_GIVEN = re.compile(
    rf"(?P<name>\b(?:{_LOWER_NAMES})[ \t]+[a-z]\.?[ \t]+[a-z]{{2,}}\b|(?<=by )(?:{_LOWER_NAMES})[ \t]+[a-z]{{2,}}\b"
    rf"|(?<=: )(?:{_LOWER_NAMES})[ \t]+[a-z]{{2,}}\b)"
)
_SELF = re.compile(
    r"\b(?:I|me|undersigned|(?i:by|the[ \t]+patient|this[ \t]+patient|thank[ \t]+you[ \t]+for[ \t]+(?:referring|sending)|referral[ \t]+of"
    rf"|on[ \t]+behalf[ \t]+of)),?[ \t]+{_MORE_TITLES}"
)
_SUBJECT = re.compile(
    rf"(?<![\w.])(?P<name>(?:(?:[A-Z]\.|{_WORD}),?[ \t]+){{1,3}}(?:[A-Z]\.|{_WORD})),?[ \t]+(?=(?i:is|was|has|had|came|presents?|presented"
    r"|returns?|returned|notified|called|requested|translated|noted|reports?|reported|denies|complains?|acknowledged|confirmed|agrees"
    r"|concurs)\b)"
)
_FIELD = re.compile(rf"(?m)(?<![\w/])(?P<label>[A-Z][\w '’/()-]{{2,40}}):[ \t]*{_MORE_TITLES}(?=[{_UPPER}])")
_CAPITAL = re.compile(rf"(?<![\w'’-])(?={_WORD})")
_CLAUSE = re.compile(r"(?:[^.;:\n]|\.(?!\s))+")
_SMALL = "a-zß-öø-ÿĀ-ž"
_TITLED = re.compile(rf"(?:[{_UPPER}]['’])?[{_UPPER}][{_SMALL}]+(?:[{_UPPER}][{_SMALL}]+)?(?:-[{_LETTER}]['’]?[{_LETTER}]*)*")
_MASK = re.compile(r"([A-Z])\1{2,}")
"""XXXX: what another hand put in a name's place."""
_DOTTED = re.compile(rf"(?P<name>\b[{_UPPER}][a-z]+(?:[ \t]+[A-Za-z]\.?)?[ \t]+[A-Za-z][a-z]+)[ \t]*\.{{4,}}")
_LAST_FIRST = re.compile(
    rf"\b(?P<last>{_WORD}),[ \t]*(?P<given>{'|'.join(GIVEN_NAMES)}|{'|'.join(name.upper() for name in GIVEN_NAMES)})\b(?:[ \t]+[A-Z]\b\.?)?"
)


def names(text: str) -> Iterator[Span]:
    """Where names stand in `text`, in no order; spans may overlap."""
    found = list(_announced(text))
    yield from found
    yield from _again(text, found)


def _announced(text: str) -> Iterator[Span]:
    yield from _after(_TITLE, text)
    yield from _after(_LABEL, text)
    yield from _after(_BY, text)
    yield from _after(_TOLD, text)
    yield from _after(_PLAIN_LABEL, text, fewest=2)
    yield from _after(_KIN, text)
    yield from _after(_SELF, text, fewest=2)
    yield from _fields(text)
    yield from _lower_titles(text)
    yield from _before_credentials(text)
    yield from (match.span("name") for match in _DOTTED.finditer(text))
    for pattern in (_LOWER_CREDENTIAL, _LOWER_GIVEN):
        for match in pattern.finditer(text):
            words = re.findall(r"[a-z]{2,}", match["name"].lower())
            if not NOT_NAMES.intersection(words):
                yield match.span("name")
    yield from _by_given_name(text)
    yield from _subjects(text)
    yield from _capitalised(text)


def _after(pattern: re.Pattern[str], text: str, fewest: int = 1) -> Iterator[Span]:
    """The name that begins where `pattern` ends."""
    for match in pattern.finditer(text):
        span = _name_at(text, match.end(), fewest)
        if span is not None:
            yield span


def _name_at(text: str, start: int, fewest: int = 1) -> Span | None:
    """The words from `start` that can be one name: capitalised, initials, particles between them, one comma (last, first)."""
    begin, end, words, commas = None, start, 0, 0
    while words < MOST_WORDS and (step := _STEP.match(text, end)):
        word, comma = step["word"], "," in step["gap"]
        if not _fits(word, comma, words, commas):
            break
        if word.lower() not in PARTICLES or word.istitle():
            words += 1
        begin = step.start("word") if begin is None else begin
        commas += comma
        end = step.end() if step["dot"] and len(word) == 1 else step.end("word")
    while begin is not None and (tail := _TAIL.search(text, begin, end)):
        end = tail.start()
    return (begin, end) if begin is not None and words >= fewest and _says_a_name(text[begin:end]) else None


def _fits(word: str, comma: bool = False, words: int = 0, commas: int = 0) -> bool:
    """Whether a word can go on with a name of `words` words and `commas` commas."""
    if (word.lower() in NOT_NAMES and len(word) > 1) or word in CREDENTIALS or _MASK.fullmatch(word):
        return False
    return not comma or (words == 1 and not commas)


def _says_a_name(text: str) -> bool:
    """Whether it holds a word of more than one letter that is no particle."""
    return any(len(word) > 1 and word not in PARTICLES for word in re.findall(rf"[{_LETTER}'’-]+", text))


def _fields(text: str) -> Iterator[Span]:
    """What stands after a label and a colon, where the label is no section of a report and the words look like a name."""
    for match in _FIELD.finditer(text):
        if not SECTIONS.intersection(re.findall(r"[a-z]+", match["label"].lower())):
            span = _name_at(text, match.end(), fewest=2)
            if span is not None and _is_cased(text[slice(*span)]):
                yield span


def _is_cased(name: str) -> bool:
    """Whether a name is written in small letters with capitals, or in capitals with a comma after the family name."""
    return "," in name or not any(len(word) > 1 and word.isupper() for word in re.findall(_WORD, name))


def _lower_titles(text: str) -> Iterator[Span]:
    """Titles in a text written without capitals: one word after them, two when the next is no common word either."""
    for match in _LOWER_TITLE.finditer(text):
        span = _name_at(text, match.end())
        if span is not None:
            yield span
            continue
        step = _LOWER_STEP.match(text, match.end())
        if step and step["word"] not in NOT_NAMES:
            yield step.span("word")


def _before_credentials(text: str) -> Iterator[Span]:
    """The last words before a degree or a certificate, as many as can be a name."""
    for match in _CREDENTIAL.finditer(text):
        words = list(re.finditer(rf"{_WORD}", match["name"]))
        kept = len(words)
        while kept and _fits(words[kept - 1][0]):
            kept -= 1
        if kept < len(words) and _says_a_name(match["name"][words[kept].start() :]):
            yield match.start("name") + words[kept].start(), match.end("name")


def _subjects(text: str) -> Iterator[Span]:
    """Two words and more of which a sentence says what only a person does."""
    for match in _SUBJECT.finditer(text):
        words = [word for word in re.finditer(_WORD, match["name"]) if word[0] not in _TITLES]
        if sum(len(word[0]) > 1 for word in words) > 1 and all(_fits(word[0]) for word in words) and _is_cased(match["name"]):
            yield match.start("name") + words[0].start(), match.end("name")


def _capitalised(text: str) -> Iterator[Span]:
    """Two capitalised words and more that are no words of reports: what else would they be, in prose that writes few capitals."""
    for clause in _CLAUSE.finditer(text):
        long = re.findall(rf"[{_LETTER}]{{4,}}", clause[0])
        if len(long) > 6 and 10 * sum(word[0].isupper() for word in long) > 7 * len(long):
            continue  # a heading in capitals
        end = clause.start()
        for match in _CAPITAL.finditer(text, *clause.span()):
            span = _name_at(text, match.start(), fewest=2) if match.start() >= end else None
            if span is not None and _looks_full(text[slice(*span)]):
                yield span
                end = span[1]


def _looks_full(name: str) -> bool:
    """Whether a name is of initials and of at least two words in small letters with a capital."""
    words = [word for word in re.findall(_WORD, name) if len(word) > 1]
    return len(words) > 1 and all(map(_TITLED.fullmatch, words))


def _by_given_name(text: str) -> Iterator[Span]:
    """Family name, comma, a common given name."""
    for match in _LAST_FIRST.finditer(text):
        if match["last"].lower() not in NOT_NAMES:
            yield match.span()


def _again(text: str, found: list[Span]) -> Iterator[Span]:
    """Every other place where a word of a name stands, written as there: who is named once is often named twice."""
    words = {word for start, end in found for word in re.findall(rf"[{_LETTER}][{_LETTER}'’-]{{2,}}", text[start:end])}
    telling = {word for word in words if word[0].isupper() and word.lower() not in NOT_NAMES | AMBIGUOUS and not _MASK.fullmatch(word)}
    if telling:
        again = "|".join(sorted(map(re.escape, telling), key=len, reverse=True))
        yield from (match.span() for match in re.finditer(rf"(?<![{_LETTER}])(?:{again})(?![{_LETTER}])", text))
