"""retrieve: similar past cases, with everything kept out that would leak: this patient, this study, copies, later dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from numpy.typing import NDArray

from agent.asking import frontal
from agent.nodes.study import Seen
from agent.parts import Library
from agent.present_case import kind_words, of_its_kind, present_case
from agent.request import ReviewRequest
from fhir.chart import Chart
from fhir.views import member, objects
from retrieval.cards import Query, SearchResult
from retrieval.deidentify.report import deidentify
from retrieval.errors import BadCase, RetrievalError
from retrieval.keys import Keyring, difference_hash, report_sketch
from tools.med_vlm.reading import Reading
from tools.notes import texts

_NOTHING = "similar cases were not searched for: there is neither an image that was read nor a report to search with"


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The answer of the library, or why it was not asked."""

    search: SearchResult | None
    note: str = ""
    only: tuple[str, ...] = ()
    """What was searched at all, in words, e.g. `body part chest`; empty when every case of the library was."""


def find_similar(request: ReviewRequest, chart: Chart, seen: Seen, reading: Reading | None, library: Library | None) -> Retrieved:
    """Ask `library` for cases like this one. Runs for a while: call it in a thread.

    The image is searched with only when the image model read it: its embedding is that model's output, and where the model
    may not look or abstains, the embedding means nothing either.
    """
    if library is None:
        return Retrieved(None, "no case library is configured")
    picture = frontal(seen.pictures) if reading is not None and not reading.abstained else None
    report = report_text(chart, seen)
    if picture is None and not report:
        return Retrieved(None, _NOTHING)
    try:
        pixels = None if picture is None else picture.pixels
        query = build_query(request, chart, seen, library, reading=reading, pixels=pixels, report=report)
        return Retrieved(library.cases.search(query), only=kind_words(seen)) if asks(query) else Retrieved(None, _NOTHING)
    except RetrievalError as error:
        return Retrieved(None, f"similar cases are not available: {error.code}")


def build_query(
    request: ReviewRequest,
    chart: Chart,
    seen: Seen,
    library: Library,
    *,
    reading: Reading | None,
    pixels: NDArray[np.float32] | None,
    report: str,
) -> Query:
    """What is searched for and what must not be found. `pixels` [rows, columns] in 0..1, or None."""
    keys = library.keyring
    clean = deidentify(report).text  # as the library's own reports are: names would move vector and sketch
    text = library.encoder.texts([clean])[0] if report else None
    return Query(
        image=None if pixels is None else library.encoder.images([pixels])[0],
        text=text if text is not None and text.any() else None,  # zeros: the report has no word that the encoder knows
        as_of=last_day(request.as_of),
        k=library.most,
        key_check=keys.check,
        persons=person_keys(chart, keys) | image_keys(seen, keys),
        studies=study_keys(seen, keys),
        image_hash=image_hash(seen) if pixels is None else difference_hash(pixels),
        report_hash=keys.report(report) if report else None,
        report_sketch=report_sketch(clean) if report else None,
        only=of_its_kind(seen),
        present=present_case(chart, seen, reading, report, request.as_of),
    )


def image_hash(seen: Seen) -> int | None:
    """Perceptual hash of the frontal image, whether or not the model read it: a copy of it is no other case."""
    picture = frontal(seen.pictures)
    if picture is None:
        return None
    try:
        return difference_hash(picture.pixels)
    except BadCase:  # all one grey, or too small: nothing is recognised by it
        return None


def asks(query: Query) -> bool:
    """Whether there is anything to search with."""
    return query.image is not None or query.text is not None


def person_keys(chart: Chart, keys: Keyring) -> frozenset[str]:
    """A key for each name the patient goes by: the reference, every identifier, and every linked Patient.

    An identifier counts under every writing of it (`retrieval.keys.spellings`). A link names the other by reference or identifier.
    """
    body = chart.patient.body
    others = [link.get("other") for link in objects(body.get("link"))]
    links = [chart.resolve(str(reference)) for other in others if (reference := member(other, "reference"))]
    named = [*objects(body.get("identifier")), *objects([member(other, "identifier") for other in others])]
    identifiers = [f"{item.get('system', '')}|{item['value']}" for item in named if item.get("value")]
    return frozenset(map(keys.person, (chart.patient.reference, *links))).union(*map(keys.persons, identifiers))


def image_keys(seen: Seen, keys: Keyring) -> frozenset[str]:
    """A key for each number of the patient that the images carry: an archive may know no other."""
    tagged = [picture.tags.get(name, "") for picture in seen.pictures for name in ("PatientID", "OtherPatientIDs")]
    numbers = {number for text in tagged for one in text.split("\\") if (number := one.strip())}
    return frozenset().union(*(keys.persons(f"|{number}") for number in numbers))


def study_keys(seen: Seen, keys: Keyring) -> frozenset[str]:
    """A key for each name of the focal study, in the record and in its images."""
    study = seen.study
    names = () if study is None else (study.reference, study.study_uid, study.accession_number)
    tagged = [picture.tags.get(name) for picture in seen.pictures for name in ("StudyInstanceUID", "AccessionNumber")]
    return frozenset(keys.study(name) for name in (*names, *tagged) if name)


def last_day(as_of: datetime) -> date:
    """The day of which a case may be: where the moment is on two days, here and in UTC, the earlier."""
    return min(as_of.date(), as_of.astimezone(UTC).date())


def report_text(chart: Chart, seen: Seen) -> str:
    """The text of the focal study's newest report that has one, or an empty string."""
    reports = (chart.get(reference) for reference in (seen.study.reports if seen.study else ()))
    found = ("\n".join(source.text for source in texts(fact)) for fact in reports if fact is not None)
    return next((text for text in found if text.strip()), "")
