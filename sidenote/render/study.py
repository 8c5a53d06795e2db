"""The study of the case index as tables: in the terminal, as Markdown, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from evaluation.gates import missed

if TYPE_CHECKING:
    from rich.console import Console

    from evaluation.abstention import Covered
    from evaluation.intervals import Figure
    from evaluation.known_items import Found
    from evaluation.leaks import Leaks
    from evaluation.retrieval import RetrievalStudy, SetStudy
    from evaluation.texts import TextsRanked

MEANING = (
    "P@5: of the first five neighbours, the share that has a finding in common with the query, or like it has none. "
    "nDCG@5: the same graded by how much of the findings is common, nearer ranks counting more; 1 is the best possible order.",
    "What a review shows is chosen for variety among the comparable, and may be fewer than five: by these measures that costs something.",
    "R@k: how often the item that belongs to the query stands among the first k. Equal reports cannot be told apart and count.",
    "Comparable: share of new cases like the library's for which the search has an answer. "
    "Refused: share of strangers for which it has none.",
    "In brackets: 95 % intervals, by bootstrap over persons; of refusals, Wilson's. "
    "Where all answers are alike the bootstrap shows no width, though there is some.",
    "Queries are of persons who have no case in the library. Findings are as good as whoever named them.",
    "None of these figures is clinical validity: whether a neighbour helps anybody was not studied.",
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: a title, the heads of its columns, its rows."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def as_json(study: RetrievalStudy) -> str:
    """The whole study, its floors and what its figures mean."""
    return json.dumps({**asdict(study), "missed": missed(study), "meaning": MEANING}, indent=2, ensure_ascii=False)


def as_markdown(study: RetrievalStudy) -> str:
    """The study as a document's section."""
    lines = [f"Encoder `{study.encoder}`, fingerprint `{study.fingerprint[:16]}`.", ""]
    for one in study.sets:
        lines += [f"## {one.name}", "", f"{_sentence(one.words)} {_size(one)}", ""]
        for sheet in sheets(one):
            lines += [*_markdown(sheet), ""]
        lines += [f"{words}\n" for words in _notes(one)]
    if study.texts is not None:
        lines += [f"## {study.texts.name}", "", _sentence(study.texts.words), "", *_markdown(_texts(study.texts)), ""]
    lines += ["## Floors", "", *(f"- {words}" for words in _floors(study)), "", "## What the figures mean", ""]
    return "\n".join([*lines, *(f"- {words}" for words in MEANING)]) + "\n"


def show(study: RetrievalStudy, console: Console) -> None:
    """The study in a terminal."""
    from rich.table import Table

    for one in study.sets:
        console.print(f"\n[bold]{one.name}[/]: {one.words}. {_size(one)}")
        for sheet in sheets(one):
            _print(sheet, console, Table)
        for words in _notes(one):
            console.print(words)
    if study.texts is not None:
        console.print(f"\n[bold]{study.texts.name}[/]: {study.texts.words}.")
        _print(_texts(study.texts), console, Table)
    for words in (*_floors(study), *MEANING):
        console.print(f"· {words}")


def sheets(one: SetStudy) -> tuple[Sheet, ...]:
    """The tables of one set that hold anything."""
    made = (_ranked(one), _known(one.known_items), _covered(one.covered), _refused(one), _leaks(one.leaks))
    return tuple(sheet for sheet in made if sheet.rows)


def figure(one: Figure) -> str:
    """A share with its interval, e.g. `0.84 [0.79, 0.88]`.

    >>> from evaluation.intervals import Figure, NOTHING
    >>> figure(Figure(0.8421, 0.79, 0.884, 200, 180)), figure(NOTHING)
    ('0.84 [0.79, 0.88]', '–')
    """
    return "–" if one.value is None else f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"


def _ranked(one: SetStudy) -> Sheet:
    rows = tuple((way.name, figure(way.precision), figure(way.ndcg), figure(way.lead), figure(way.answered)) for way in one.ranked)
    return Sheet("Shared findings", ("neighbours", "P@5", "nDCG@5", "above a random order", "answered"), rows)


def _known(found: Sequence[Found]) -> Sheet:
    heads = ("known item", "R@1", "R@5", "R@10", "median rank", "among", "R@10 by chance", "R@1 of the commonest")
    rows = tuple(
        (
            one.name,
            *map(figure, one.recall),
            "–" if one.median_rank is None else f"{one.median_rank:.0f}",
            str(one.among),
            f"{one.by_chance[-1]:.2f}",
            f"{one.commonest:.2f}",
        )
        for one in found
    )
    return Sheet("Image to report and back", heads, rows)


def _covered(covered: Sequence[Covered]) -> Sheet:
    rows = tuple(
        (one.kind, figure(one.covered), f"{one.stated:.2f}", "too few cases" if one.threshold is None else f"{one.threshold:.3f}")
        for one in covered
    )
    return Sheet("New cases called comparable", ("query by", "comparable", "stated", "up to distance"), rows)


def _refused(one: SetStudy) -> Sheet:
    rows = tuple((some.name, some.kind, figure(some.refused), str(some.refused.queries)) for some in one.refused)
    return Sheet("Strangers refused", ("strangers", "query by", "refused", "of"), rows)


def _leaks(found: Leaks | None) -> Sheet:
    heads = ("what must not be found", "found", "found without the rules")
    if found is None:
        return Sheet("Leaks", heads, ())
    leaked, without = dict(found.leaked), dict(found.without_rules)
    rows = tuple((reason, str(leaked.get(reason, 0)), str(without.get(reason, 0))) for reason in sorted({*leaked, *without}))
    return Sheet(f"Leaks: {found.neighbours} neighbours of {found.queries} queries judged", heads, rows)


def _texts(ranked: TextsRanked) -> Sheet:
    rows = (
        ("nearest by the text", figure(ranked.precision), figure(ranked.ndcg)),
        ("baseline: a random order", figure(ranked.random_precision), figure(ranked.random_ndcg)),
    )
    return Sheet(f"Shared concepts, {ranked.precision.queries} captions", ("neighbours", "P@5", "nDCG@5"), rows)


def _size(one: SetStudy) -> str:
    skipped = f", {one.skipped} cases skipped" if one.skipped else ""
    asked = f"{one.queries} queries of {one.persons} persons" if one.queries else "no queries held out"
    return f"Library of {one.library} cases, {asked}{skipped}; weight of the image {one.image_weight:g} ({one.image_weight_reason})."


def _notes(one: SetStudy) -> Iterator[str]:
    yield from (f"Not measured: {words}." for words in one.left_out)


def _floors(study: RetrievalStudy) -> tuple[str, ...]:
    return tuple(f"MISSED {words}" for words in missed(study)) or ("All floors of `evaluation/gates.py` held.",)


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _markdown(sheet: Sheet) -> list[str]:
    lines = [sheet.heads, tuple("---" for _ in sheet.heads), *sheet.rows]
    return [f"**{sheet.title}**", "", *(f"| {' | '.join(line)} |" for line in lines)]


def _print(sheet: Sheet, console: Console, table: type) -> None:
    made = table(*sheet.heads, title=sheet.title, title_justify="left", box=None)
    for row in sheet.rows:
        made.add_row(*row)
    console.print(made)
