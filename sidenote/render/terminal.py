"""A review in a terminal: what matters first, every statement with its citations, the evidence below."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agent.review import Review, ReviewPolicy, Say
from sidenote.render.layout import (
    ACTION_WORDS,
    EVIDENCE_WORDS,
    MARKS,
    NOT_A_DEVICE,
    STATUS_STYLES,
    Card,
    arrange,
    case_title,
    finding_words,
    moment,
    not_fitting,
    patient_detail,
    plain_status,
    rows,
    short_reference,
    short_version,
    telling,
    unavailable,
)
from sidenote.render.legible import legible
from sidenote.render.reading import comparison_line, disagreement_words
from sidenote.render.searching import limit, method
from sidenote.render.write import write_whole

_TONES = {"critical": "red", "caution": "yellow", "accent": "cyan", "plain": "bright_black"}


def print_review(review: Review, out: Path | None = None) -> None:
    """Print the review to the terminal, or as plain text into the file `out`."""
    if out is None:
        show(review, Console())
        return
    sheet = io.StringIO()
    show(review, Console(width=120, file=sheet))
    write_whole(out, sheet.getvalue())


def show(review: Review, console: Console) -> None:
    """Print the review on `console`."""
    review = legible(review)
    layout = arrange(review)
    console.print(_banner(review))
    _section(console, "Before anything else", [_card(card) for card in layout.first])
    _section(console, "Policies", [_policy(policy) for policy in layout.elsewhere])
    _section(console, "Consider", [_card(card) for card in layout.consider])
    _section(console, "What was seen", [_card(card) for card in layout.seen])
    _section(console, "Compared by the image model", [Text(line) for line in (comparison_line(review),) if line])
    _section(console, "The image model differs from a report", [Text(line) for line in disagreement_words(review)])
    _section(console, "What was looked at", [Text(sentence) for sentence in layout.account])
    _section(
        console, "Withheld", [Text.assemble(("“", "dim"), item.claim.text, ("” ", "dim"), (item.reason, "red")) for item in review.withheld]
    )
    _section(console, "Four voices", [_voices(review)] if telling(review) else [])
    _section(console, "Similar cases", [] if review.status == "withheld" else [_similar(review)])
    _section(console, "Evidence", [_evidence(review)] if review.evidence else [])
    _section(console, "Not available, or doubtful", _doubts(review))
    fired = sum(policy.outcome == "fired" for policy in review.policies)
    console.print(
        Text(
            f"{len(review.policies)} policies checked, {fired} fired · record {review.review_id} · {short_version(review.versions.model)}",
            style="dim",
        )
    )
    console.print(Text(f"AI-generated, not yet reviewed by a person. {NOT_A_DEVICE}.", style="dim"))


def _banner(review: Review) -> RenderableType:
    who = Text.assemble((review.patient.name or review.patient.reference, "bold"), f"   {patient_detail(review.patient)}")
    study = review.study
    what = (
        "No imaging study"
        if study is None
        else " · ".join(part for part in (study.description, moment(study.started or "")) if part) or "Named image"
    )
    lines = [who, Text(f"{what} · as of {moment(review.as_of)}", style="dim")]
    if review.question:
        lines.append(Text(f"“{review.question}”", style="italic"))
    title = Text(plain_status(review), style=f"bold {STATUS_STYLES[review.status]}")
    return Panel(
        Group(*lines),
        title="Sidenote",
        title_align="left",
        subtitle=title,
        subtitle_align="right",
        border_style=STATUS_STYLES[review.status],
    )


def _section(console: Console, title: str, items: list[RenderableType]) -> None:
    if items:
        console.print(Text(f"\n{title.upper()}", style="bold bright_black"))
        for item in items:
            console.print(Padding(item, (0, 0, 0, 1)))


def _card(card: Card) -> RenderableType:
    tone = _TONES[card.tone]
    line = Text.assemble(
        ("▌ ", tone), (f"{card.heading}  ", f"bold {tone}"), card.claim.text, "  ", (" ".join(card.claim.evidence), "cyan")
    )
    return Group(line, *(Padding(_policy(policy), (0, 0, 0, 3)) for policy in card.policies))


def _policy(policy: ReviewPolicy) -> Text:
    tone = "red" if policy.action in ("block", "escalate") else "yellow"
    return Text.assemble(
        (f"{policy.id} {ACTION_WORDS[policy.action]}: ", f"bold {tone}"), policy.message, "  ", (" ".join(policy.evidence), "cyan")
    )


def _voices(review: Review) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("Finding", "Chart", "Report", "Reading", "Cases"):
        table.add_column(heading)
    for voice in telling(review):
        says = (voice.chart, voice.report, voice.reading, voice.neighbours)
        table.add_row(finding_words(voice.finding), *map(_say, says), style="yellow" if voice.discordant else "")
    return table


def _say(say: Say) -> str:
    if say.of:
        return f"{say.count} of {say.of}"
    return MARKS[None] if say.polarity is None else f"{MARKS[say.polarity]} {say.polarity} {', '.join(say.sides)}".strip()


def _similar(review: Review) -> RenderableType:
    if review.search is None:
        return Text("No case library was asked.", style="dim")
    told = [Text(sentence, style="dim") for sentence in (review.search.notice, limit(review.search), *method(review.search)) if sentence]
    return Group(_cases(review) if review.similar_cases else Text(review.search.reason), *told)


def _cases(review: Review) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("Distance", "Findings", "Shares", "Differs"):
        table.add_column(heading)
    for case in review.similar_cases:
        table.add_row(f"{case.distance:.2f}", *map(Text, (case_title(case), ", ".join(case.shared), "; ".join(case.differs))))
    return table


def _evidence(review: Review) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(ratio=1)
    table.add_column(style="dim")
    for row in rows(review, cited=True):
        item = row.first
        table.add_row(row.label, Text(item.text), Text(f"{EVIDENCE_WORDS[item.kind]} · {short_reference(item.reference)}"))
    if more := len(rows(review, cited=False)):
        table.add_row("", Text(f"{more} more were looked at and are cited by no statement (--format json holds them)", style="dim"), "")
    return table


def _doubts(review: Review) -> list[RenderableType]:
    missing = [Text(f"Not available: {name}. What rests on it says “cannot tell”.") for name in unavailable(review)]
    notes = [Text(note) for note in review.manifest.notes]
    if review.manifest.quality:
        notes.append(Text(f"{len(review.manifest.quality)} facts with data-quality remarks (see --format json)."))
    return [*missing, *notes, *(Text(not_fitting(over)) for over in review.manifest.overflow)]
