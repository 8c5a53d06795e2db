"""Builds an index: cases in, one sealed generation out, or nothing changed."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from retrieval.building.assembly import Draft, Identity, Weight, conclude, now
from retrieval.building.embedding import Embed, in_process
from retrieval.building.intake import PERSON_REMOVED, Closed, Intake, Journal
from retrieval.cards import Encoder, Rejected, SourceCase
from retrieval.errors import BadArchive, BuildRefused, IndexCorrupt, IndexUnusable, NothingToIndex, NotSigned, SignatureWrong
from retrieval.generation.columns import FILE as COLUMNS
from retrieval.generation.columns import Columns
from retrieval.generation.generations import generations, interrupted, job_of, workplace
from retrieval.generation.manifest import Gone, GoneCase, Manifest, SourceEntry, open_manifest, parse_json, read_small, replace_flushed
from retrieval.generation.mapping import view_files
from retrieval.generation.segments import CardPlace, SegmentPlace, SegmentWriter, read_gone, settle
from retrieval.generation.vector_file import FILE as VECTORS
from retrieval.generation.vector_file import rows_of
from retrieval.info import IndexInfo
from retrieval.keys import Keyring, word
from retrieval.vectors import Dimensions

GIVEN = "given"
"""Why a weight is what it is that was not fitted."""
Progress = Callable[[int], None]
_PROGRESS = {"taken", "skipped_at", "cards_index"}
"""What a job says beyond what its build is of."""


class Job(BaseModel):
    """What a build leaves beside its folder: another one that begins with the same goes on with it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source_fingerprint: str
    encoder_fingerprint: str
    salt: str
    key_check: str
    total: int | None
    cards: str
    cards_index: str = Field(pattern=r"^[0-9a-f]{32}$")
    """See `retrieval.generation.manifest.Manifest.cards_index`; a build that goes on with this one takes it over."""
    taken: SourceEntry | None = None
    """Set once all cases are written, and only measures are left to take."""
    skipped_at: tuple[tuple[str, str], ...] = ()

    def write(self, place: Path) -> None:
        """Leave this beside the build in `place`, unless nobody could know its source again."""
        if self.source_fingerprint:
            replace_flushed(job_of(place), self.model_dump_json().encode() + b"\n")

    def same_beginning(self, other: Job) -> bool:
        """Whether the two are builds of the same with the same."""
        return self.model_dump(exclude=_PROGRESS) == other.model_dump(exclude=_PROGRESS)


@dataclass(frozen=True, slots=True)
class Source:
    """Where cases come from, as the manifest will say it."""

    words: str
    """What is indexed, without identities, e.g. `2000 phantom studies, seed 0`."""
    fingerprint: str
    """Changes when the source does; without one a build is never resumed."""
    signed: bool
    """Whether the source's signature was checked."""
    notes: Mapping[str, int]
    """What the reader counts; looked at once all cases are read."""

    def entry(self, taken: Journal) -> SourceEntry:
        """For the manifest, once its cases are taken."""
        return SourceEntry(
            words=self.words,
            fingerprint=self.fingerprint,
            added_at=now(),
            signed=self.signed,
            cases=taken.rows,
            skipped=taken.skipped,
            notes=tuple(sorted(self.notes.items())),
        )


