"""What is asked to be indexed, and what cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.cards import SourceCase
from sidenote.commands.index.sources import Asked, phantoms


@pytest.mark.parametrize(
    ("asked", "right"),
    [
        (Asked(phantoms=3), True),
        (Asked(phantoms=3, seed=1), True),
        (Asked(cases=Path("a")), True),
        (Asked(cases=Path("a"), unsigned=True), True),
        (Asked(dicom=Path("a"), consent="yes", licence="CC0-1.0"), True),
        (Asked(fhir="a", licence="CC0-1.0"), True),
        (Asked(), False),
        (Asked(phantoms=3, cases=Path("a")), False),
        (Asked(dicom=Path("a"), fhir="b"), False),
        (Asked(phantoms=3, secret_file=Path("a")), False),
        (Asked(cases=Path("a"), seed=1), False),
        (Asked(dicom=Path("a"), unsigned=True), False),
        (Asked(cases=Path("a"), licence="CC0-1.0"), False),
    ],
)
def test_one_source_with_what_goes_with_it(asked: Asked, right: bool) -> None:
    assert (asked.wrong == "") is right


def test_phantoms_are_the_same_only_with_the_same_number_and_seed() -> None:
    same, other, more = phantoms(3, 1), phantoms(3, 2), phantoms(4, 1)
    assert same.fingerprint == phantoms(3, 1).fingerprint
    assert len({same.fingerprint, other.fingerprint, more.fingerprint}) == 3
    drawn, redrawn = (next(iter(one.keyed(Path(), "")[1])) for one in (same, other))
    assert isinstance(drawn, SourceCase)
    assert isinstance(redrawn, SourceCase)
    assert not np.array_equal(drawn.image, redrawn.image)
