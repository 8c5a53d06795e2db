"""Small case sets whose images and reports tell the findings, encoders that read them, and libraries built of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from evaluation.case_sets import CaseSet, Divided, divided
from evaluation.library import built
from retrieval.cards import CaseCard, CaseFinding, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.keys import Keyring, difference_hash, report_sketch
from retrieval.library import Library

FINDINGS = ("nodule", "edema", "pleural_effusion")


@dataclass(frozen=True)
class SharedSpace:
    """A declared test double whose images and texts share a space: each case has an axis of its own, marked in a corner of the
    image and named by the last word of the report. `off` makes the images point to a neighbour's axis."""

    off: int = 0
    image_dimension: int = 256
    text_dimension: int = 256
    one_space: bool = True
    fingerprint: str = "5" * 64

    def images(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        return self._axes([round(float(image[0, 0]) * 255) + self.off for image in batch])

    def texts(self, batch: Sequence[str]) -> np.ndarray:
        return self._axes([len(text.split()[-1]) for text in batch])

    def _axes(self, numbers: Sequence[int]) -> np.ndarray:
        return np.asarray(np.eye(self.image_dimension, dtype=np.float32)[[number % self.image_dimension for number in numbers]])


@pytest.fixture(scope="session")
def shared_space() -> type[SharedSpace]:
    return SharedSpace


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring(b"a secret of the tests, long enough", b"evaluation")


@pytest.fixture(scope="session")
def make_case(keyring: Keyring) -> Callable[..., SourceCase]:
    """`make_case(n)`: two cases a person; the finding `n % 4` shows in the image as a bright quarter, the report names it."""

    def made(number: int, **changes: Any) -> SourceCase:
        random = np.random.default_rng(number)
        pixels = 0.15 + 0.35 * random.random((32, 32), dtype=np.float32)
        kind = number // 2 % 4
        pixels[16 * (kind // 2) : 16 * (kind // 2) + 16, 16 * (kind % 2) : 16 * (kind % 2) + 16] += 0.3
        pixels[0, 0] = np.float32((number + 1) / 255)
        finding = FINDINGS[kind] if kind < 3 else "nothing"
        words = " ".join("".join(chr(97 + letter) for letter in random.integers(0, 26, 5)) for _ in range(12))
        report = changes.pop("report", f"{finding.replace('_', ' ')} is seen {words} {'x' * (number + 1)}")
        card = CaseCard(
            key=keyring.case(f"case {number}"),
            person=keyring.person(f"person {number // 2}"),
            study=keyring.study(f"study {number}"),
            as_of=date(2015, 1, 1) + timedelta(days=37 * (number % 90)),
            modality="DX",
            body_part="CHEST",
            view="PA",
            age_band="60-69",
            sex="female",
            findings=(CaseFinding(finding),) if kind < 3 else (),
            report=report,
            report_hash=keyring.report(report),
            report_sketch=report_sketch(report),
            image_hash=difference_hash(pixels),
            consent="synthetic",
            licence="Apache-2.0",
        )
        return SourceCase(replace(card, **changes), pixels)

    return made


@pytest.fixture(scope="session")
def case_set(make_case: Callable[..., SourceCase], keyring: Keyring) -> CaseSet:
    """160 cases of 80 persons."""
    return CaseSet("small", "cases of the tests", keyring, tuple(make_case(number) for number in range(160)), held_to_rank=True)


@pytest.fixture(scope="session")
def parts(case_set: CaseSet) -> Divided:
    return divided(case_set.cases, 40)


@pytest.fixture(scope="session")
def encoder() -> HashEncoder:
    return HashEncoder(64)


@pytest.fixture(scope="session")
def library(case_set: CaseSet, parts: Divided, encoder: HashEncoder) -> Iterator[Library]:
    with built(case_set, parts, encoder, lambda seen: None) as opened:
        yield opened


@pytest.fixture(scope="session")
def build_of(case_set: CaseSet) -> Callable[..., AbstractContextManager[Library]]:
    """A library of other cases, by another encoder."""
    return lambda cases, encoder: built(case_set, Divided(tuple(cases), ()), encoder, lambda seen: None)