def build(
    cases: Iterable[SourceCase | Rejected],
    encoder: Encoder,
    folder: Path,
    *,
    keyring: Keyring,
    total: int | None = None,
    progress: Progress = lambda seen: None,
    source: str = "",
    source_fingerprint: str = "",
    signed: bool = False,
    notes: Mapping[str, int] = MappingProxyType({}),
    image_weight: float | None = None,
    embed: Embed | None = None,
    cards_url: str | None = None,
) -> IndexInfo:
    """Embed `cases` and put a new generation of the index into `folder`.

    Cases are streamed: neither they nor their vectors are held in memory. A case that cannot be indexed is skipped and counted by
    reason. Until the last step the index in use stays as it is, whatever happens, a kill -9 included. After a kill or a failure
    the next build with the same source fingerprint, encoder, keyring and total goes on where 256 cases were last made durable.

    Args:
        cases: Cases whose keys `keyring` made, or what a reader rejected. On resuming, the same again from the first.
        encoder: Embeds images and reports.
        folder: The index's folder; created when missing.
        keyring: Kept as salt and check value: never the secret. See `unfinished` and `salt_of`.
        total: How many cases to take at most; None for all.
        progress: Called after every batch with the number of cases seen.
        source: See `Source.words`.
        source_fingerprint: See `Source.fingerprint`.
        signed: See `Source.signed`.
        notes: See `Source.notes`.
        image_weight: Share of the image in a fused distance, between 0 and 1; None to fit it on the cases.
        embed: Where to embed; None for here.
        cards_url: Of a PostgreSQL database for the cards; None for files.

    Raises:
        NothingToIndex: no case survived; the last good index stays.
        BuildRefused: a weight that is not between 0 and 1.
        BadArchive: an interrupted build was resumed with other cases than it began with; it is given up.
        IndexBusy, NotAnIndex, StorageFailed: see `retrieval.generation.generations.workplace`.
        CardsUnreachable, ExtraMissing: see `retrieval.store.write_cards`.
    """
    if image_weight is not None and not 0 < image_weight < 1:
        raise BuildRefused("the weight of the image is not between 0 and 1")
    identity = identity_of(encoder, keyring)
    weight = None if image_weight is None else Weight(image_weight, GIVEN)
    origin = Source(source, source_fingerprint, signed, notes)
    work = _Build(folder, origin, identity, CardPlace.of(cards_url, _cards_index(folder)), weight, total)
    return work.run(islice(cases, total), embed or in_process(encoder), progress)


@dataclass(frozen=True, slots=True)
class _Build:
    """A build before it has read a case."""

    folder: Path
    origin: Source
    identity: Identity
    cards: CardPlace
    weight: Weight | None
    total: int | None

    def run(self, cases: Iterable[SourceCase | Rejected], embed: Embed, progress: Progress) -> IndexInfo:
        """See `build`."""
        started = time.monotonic()
        with workplace(self.folder, resumes=self._resumes) as here, _given_up_when_damaged(here):
            persons = _removed_persons(self.folder, self.identity)
            job = _job(here) or self._job()
            cards = replace(self.cards, index=job.cards_index)
            place = SegmentPlace(here / segment_name(here), self.identity.dimensions, cards)
            if job.taken is None:
                job.write(here)
                taken = _intake(place, Closed(persons=frozenset(persons)), progress).take(cases, embed)
                job = job.model_copy(update={"taken": self.origin.entry(taken), "skipped_at": taken.skipped_at})
                job.write(here)
            assert job.taken is not None
            entry = settle(place, job.taken.cases)
            gone = Gone(cases=_cases_of(frozenset(persons), place, entry.cases), persons=persons)
            info = conclude(here, Draft(self.identity, (job.taken,), (entry,), gone, cards, self.weight, linked={}, hubs="count"))
        return replace(info, seconds=round(time.monotonic() - started, 2), skipped_at=job.skipped_at, changed=info.cases)

    def _job(self) -> Job:
        return Job(
            source_fingerprint=self.origin.fingerprint,
            encoder_fingerprint=self.identity.encoder_fingerprint,
            salt=self.identity.salt,
            key_check=self.identity.key_check,
            total=self.total,
            cards=self.cards.kind,
            cards_index=self.cards.index,
        )

    def _resumes(self, rest: Path) -> bool:
        """Whether this goes on with the interrupted build in a folder."""
        job = _job(rest)
        return job is not None and job.same_beginning(self._job())


