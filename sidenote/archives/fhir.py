"""A FHIR source as cases: each imaging study with a report and a frontal image, of patients whose consent it holds.

Chart, study, pixels and report are read on the path of a review, and the person's keys are made by what makes a review's: so the
review of a patient finds none of that patient's cases. An image that carries another patient's identity is no case.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from agent.asking import frontal
from agent.nodes.retrieve import person_keys, report_text
from agent.nodes.study import Seen, pictures_of
from fhir.errors import RecordError
from fhir.imaging import studies
from fhir.source import Source, open_source
from fhir.views import age_at
from retrieval.archive.case_line import UNSTATED, CaseFields, read_strictly
from retrieval.archive.cases import CaseMaker, Labeler, SourceNote
from retrieval.cards import Rejected, SourceCase
from retrieval.errors import BadArchive, BadCase
from retrieval.keys import Keyring
from sidenote.archives.consent import FolderTerms, consented
from sidenote.archives.dicom_header import term
from sidenote.archives.pictures import BURNT_IN, burnt_in

if TYPE_CHECKING:
    from fhir.access import Access
    from fhir.chart import Chart
    from fhir.study import Picture, Study

TYPES = ("Consent", "DiagnosticReport", "DocumentReference", "ImagingStudy", "Media", "ServiceRequest")
"""What is asked of a server for one patient: no more than a case is made of."""
OLDEST = 130
_REGIONS = {"chest": "CHEST", "abdomen": "ABDOMEN", "pelvis": "PELVIS", "head": "HEAD", "neck": "NECK"}


@dataclass(frozen=True)
class FhirArchive:
    """A base URL, a bundle or NDJSON file, or a folder of them. Its patients are listed once, when they are first asked for."""

    source: str
    terms: FolderTerms = field(default_factory=FolderTerms)
    access: Callable[[str], Access] | None = None
    """How a server is asked; see `fhir.source.open_source`."""

    @cached_property
    def _patients(self) -> tuple[str, ...]:
        with asyncio.Runner() as runner:
            return runner.run(self._listed())

    async def _listed(self) -> tuple[str, ...]:
        source = self._opened()
        try:
            return await source.patients()
        finally:
            await source.aclose()

    def _opened(self) -> Source:
        return open_source(self.source, access=self._access)

    def _access(self, base: str) -> Access:
        from fhir.access import Access

        given = self.access(base) if self.access is not None else Access()
        return replace(given, plan=replace(given.plan, types=TYPES))

    @cached_property
    def note(self) -> SourceNote:
        """What is to be indexed. The fingerprint is over the source's name, patients and terms, and over size and time of its files.

        What a server changes of a patient's record is not seen by it.

        Raises:
            fhir.errors.SourceError: the source cannot be read.
            BadArchive: it has no patient.
        """
        if not self._patients:
            raise BadArchive("the source has no patient")
        digest = hashlib.sha256(f"sidenote fhir source 1\n{self.source}\n{self.terms!r}\n".encode())
        digest.update("\n".join(self._patients).encode())
        for path in _files(self.source):
            state = path.stat()
            digest.update(f"\n{path!s}\0{state.st_size}\0{state.st_mtime_ns}".encode("utf-8", "surrogateescape"))
        return SourceNote(f"a FHIR source of {len(self._patients)} patients", digest.hexdigest(), None)

    def cases(
        self, keyring: Keyring, *, label: Labeler | None = None, redactions: Counter[str] | None = None
    ) -> Iterator[SourceCase | Rejected]:
        """The studies of each patient, in the order of their ids, newest study first: a case or rejected each.

        `Rejected.where` counts patients and studies. Runs an event loop of its own: not to be called within one.

        Raises:
            fhir.errors.SourceError: the source cannot be read.
        """
        maker = CaseMaker(keyring, label, redactions)
        with asyncio.Runner() as runner:
            source = self._opened()
            try:
                for number, patient in enumerate(self._patients, start=1):
                    yield from runner.run(self._of_patient(source, patient, maker, f"patient {number}"))
            finally:
                runner.run(source.aclose())

    async def _of_patient(self, source: Source, patient: str, maker: CaseMaker, where: str) -> list[SourceCase | Rejected]:
        try:
            chart = await source.chart(patient)
        except RecordError as error:
            return [Rejected(f"record cannot be read: {error.code}", where)]
        found: list[SourceCase | Rejected] = []
        for number, study in enumerate(studies(chart), start=1):
            try:
                found.append(await self._case(source, chart, study, maker))
            except BadCase as error:
                found.append(Rejected(error.reason, f"{where}, study {number}"))
            except RecordError as error:
                found.append(Rejected(f"study cannot be read: {error.code}", f"{where}, study {number}"))
        return found

    async def _case(self, source: Source, chart: Chart, study: Study, maker: CaseMaker) -> SourceCase:
        consent, taken = consented(chart, self.terms.consent, datetime.now(UTC)), _day(study)
        if not self.terms.licence:
            raise BadCase("consent or licence is not stated")
        seen = await pictures_of(chart, study, source)
        report = report_text(chart, Seen(study, seen.facts))
        if not report:
            raise BadCase("study has no report")
        given = {**_fields(chart, study, _picture(seen), taken), "report": report, "consent": consent, "licence": self.terms.licence}
        fields = read_strictly(CaseFields, {**given, "site": self.terms.site})
        made = maker.make(fields, _picture(seen).pixels)
        linked = person_keys(chart, maker.keyring) - {made.card.person}
        return SourceCase(replace(made.card, linked=tuple(sorted(linked))), made.image)


def _fields(chart: Chart, study: Study, picture: Picture, taken: date) -> dict[str, object]:
    moment = datetime(taken.year, taken.month, taken.day, 23, 59, tzinfo=UTC)
    years, gender = age_at(chart, moment), chart.patient.body.get("gender")
    return {
        "key": f"{chart.patient.reference} {study.reference}",
        "person": chart.patient.reference,
        "study": study.study_uid or study.accession_number or study.reference,
        "as_of": taken,
        "modality": term(picture.tags.get("Modality", "") or next(iter(study.modality), "")),
        "body_part": _body_part(study, picture),
        "view": term(picture.tags.get("ViewPosition", "")),
        "age": years if years is not None and 0 <= years <= OLDEST else None,
        "sex": gender if gender in ("female", "male", "other") else "unknown",
    }


def _picture(seen: Seen) -> Picture:
    """The frontal image of a study.

    Raises:
        BadCase: there is none, it is another patient's, or text is burnt into it.
    """
    if seen.facts.identity is not None and seen.facts.identity.outcome == "mismatch":
        raise BadCase("image carries another patient's identity")
    clean = tuple(one for one in seen.pictures if not burnt_in(one.tags.get("BurnedInAnnotation", "")))
    picture = frontal(clean)
    if picture is not None:
        return picture
    if seen.pictures:
        raise BadCase("study has no frontal image" if clean else BURNT_IN)
    raise BadCase("image cannot be decoded" if seen.facts.refused else "study has no image")


def _day(study: Study) -> date:
    """The day of a study; of a time that may be on two days, the later.

    Raises:
        BadCase: the record does not say the day.
    """
    started = study.started
    if started is None or len(started.text) < len("2024-01-01"):
        raise BadCase("study date is missing")
    stated = date.fromisoformat(started.text[:10])
    return stated if len(started.text) == len("2024-01-01") else max(stated, started.latest.date())


def _body_part(study: Study, picture: Picture) -> str:
    """As the image says it, else the study's one region as DICOM writes it."""
    tagged = term(picture.tags.get("BodyPartExamined", ""))
    if tagged != UNSTATED or len(study.regions) != 1:
        return tagged
    return _REGIONS.get(next(iter(study.regions)), UNSTATED)


def _files(source: str) -> list[Path]:
    """The files of a source on disk, sorted; none of a server."""
    if "://" in source:
        return []
    place = Path(source)
    return [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
