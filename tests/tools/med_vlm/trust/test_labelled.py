"""Questions with their truth."""

from __future__ import annotations

from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.heads import KEYS
from tools.med_vlm.profile import Profile
from tools.med_vlm.trust.input_gate import looked_at
from tools.med_vlm.trust.labelled import labelled_of


def test_a_training_example_becomes_a_question_that_its_model_may_be_asked(phantoms: tuple[TrainingExample, ...]) -> None:
    profile = Profile(role="classifier", licence="Apache-2.0")
    for example in phantoms[:6]:
        one = labelled_of(example, group="g")
        assert one.present == set(example.labels)
        assert (one.known, one.group) == (frozenset(KEYS), "g")
        assert one.asked.focal.pixels is example.image
        assert (looked_at(one.asked.focal, profile).refused == "") == (example.view != "LATERAL")
