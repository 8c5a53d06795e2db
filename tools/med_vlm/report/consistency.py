"""What several drawn reports agree on: a sentence that most of them do not bear out is the model's invention (RadFlag's idea).

Agreement is judged by the labels of the sentences (`tools.labeler`'s rules), so that it needs no second model; a sentence without any
label cannot be judged, and stays. Zhang et al., RadFlag, arXiv 2411.00299; Wang et al., SCUQ-RRG, arXiv 2412.04606.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tools.med_vlm.formats.document import Report
from tools.med_vlm.report.stated import Stated, overlap, stated

SUPPORT: Final = 0.5
"""Share of the drawn reports below which a sentence is left out."""


def support(text: str, drawn: Sequence[Report]) -> float | None:
    """Share of the drawn reports in which everything that `text` says of findings holds; None where it says nothing of any."""
    said = stated(text)
    if not said or not drawn:
        return None
    return sum(all(_holds(one, stated(report.text)) for one in said) for report in drawn) / len(drawn)


def shares(drawn: Sequence[Report], keys: Sequence[str]) -> Mapping[str, float]:
    """Of each finding the share of drawn reports that state it as present; empty without reports."""
    said = [{one.finding for one in stated(report.text) if one.polarity == "present"} for report in drawn]
    return {key: sum(key in each for each in said) / len(said) for key in keys} if said else {}


def _holds(one: Stated, report: Sequence[Stated]) -> bool:
    """A report bears out a denial by not stating the opposite: reports do not list everything that is absent."""
    there = {each.polarity for each in report if each.finding == one.finding and overlap(each.side, one.side)}
    if one.polarity == "absent":
        return "present" not in there
    return "present" in there or (one.polarity == "uncertain" and "uncertain" in there)
