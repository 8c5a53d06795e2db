"""Where the image model and a report of the study say opposite things, and the table of voices does not show it already.

A model that was not calibrated decides nothing, so its rows say "uncertain"; its own sentences may still contradict the report. Both
sides are given as they stand, and neither wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.review import Disagreement, Voice
from fhir.chart import Chart
from fhir.study import Study
from policies.evidence import Evidence
from tools.med_vlm.compared.contradiction import Contradiction, contradictions
from tools.med_vlm.reading import Reading
from tools.notes import texts


def disagreements(
    chart: Chart, study: Study | None, reading: Reading | None, evidence: Iterable[Evidence], rows: Iterable[Voice]
) -> tuple[Disagreement, ...]:
    """One for each finding, of the newest report that contradicts the reading."""
    if study is None or reading is None or reading.abstained:
        return ()
    shown = {row.finding for row in rows if row.discordant}
    found: dict[str, Disagreement] = {}
    for reference, one in _raised(chart, study, reading):
        if one.finding not in shown:
            found.setdefault(one.finding, _told(one, reference, evidence))
    return tuple(found.values())


def _raised(chart: Chart, study: Study, reading: Reading) -> Iterator[tuple[str, Contradiction]]:
    for reference in study.reports:
        fact = chart.get(reference)
        for source in () if fact is None else texts(fact):
            yield from ((reference, one) for one in contradictions(reading, source.text))


def _told(one: Contradiction, reference: str, evidence: Iterable[Evidence]) -> Disagreement:
    ids = tuple(
        item.id
        for item in evidence
        if item.finding == one.finding
        and (item.kind == "image_finding" or (item.kind == "report_sentence" and item.reference == reference))
    )
    return Disagreement(finding=one.finding, report=one.report, model=one.model, evidence=ids)