def unfinished(folder: Path, source_fingerprint: str, encoder_fingerprint: str) -> bytes | None:
    """Salt of an interrupted build of this source with this encoder, for the keyring that goes on with it; None without one."""
    for place in interrupted(folder):
        job = _job(place)
        if job and source_fingerprint and (job.source_fingerprint, job.encoder_fingerprint) == (source_fingerprint, encoder_fingerprint):
            return bytes.fromhex(job.salt)
    return None


def salt_of(folder: Path) -> bytes | None:
    """Salt of the newest generation that can be read, so that a new one has the same keys; None where there is none."""
    manifest = next((manifest for _, manifest in _readable(folder)), None)
    return None if manifest is None else bytes.fromhex(manifest.salt)


def _cards_index(folder: Path) -> str:
    """Of the newest generation that can be read, or else of an interrupted build, so that what they leave in a database is found.

    A new one where there is neither: folders may share their keys, as two of made-up studies do, but never their cards.
    """
    with suppress(OSError):  # which the workplace will say
        made = [manifest.cards_index for _, manifest in islice(_readable(folder), 1)]
        begun = [job.cards_index for job in map(_job, interrupted(folder)) if job is not None]
        if found := [*made, *begun]:
            return found[0]
    return secrets.token_hex(16)


def identity_of(encoder: Encoder, keyring: Keyring) -> Identity:
    """Of an index made with them."""
    dimensions = Dimensions(encoder.image_dimension, encoder.text_dimension)
    return Identity(encoder.fingerprint, dimensions, encoder.one_space, keyring.salt.hex(), keyring.check)


def segment_name(here: Path) -> str:
    """Of the segment that a generation in the making brings: no other generation of the index has one of that name."""
    return here.name.replace("building-", "seg-")


def _job(place: Path) -> Job | None:
    """What the build in a folder left; None without a job, or with one that is damaged."""
    try:
        return parse_json(Job, read_small(place.parent, job_of(place).name), "job")
    except IndexCorrupt:
        return None


def _intake(place: SegmentPlace, closed: Closed, progress: Progress) -> Intake:
    """Behind what an interrupted build committed, or at the beginning when that cannot be read."""
    try:
        return Intake(SegmentWriter(place), closed, progress)
    except IndexCorrupt:
        place.clear()
        return Intake(SegmentWriter(place), closed, progress)


@contextmanager
def _given_up_when_damaged(here: Path) -> Iterator[None]:
    """Lets the next build begin anew after a failure that going on would only repeat."""
    try:
        yield
    except (BadArchive, NotSigned, SignatureWrong, NothingToIndex, IndexCorrupt):
        job_of(here).unlink(missing_ok=True)
        raise


def _removed_persons(folder: Path, identity: Identity) -> tuple[str, ...]:
    """Keys of the persons whom the newest readable generation no longer takes; none where its keys are another keyring's."""
    for place, manifest in _readable(folder):
        with suppress(IndexUnusable):
            gone = read_gone(place, manifest)
            return gone.persons if manifest.key_check == identity.key_check else ()
    return ()


def _cases_of(persons: frozenset[str], place: SegmentPlace, cases: int) -> tuple[GoneCase, ...]:
    """Cases in a settled segment of persons who were removed: after an interrupted build had taken them."""
    if not persons:
        return ()
    rows = rows_of(view_files(place.folder, [VECTORS])[VECTORS], cases, place.dimensions)
    found = Columns.load((place.folder / COLUMNS).read_bytes()).by_person.rows(map(word, persons)).tolist()
    with closing(place.cards.open(place.folder)) as store:
        cards = {row: store.card(row, rows[row]) for row in found}
    return tuple(
        GoneCase(row=row, key=card.key, reason=PERSON_REMOVED, quarantined=False)
        for row, card in cards.items()
        if not persons.isdisjoint((card.person, *card.linked))
    )


def _readable(folder: Path) -> Iterator[tuple[Path, Manifest]]:
    """Generations whose manifests this version reads, the newest first: a new build is what replaces a damaged or an older one."""
    for place in generations(folder) if folder.is_dir() else []:
        with suppress(IndexUnusable):
            yield place, open_manifest(place).manifest
