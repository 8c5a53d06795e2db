"""The contract of a `VisionModel`: what every back end keeps, asked of it by the fixture `keeps_the_contract`."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.asked import Asked, asked_of
from tools.med_vlm.asking.questions import question, side_question
from tools.med_vlm.vision_model import Answered, Prompt, VisionModel, Written

F32 = NDArray[np.float32]

QUESTIONS = (question("pleural_effusion"), question("cardiomegaly"), side_question("pneumothorax"))
PROMPT = Prompt("You describe images.", "Describe this chest radiograph.", most_tokens=8)


def drawn_image(seed: int, rows: int = 96, columns: int = 80) -> F32:
    """Smooth shapes drawn from a seed, of a radiograph's range."""
    random = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    waves = (np.sin(down * random.uniform(2, 9) + random.uniform(0, 6)) * np.cos(across * random.uniform(2, 9)) for _ in range(4))
    made = np.sum(list(waves), axis=0)
    scaled: F32 = ((made - made.min()) / np.ptp(made)).astype(np.float32)
    return scaled


def check(model: VisionModel, *, looks: bool = True, tolerance: float = 1e-4) -> None:
    """Fail where `model` breaks the contract. `looks`: whether another image must give another answer (a double looks at none)."""
    asked = asked_of(drawn_image(1))
    names_itself(model)
    answers_each_question(model, asked)
    is_the_same_again(model, asked, tolerance)
    leaves_the_image_as_it_was(model)
    writes_as_it_says(model, asked)
    can_be_shared(model, tolerance)
    if looks:
        looks_at_the_image(model, asked)


def names_itself(model: VisionModel) -> None:
    assert model.name.strip()
    assert len(model.fingerprint) == 64
    assert set(model.fingerprint) <= set("0123456789abcdef")
    assert model.profile.licence
    assert model.profile.findings


def answers_each_question(model: VisionModel, asked: Asked) -> None:
    assert tuple(model.choose(asked, ())) == ()
    for chosen in (QUESTIONS, QUESTIONS[::-1], QUESTIONS[2:]):
        answered = model.choose(asked, chosen)
        assert [one.name for one in answered] == [one.name for one in chosen]
        for one, of in zip(answered, chosen, strict=True):
            assert set(one.probabilities) == set(of.answers)
            assert all(0 <= value <= 1 for value in one.probabilities.values())
            assert math.isclose(sum(one.probabilities.values()), 1, abs_tol=1e-3)
            assert (one.samples > 0) == (one.basis == "sampled")


def is_the_same_again(model: VisionModel, asked: Asked, tolerance: float) -> None:
    first = model.choose(asked, QUESTIONS)
    alike(first, model.choose(asked_of(asked.focal.pixels.copy()), QUESTIONS), tolerance)
    alike(first[:1], model.choose(asked, QUESTIONS[:1]), tolerance)
    assert model.write(asked, PROMPT)[:1] == model.write(asked, PROMPT)[:1]


def leaves_the_image_as_it_was(model: VisionModel) -> None:
    pixels = drawn_image(2)
    pixels.setflags(write=False)
    model.choose(asked_of(pixels), QUESTIONS[:1])
    assert np.array_equal(pixels, drawn_image(2))


def writes_as_it_says(model: VisionModel, asked: Asked) -> None:
    for samples in (1, 3):
        written = model.write(asked, PROMPT, samples=samples)
        assert len(written) == (samples if model.writes else 0)
        assert all(isinstance(one, Written) and isinstance(one.text, str) and isinstance(one.whole, bool) for one in written)


def can_be_shared(model: VisionModel, tolerance: float) -> None:
    questions = [asked_of(drawn_image(seed)) for seed in (3, 4, 5)]
    alone = [model.choose(one, QUESTIONS) for one in questions]
    with ThreadPoolExecutor(3) as threads:
        together = list(threads.map(lambda one: model.choose(one, QUESTIONS), questions))
    for one, other in zip(alone, together, strict=True):
        alike(one, other, tolerance)


def looks_at_the_image(model: VisionModel, asked: Asked) -> None:
    other = model.choose(asked_of(drawn_image(7)), QUESTIONS)
    pairs = zip(model.choose(asked, QUESTIONS), other, strict=True)
    assert any(abs(one.probabilities[answer] - two.probabilities[answer]) > 1e-9 for one, two in pairs for answer in one.probabilities)


def alike(one: tuple[Answered, ...], other: tuple[Answered, ...], tolerance: float) -> None:
    assert len(one) == len(other)
    for first, second in zip(one, other, strict=True):
        assert first.name == second.name
        assert all(abs(first.probabilities[each] - second.probabilities[each]) <= tolerance for each in first.probabilities)
