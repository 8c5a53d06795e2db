"""What `sidenote model check` tells of a reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fhir.codes import FINDING
from tools.med_vlm.asked import Asked, asked_of
from tools.med_vlm.compact.examples.example import TrainingExample
from tools.med_vlm.compact.reader import CompactReader
from tools.med_vlm.doubles.fake import FixedReader, abstention
from tools.med_vlm.reading import FindingReading, Reading
from tools.med_vlm.trust.check import Expectation, expect, resident
from tools.med_vlm.trust.input_gate import Gated
from tools.med_vlm.trust.labelled import Labelled, labelled_of
from tools.med_vlm.trust.references import shipped
from tools.med_vlm.trust.reliance import BLIND, Probed

F32 = NDArray[np.float32]
EFFUSION = "pleural_effusion"


def corner(asked: Asked) -> Mapping[str, float]:
    """Is right about an effusion when the first pixel says it; of a nodule it is always wrong."""
    there = float(asked.focal.pixels[0, 0])
    return dict.fromkeys(FINDING, 0.1) | {EFFUSION: there, "nodule": 1 - there}


@pytest.fixture
def twenty(picture: Callable[..., F32]) -> tuple[Labelled, ...]:
    made = []
    for number in range(20):
        image = picture(number).copy()
        image[0, 0] = 0.95 if number % 2 else 0.05
        known = frozenset({EFFUSION, "nodule", "pneumothorax"})
        made.append(Labelled(asked_of(image), frozenset({EFFUSION, "nodule"} if number % 2 else ()), known))
    return tuple(made)


def test_shares_count_what_was_said_against_what_is_known(twenty: tuple[Labelled, ...], told: Any) -> None:
    reader = told(corner)
    found = expect(reader, twenty, shipped(), probed=2)
    assert (found.model, found.images) == (reader.name, 20)
    assert (found.abstained.hits, found.abstained.total) == (0, 20)
    assert (found.decided.hits, found.decided.total) == (60, 60)
    assert (found.right.hits, found.right.total) == (40, 60)
    assert (found.coverage.hits, found.coverage.total) == (40, 60)
    assert (found.auroc[EFFUSION].value, found.auroc["nodule"].value) == (1.0, 0.0)
    assert set(found.auroc) == {EFFUSION, "nodule"}
    assert 0 < found.seconds <= found.slowest
    assert not found.blind
    assert len(reader.read_of) == 20
    assert len(reader.asked) <= 2 * 7


def test_the_moved_share_is_of_what_was_tested(twenty: tuple[Labelled, ...], told: Any) -> None:
    found = expect(told(corner), twenty, shipped(), probed=3)
    assert found.moved.total == 30
    assert 0 < found.moved.hits < 30


def test_a_reader_that_does_not_look_is_called_blind(twenty: tuple[Labelled, ...]) -> None:
    findings = tuple(FindingReading(key=key, presence="present", probability=0.9) for key in FINDING)
    said = Reading(model="fixed double 1", fingerprint="0" * 64, abstained=False, reason="", findings=findings)
    bare = expect(FixedReader(said), twenty, shipped(), probed=2)
    assert (bare.blind, bare.moved.hits, bare.moved.total) == (True, 0, 20)
    wrapped = expect(Probed(FixedReader(said), shipped()), twenty, shipped())
    assert (wrapped.blind, wrapped.reasons) == (True, {BLIND: 20})
    assert wrapped.decided.value is None


def test_a_reader_that_probes_itself_is_not_probed_again(twenty: tuple[Labelled, ...], told: Any) -> None:
    reader = told(corner)
    found = expect(Probed(reader, shipped()), twenty, shipped(), probed=2)
    assert len(reader.asked) <= 20 * 7
    assert found.moved.total == 200


def test_a_reader_that_abstains_tells_why_and_is_measured_all_the_same(twenty: tuple[Labelled, ...], told: Any) -> None:
    class Silent(FixedReader):
        def probabilities(self, asked: Asked) -> Mapping[str, float]:
            return corner(asked)

    found = expect(Silent(abstention("double", "f" * 64, "told to")), twenty, shipped())
    assert (found.abstained.value, found.reasons) == (1.0, {"told to": 20})
    assert (found.decided.total, found.coverage.value, found.moved.value) == (0, None, None)
    assert found.auroc[EFFUSION].value == 1.0


def test_without_images_there_is_nothing_to_expect(told: Any) -> None:
    with pytest.raises(ValueError, match="nothing"):
        expect(told(corner), (), shipped())


def test_too_few_images_of_a_kind_give_no_auroc(twenty: tuple[Labelled, ...], told: Any) -> None:
    assert expect(told(corner), twenty[:9], (), probed=0).auroc == {}
    assert set(expect(told(corner), twenty[:10], (), probed=0).auroc) == {EFFUSION, "nodule"}


def test_what_it_found_survives_json(twenty: tuple[Labelled, ...], told: Any) -> None:
    found = expect(told(corner), twenty[:4], ())
    assert Expectation.model_validate_json(found.model_dump_json()) == found
    assert found.moved.total == 0


def test_memory_is_told_where_the_system_says_it(tmp_path: Path) -> None:
    status = tmp_path / "status"
    assert resident(status) is None
    status.write_text("Name:\tpython\n")
    assert resident(status) is None
    status.write_text("Name:\tpython\nVmRSS:\t  100000 kB\n")
    assert resident(status) == pytest.approx(102.4)


def test_the_compact_model_on_phantoms(reader: CompactReader, phantoms: tuple[TrainingExample, ...]) -> None:
    found = expect(Gated(reader), [labelled_of(example) for example in phantoms[:12]], shipped(), probed=1)
    assert (found.right.value or 0) > 0.9
    assert (found.coverage.value or 0) > 0.9
    assert found.moved.value == 1.0
    assert not found.blind
