"""Four voices on one finding: the chart, the report, the reading, the neighbours. Shown side by side, never averaged."""

from __future__ import annotations

from collections.abc import Iterable

from agent.review import Say, Voice
from fhir.codes import FINDINGS, Side
from fhir.study import Study
from policies.evidence import Evidence, Polarity
from retrieval.cards import SearchResult
from tools.similar_cases import people

_SILENT = Say()


def voices(evidence: tuple[Evidence, ...], study: Study | None, search: SearchResult | None) -> tuple[Voice, ...]:
    """A row for every finding that the chart, a report of the focal study or the reading does not leave unmentioned or absent."""
    reports = study.reports if study else ()
    rows = (_row(finding.key, evidence, reports, search) for finding in FINDINGS)
    return tuple(row for row in rows if any(_speaks(say) for say in (row.chart, row.report, row.reading)))


def _row(finding: str, evidence: tuple[Evidence, ...], reports: tuple[str, ...], search: SearchResult | None) -> Voice:
    about = [item for item in evidence if item.finding == finding]
    chart = _say(item for item in about if item.kind == "chart_fact")
    report = _say(item for item in about if item.kind == "report_sentence" and item.reference in reports)
    reading = _say(item for item in about if item.kind == "image_finding")
    discordant = _discordant((chart, report, reading))
    return Voice(
        finding=finding, chart=chart, report=report, reading=reading, neighbours=_neighbours(finding, search), discordant=discordant
    )


def _say(items: Iterable[Evidence]) -> Say:
    stated = [item for item in items if item.polarity is not None]
    if not stated:
        return _SILENT
    sides = dict.fromkeys(item.side for item in stated if item.side and item.polarity != "absent")
    return Say(polarity=_polarity({item.polarity for item in stated}), sides=tuple(sides), evidence=tuple(item.id for item in stated))


def _polarity(said: set[Polarity | None]) -> Polarity:
    if said == {"present"}:
        return "present"
    return "absent" if said == {"absent"} else "uncertain"


def _neighbours(finding: str, search: SearchResult | None) -> Say:
    """How many people of the group have it; silent for a group too small to be described (POLICIES G15)."""
    cards = people(search)
    if not cards:
        return _SILENT
    return Say(count=sum(any(stated.key == finding for stated in card.findings) for card in cards), of=len(cards))


def _speaks(say: Say) -> bool:
    return say.polarity in {"present", "uncertain"}


def _discordant(says: tuple[Say, ...]) -> bool:
    polarities = {say.polarity for say in says}
    sides = [_both(say.sides) for say in says if say.polarity == "present" and say.sides]
    return {"present", "absent"} <= polarities or any(one != sides[0] for one in sides)


def _both(sides: tuple[Side, ...]) -> frozenset[str]:
    """Left and right together are bilateral."""
    return frozenset(part for side in sides for part in (("left", "right") if side == "bilateral" else (side,)))
