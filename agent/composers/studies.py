"""Which reports speak of the study under review, and which of the one before it."""

from __future__ import annotations

from dataclasses import dataclass

from fhir.imaging import focal_study, priors
from fhir.study import Study
from policies.case import PolicyCase


@dataclass(frozen=True, slots=True)
class Studies:
    """The study under review and the newest comparable one before it; None for one that the chart does not have."""

    focal: Study | None
    prior: Study | None

    @property
    def reports(self) -> frozenset[str]:
        """References of the focal study's reports."""
        return frozenset() if self.focal is None else frozenset(self.focal.reports)

    @property
    def prior_reports(self) -> frozenset[str]:
        """References of the prior study's reports."""
        return frozenset() if self.prior is None else frozenset(self.prior.reports)


def studies_of(case: PolicyCase) -> Studies:
    """The focal study (of a case that names none, the chart's newest) and its prior."""
    named = case.study.reference.split("/")[-1] if case.study is not None and case.study.reference else None
    focal = focal_study(case.chart, named, case.as_of)
    earlier = () if focal is None else priors(case.chart, focal)
    return Studies(focal, earlier[0] if earlier else None)
