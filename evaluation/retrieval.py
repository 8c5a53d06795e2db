"""The study of the case index: a library built of each set by the real build, asked by cases that are not in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.abstention import Covered, Refused, Strangers, coverage, refusals
from evaluation.asking import Asking, embedded
from evaluation.case_sets import CaptionSet, CaseSet, Divided, divided
from evaluation.findings import Ranked, ranked
from evaluation.known_items import Found, image_to_report, question_to_report, report_to_image
from evaluation.leaks import Leaks, leaks
from evaluation.library import built
from evaluation.texts import TextsRanked, caption_vectors, texts_ranked
from retrieval.cards import Encoder
from retrieval.library import Library
from retrieval.vectors import Kind
from tools.med_vlm.compact.examples.evaluation_sets import strange

LEAST_DIVIDED = 60
"""A smaller set is not divided: all of it is the library, and only known items are looked for."""
STRANGE_IMAGES = 12
"""Images of which each kind of strange picture is made."""
STRANGERS = 60
"""Cases of another set, or captions, that a library is to refuse."""
Tell = Callable[[str, int, int | None], None]
"""Hears what is being done, how much of it, and of how much where that is known."""


@dataclass(frozen=True, slots=True)
class SetStudy:
    """What was measured on one set."""

    name: str
    words: str
    library: int
    """Cases of the library."""
    queries: int
    persons: int
    """Persons of the queries."""
    skipped: int
    """Cases that the build left out."""
    image_weight: float
    """Share of the image in a fused distance."""
    image_weight_reason: str
    held_to_rank: bool
    ranked: tuple[Ranked, ...]
    known_items: tuple[Found, ...]
    covered: tuple[Covered, ...]
    refused: tuple[Refused, ...]
    leaks: Leaks | None
    left_out: tuple[str, ...]
    """What was not measured on this set, and why."""


@dataclass(frozen=True, slots=True)
class RetrievalStudy:
    """The whole study."""

    encoder: str
    fingerprint: str
    queries: int
    """Queries wanted of each set."""
    sets: tuple[SetStudy, ...]
    texts: TextsRanked | None


@dataclass(frozen=True, slots=True)
class _Prepared:
    case_set: CaseSet
    parts: Divided
    asked: tuple[Asking, ...]


def study(
    sets: Sequence[CaseSet], captions: CaptionSet | None, encoder: Encoder, *, name: str, queries: int, tell: Tell = lambda *_: None
) -> RetrievalStudy:
    """Measure every set.

    Args:
        sets: What libraries are built of.
        captions: Texts for the text encoder alone, and as strangers to every library.
        encoder: Embeds the libraries and the queries.
        name: Of the encoder.
        queries: Held-out cases to ask with, of each set, at most; as many of the library's own cases are asked for known items and leaks.
        tell: Hears of progress.
    """
    prepared = [_prepared(one, encoder, queries, tell) for one in sets]
    texts, strangers = None, list(_strange_pictures(prepared, encoder, tell))
    if captions is not None:
        vectors, places = caption_vectors(encoder, captions.captions, lambda count: tell(captions.name, count, len(captions.captions)))
        texts = texts_ranked(captions, vectors, places)
        strangers.append(Strangers(captions.name, "text", tuple(vectors[:STRANGERS])))
    measured = [_measured(one, [*strangers, *_of_others(one, prepared)], encoder, queries, tell) for one in prepared]
    return RetrievalStudy(name, encoder.fingerprint, queries, tuple(measured), texts)


def _prepared(case_set: CaseSet, encoder: Encoder, queries: int, tell: Tell) -> _Prepared:
    small = len(case_set.cases) < LEAST_DIVIDED
    parts = Divided(case_set.cases, ()) if small else divided(case_set.cases, queries)
    asked = embedded(encoder, parts.queries, lambda count: tell(f"{case_set.name}: queries", count, len(parts.queries)))
    return _Prepared(case_set, parts, asked)


def _strange_pictures(prepared: Sequence[_Prepared], encoder: Encoder, tell: Tell) -> tuple[Strangers, ...]:
    """Noise, and images of the first set made strange."""
    images = [case.image for case in prepared[0].parts.library[:STRANGE_IMAGES]] if prepared else []
    if not images or len({image.shape for image in images}) > 1 or images[0].shape[0] != images[0].shape[1]:
        return ()
    made = strange(np.stack([(image * 255).astype(np.uint8) for image in images]), seed=0)
    tell("strange pictures", 0, None)
    return tuple(Strangers(name, "image", tuple(encoder.images(pictures))) for name, pictures in made.items())


def _of_others(one: _Prepared, prepared: Sequence[_Prepared]) -> list[Strangers]:
    return [
        Strangers(f"images of {other.case_set.name}", "image", tuple(asking.image for asking in other.asked[:STRANGERS]))
        for other in prepared
        if other is not one and other.asked
    ]


def _measured(one: _Prepared, strangers: Sequence[Strangers], encoder: Encoder, queries: int, tell: Tell) -> SetStudy:
    case_set, parts, check = one.case_set, one.parts, one.case_set.keyring.check
    kinds: tuple[Kind, ...] = ("image",) if case_set.reports == "labels" else ("fused", "image", "text")
    with built(case_set, parts, encoder, lambda count: tell(f"{case_set.name}: library", count, len(parts.library))) as library:
        own = _own(library, parts, queries)
        tell(f"{case_set.name}: asking", 0, None)
        is_divided = bool(one.asked)
        return SetStudy(
            name=case_set.name,
            words=case_set.words,
            library=library.manifest.rows - len(library.gone.cases),
            queries=len(one.asked),
            persons=len({asking.card.person for asking in one.asked}),
            skipped=sum(sum(source.skipped.values()) for source in library.manifest.sources),
            image_weight=library.manifest.image_weight,
            image_weight_reason=library.manifest.image_weight_reason,
            held_to_rank=case_set.held_to_rank,
            ranked=ranked(library, one.asked, check, kinds, shown=case_set.reports != "labels") if is_divided and case_set.ranks else (),
            known_items=_known_items(library, case_set, own, encoder),
            covered=coverage(library, one.asked, check, kinds) if is_divided else (),
            refused=refusals(library, [some for some in strangers if some.kind in kinds]) if is_divided else (),
            leaks=leaks(library, own, check) if is_divided else None,
            left_out=tuple(_left_out(case_set, encoder, is_divided)),
        )


def _own(library: Library, parts: Divided, most: int) -> tuple[Asking, ...]:
    """Cases of the library itself, with the vectors it holds."""
    rows = np.sort(np.random.default_rng(0).permutation(library.stack.cases)[:most])
    dimensions = library.stack.dimensions
    vectors = library.stack.vectors(rows)
    images, texts = vectors[:, dimensions.columns("image")], vectors[:, dimensions.columns("text")]
    return tuple(Asking(library.card(int(row)), image, text) for row, image, text in zip(rows, images, texts, strict=True))


def _known_items(library: Library, case_set: CaseSet, own: Sequence[Asking], encoder: Encoder) -> tuple[Found, ...]:
    found: list[Found] = []
    if encoder.one_space and case_set.reports != "labels":
        found += [image_to_report(library, own), report_to_image(library, own)]
    by_key = {one.card.key: one for one in own}
    questions = [(by_key[key], text) for text, key in case_set.questions if key in by_key]
    if questions:
        vectors = encoder.texts([text for _, text in questions])
        found.append(question_to_report(library, [(one, vector) for (one, _), vector in zip(questions, vectors, strict=True)]))
    return tuple(found)


def _left_out(case_set: CaseSet, encoder: Encoder, is_divided: bool) -> list[str]:
    reasons = []
    if not is_divided:
        reasons.append(f"rankings, coverage and leaks: {len(case_set.cases)} cases are too few to divide")
    elif not case_set.ranks:
        reasons.append("rankings: all cases have the same findings")
    if case_set.reports == "labels":
        reasons.append("searches by report: the text repeats the labels, and would find them by itself")
        reasons.append("what a review would show: one of equal reports, and so one case of each label")
    if not encoder.one_space:
        reasons.append("image to report and back: the encoder's images and texts share no space")
    return reasons
