"""Reports and notes as sentences: what each says of a finding, where it stands, and whether it speaks to a machine.

Text that carries a mark of `tools.injection` is kept as evidence, flagged, and says nothing: it has no finding and no polarity,
so that an instruction hidden in a note can neither state nor deny anything about the patient.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from fhir.chart import Chart, Fact
from fhir.codes import FINDING
from policies.evidence import Quote, Sourced
from policies.grounding.lexicon import Mention, Sentence, mentions, sentences
from tools import injection
from tools.facts import codes_of, status_of
from tools.injection import SYSTEM, markers, visible
from tools.lines import DATES
from tools.quotes import as_written, decoded, text_at
from tools.selection import newest_first

NOTE_TYPES = ("DiagnosticReport", "DocumentReference")
_TEXT_TYPES = ("text/plain", "text/markdown", "text/html", "text/xml", "application/xhtml+xml")
_TAG = re.compile(r"<[^<>]{1,2000}>")
_LONGEST = 200_000
"""Characters read of one text. A chest report has some 2,000."""


@dataclass(frozen=True, slots=True)
class SourceText:
    """A text of a resource: the element it stands in, and its characters (of an attachment: decoded)."""

    path: str
    text: str


def look_up(chart: Chart, patient: str, as_of: datetime, first: Sequence[str] = (), most: int = 40) -> tuple[Sourced, ...]:
    """Sentences that state or deny a finding, and flagged sentences; flagged ones first, then newest document first.

    `first` are references (the focal study's reports) whose sentences come before those of every other document. At most `most`
    sentences, flagged ones not counted.
    """
    documents = newest_first(chart, NOTE_TYPES, as_of)
    ranked = sorted(documents, key=lambda fact: fact.reference not in first)
    items = [item for fact in ranked for item in document_evidence(fact, patient)]
    flagged = [item for item in items if is_flagged(item)]
    return (*flagged, *[item for item in items if not is_flagged(item)][:most])


def document_evidence(fact: Fact, patient: str) -> tuple[Sourced, ...]:
    """The sentences of one DiagnosticReport or DocumentReference that state or deny a finding, or are flagged."""
    seen: set[tuple[str, str | None]] = set()
    kept: list[Sourced] = []
    for source in texts(fact):
        for item in _sentence_items(fact, source, patient):
            key = (" ".join(item.text.casefold().split()), item.finding)
            if key not in seen:
                seen.add(key)
                kept.append(item)
    return tuple(kept)


def texts(fact: Fact) -> tuple[SourceText, ...]:
    """Every readable text of the resource, the conclusion first. Attachments that are not inline text are not read."""
    body = as_written(fact)
    conclusion = text_at(body, "conclusion")
    found = [SourceText("conclusion", conclusion)] if conclusion else []
    for element, at in (("presentedForm", ""), ("content", ".attachment")):
        attachments = body.get(element)
        for n in range(len(attachments) if isinstance(attachments, list) else 0):
            path = f"{element}[{n}]{at}"
            kind = (text_at(body, f"{path}.contentType") or "").split(";")[0].strip().lower()
            data = text_at(body, f"{path}.data")
            text = decoded(data) if data is not None and kind in _TEXT_TYPES else None
            if text is not None:
                found.append(SourceText(f"{path}.data", text))
    notes = body.get("note")
    for n in range(len(notes) if isinstance(notes, list) else 0):
        text = text_at(body, f"note[{n}].text")
        found += [SourceText(f"note[{n}].text", text)] if text else []
    return tuple(found)


def unread(chart: Chart) -> tuple[str, ...]:
    """References of reports and notes that have an attachment and no text that could be read."""
    return tuple(
        fact.reference
        for fact in chart.of_type(*NOTE_TYPES)
        if ("presentedForm" in fact.body or "content" in fact.body) and not _is_picture(fact) and not texts(fact)
    )


def is_flagged(item: Sourced) -> bool:
    """Whether the item's text carries a mark of text addressed to a machine."""
    return injection.is_flagged(item.codes)


def _sentence_items(fact: Fact, source: SourceText, patient: str) -> Iterator[Sourced]:
    text = _without_tags(source.text[:_LONGEST])
    marks = markers(source.text[:_LONGEST])
    stated = mentions(text)
    for number, sentence in enumerate(sentences(text)):
        kinds = sorted({mark.kind for mark in marks if mark.start < sentence.end and sentence.start < mark.end})
        if kinds:
            yield _item(fact, source, sentence, patient, codes=tuple(f"{SYSTEM}|{kind}" for kind in kinds))
            continue
        for mention in _one_each([mention for mention in stated if mention.sentence == number and mention.finding in FINDING]):
            side = mention.side if FINDING[mention.finding].lateral else None
            item = _item(fact, source, sentence, patient)
            yield item.model_copy(update={"finding": mention.finding, "polarity": mention.polarity, "side": side})


def _item(fact: Fact, source: SourceText, sentence: Sentence, patient: str, codes: tuple[str, ...] = ()) -> Sourced:
    body = as_written(fact)
    exact = source.text[sentence.start : sentence.end]
    when_path = next((path for path in DATES[fact.resource_type] if text_at(body, path)), None)
    paths = [path for path in ("status", when_path) if path is not None]
    quoted = [Quote(path=path, text=text) for path in paths if (text := text_at(body, path)) is not None]
    return Sourced(
        kind="report_sentence",
        reference=fact.reference,
        text=f"Quoted as data: “{visible(exact)}”" if codes else " ".join(visible(exact).split()),
        sha256=fact.sha256,
        patient=patient,
        version=fact.version,
        quotes=(Quote(path=f"{source.path}#char={sentence.start},{sentence.end}", text=exact), *quoted),
        codes=(*codes_of(fact.resource_type, body), *codes),
        status=text_at(body, "docStatus") or status_of(body),
        when=None if when_path is None else text_at(body, when_path),
    )


def _one_each(found: list[Mention]) -> list[Mention]:
    """One mention per finding of a sentence. Where they disagree the sentence is uncertain about it; of sides, none is kept."""
    kept: dict[str, Mention] = {}
    for mention in found:
        kept.setdefault(mention.finding, mention)
    return list(kept.values())


def _without_tags(text: str) -> str:
    """`text` with every tag blanked at its own length, so that positions stay those of the source."""
    return _TAG.sub(lambda tag: " " * len(tag[0]), text)


def _is_picture(fact: Fact) -> bool:
    body = as_written(fact)
    kinds = [text_at(body, f"content[{n}].attachment.contentType") or "" for n in range(4)]
    return any(kind.startswith(("image/", "application/dicom")) for kind in kinds)
