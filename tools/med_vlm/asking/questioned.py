"""Makes a `Reader` of any model that answers about images: it is asked about every finding, and has its report written if it can."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fhir.codes import FINDING, SNOMED, Side
from tools.med_vlm.asked import Asked, Image
from tools.med_vlm.asking.answers import Answers, asked_all, probabilities
from tools.med_vlm.asking.fingerprint import fingerprint
from tools.med_vlm.asking.quality import quality, unreadable
from tools.med_vlm.asking.technique import is_lateral, position, technique
from tools.med_vlm.formats.document import Report, Told
from tools.med_vlm.formats.forms import FORMS
from tools.med_vlm.reading import FindingReading, Reading, Sentence
from tools.med_vlm.report.consistency import shares
from tools.med_vlm.report.localised import mask, regions, sentence
from tools.med_vlm.report.repair import reported
from tools.med_vlm.report.stated import stated
from tools.med_vlm.report.vetting import (
    addresses_a_machine,
    against_answers,
    borne_out_by,
    compares,
    compares_with_nothing,
    in_other_letters,
    names_somebody,
    states_a_finding,
    vetted,
)
from tools.med_vlm.spec import Format
from tools.med_vlm.vision_model import VisionModel

_UNFIT = (addresses_a_machine, names_somebody, in_other_letters)
"""Objections to any words of a model's."""


@dataclass(frozen=True, slots=True)
class _Narrative:
    told: tuple[Told, ...] = ()
    quality: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class QuestionedReader:
    """Implements `tools.med_vlm.reading.Reader`. Uncalibrated: no finding is more than uncertain. Safe to share between threads."""

    def __init__(self, model: VisionModel, form: Format = "json", samples: int = 1, *, runs_on: str = "") -> None:
        """`runs_on`: the device class of a model in this process (`tools.med_vlm.asking.fingerprint`).

        Raises:
            MedVlmError: the model's server is not there, so that nobody can say which model it is.
        """
        self.name = model.name
        self.fingerprint = fingerprint(model, FORMS[form], samples=samples, runs_on=runs_on)
        self.profile = model.profile
        self._model, self._form, self._samples = model, FORMS[form], samples

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        """The model's own probability of each finding, in one call.

        Raises:
            ModelOutputInvalid: the answers are not to the questions, or are no probabilities.
            MedVlmError: the model did not answer.
        """
        return probabilities(self._model, _alone(self._shown(asked)[0]))

    def read(self, asked: Asked) -> Reading:
        """Two calls for the findings at most, and two for the report; abstains on what is no image.

        Raises:
            ModelOutputInvalid: what it answered or wrote cannot be used, even after one repair; nothing of it is shown then.
            MedVlmError: the model did not answer.
        """
        if refused := unreadable(asked.focal.pixels):
            return Reading(model=self.name, fingerprint=self.fingerprint, abstained=True, reason=refused, view=asked.focal.view)
        shown, notes = self._shown(asked)
        answers = asked_all(self._model, _alone(shown))
        narrative = self._narrative(shown, answers) if self._model.writes else _Narrative()
        return Reading(
            model=self.name,
            fingerprint=self.fingerprint,
            abstained=False,
            reason="",
            view=asked.focal.view,
            findings=tuple(_finding(key, answers, narrative.told) for key in answers.probabilities),
            narrative=_tied(narrative.told, answers),
            technique=technique(shown.images, shown.priors),
            quality=(*quality(asked.focal.pixels), *narrative.quality),
            notes=(*notes, *answers.notes, *narrative.notes),
        )

    def _shown(self, asked: Asked) -> tuple[Asked, tuple[str, ...]]:
        """The images that the model's profile has it shown, without those that are none; and how many those are, in words.

        Of the prior study that is one, of the focal image's kind of view: no back end shows more.
        """
        others = tuple(filter(self._beside, asked.images[1:]))[: self.profile.most_images - 1]
        alike = (image for image in asked.priors if is_lateral(image) == is_lateral(asked.focal))
        priors = tuple(alike)[:1] if self.profile.sees_priors else ()
        kept = tuple(image for image in others if not unreadable(image.pixels))
        before = tuple(image for image in priors if not unreadable(image.pixels))
        left = len(others) + len(priors) - len(kept) - len(before)
        notes = (f"{left} further {'image' if left == 1 else 'images'} could not be shown to the model",) if left else ()
        return replace(asked, images=(asked.focal, *kept), priors=before), notes

    def _beside(self, image: Image) -> bool:
        views = self.profile.further_views
        return views is None or position(image) in views

    def _narrative(self, asked: Asked, answers: Answers) -> _Narrative:
        report, drawn = reported(self._model, asked, self._form, self._samples)
        compared = bool(asked.priors)
        objections = [*_UNFIT, *(() if compared else (compares_with_nothing,)), against_answers(answers), borne_out_by(drawn)]
        # A comparison is held to both readings later (`tools.med_vlm.compared.statements`), which has to see that it is one.
        told = (*report.sentences, *(Told(text) for text in report.comparison if compared and compares(text)))
        kept, left_out = vetted(told, objections)
        remarks, unfit = vetted([Told(text) for text in report.quality], [*_UNFIT, states_a_finding])
        quality = tuple(one.text for one in remarks)
        return _Narrative(kept, quality, (*report.notes, *left_out, *unfit, *_disputed(drawn, answers)))


def _alone(asked: Asked) -> Asked:
    """Without the prior: a finding is asked of the study alone, as a calibration's images were, and none of the prior's is taken for it."""
    return replace(asked, priors=())


def _disputed(drawn: Sequence[Report], answers: Answers) -> Iterator[str]:
    for key, share in shares(drawn, tuple(answers.probabilities)).items():
        if 0 < share < 1:
            yield f"{round(share * len(drawn))} of {len(drawn)} drawn reports state {FINDING[key].display}"


def _tied(told: Sequence[Told], answers: Answers) -> tuple[Sentence, ...]:
    return tuple(sentence(one, answers.probabilities) for one in told)


def _finding(key: str, answers: Answers, told: Sequence[Told]) -> FindingReading:
    probability = answers.probabilities[key]
    snomed = FINDING[key].snomed
    return FindingReading(
        key=key,
        code=f"{SNOMED}|{snomed}" if snomed else None,
        presence="uncertain",
        probability=probability,
        side=answers.sides.get(key) or _side(key, answers, told),
        regions=regions(key, told, probability),
        mask=mask(key, told),
    )


def _side(key: str, answers: Answers, told: Sequence[Told]) -> Side | None:
    """The one side that the sentences give to a finding the model affirms."""
    if not FINDING[key].lateral or not answers.says(key):
        return None
    said = {one.side for each in told for one in stated(each.text) if one.finding == key and one.polarity != "absent" and one.side}
    return said.pop() if len(said) == 1 else "bilateral" if said >= {"left", "right"} else None
