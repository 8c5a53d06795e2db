"""Past cases of other people, and why they are comparable or none is."""

from __future__ import annotations

from agent.review import Review, SimilarCase
from sidenote.render.layout import case_title, moment
from sidenote.render.searching import limit, method
from sidenote.web.wire.view import CaseView, SimilarView


def similar_view(review: Review) -> SimilarView | None:
    """What the case library said; None when it was not asked, or a policy withholds the review."""
    search = review.search
    if search is None or review.status == "withheld":
        return None
    words = f"{len(review.similar_cases)} of {search.searched:,} comparable" if search.comparable else search.reason
    cases = tuple(_case(number, case, review) for number, case in enumerate(review.similar_cases, start=1))
    return SimilarView(
        comparable=search.comparable, words=words, detail=limit(search), method=method(search), notice=search.notice, cases=cases
    )


def _case(number: int, case: SimilarCase, review: Review) -> CaseView:
    about = (case.modality, case.view, case.age_band, case.sex, moment(case.as_of))
    return CaseView(
        number=number,
        evidence=tuple(item.id for item in review.evidence if item.reference == f"case:{case.key}"),
        findings=tuple(case_title(case).split("; ")),
        distance=case.distance,
        about=" · ".join(part for part in about if part),
        shared=case.shared,
        differs=case.differs,
        outcome=case.outcome or "",
        report=case.report,
        licence=case.licence,
        thumbnail_png=case.thumbnail_png,
    )
