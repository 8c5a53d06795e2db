"""`sidenote model check` and `calibrate`: what is measured is told, and a model that does not look is found out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from fhir.codes import FINDINGS
from sidenote.commands.model import naming
from tools.med_vlm import catalogue
from tools.med_vlm.asked import asked_of
from tools.med_vlm.doubles.fake import FixedReader, SeededReader
from tools.med_vlm.reading import FindingReading, Reading
from tools.med_vlm.trust.calibration_folder import load
from tools.med_vlm.trust.labelled import Labelled

BLIND = Reading(
    model="blind double 1",
    fingerprint="0" * 64,
    abstained=False,
    reason="",
    calibrated=True,
    findings=tuple(FindingReading(key=finding.key, presence="present", probability=0.9) for finding in FINDINGS),
)


def test_a_model_that_answers_the_same_whatever_it_is_shown_is_found_out(
    site: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sidenote.commands.model.checking.open_named", lambda name, folder: FixedReader(BLIND))
    done = site("check", "lingshu", "--count", "3")
    assert done.exit_code == 1
    assert "ITS ANSWERS DO NOT DEPEND ON THE IMAGE" in done.output
    assert "noise: READ AS A RADIOGRAPH" in done.output


@pytest.mark.fault(66)
def test_a_server_that_is_not_there_is_a_typed_refusal(site: Callable[..., Result]) -> None:
    done = site("check", "lingshu", "--count", "1")
    assert done.exit_code == 3
    assert json.loads(done.stderr)["code"].startswith("model_server")


def test_the_measurement_as_json_is_the_whole_of_it(site: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sidenote.commands.model.checking.open_named", lambda name, folder: SeededReader())
    told = json.loads(site("check", "lingshu", "--count", "3", "--format", "json").output)
    assert told["images"] == 3
    assert told["model"] == SeededReader.name
    assert not told["blind"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compact", "--phantoms", "50"), "calibrated when it is trained"),
        (("lingshu",), "either --archive or --phantoms"),
        (("lingshu", "--phantoms", "50", "--archive", "."), "either --archive or --phantoms"),
    ],
)
def test_what_cannot_be_calibrated_is_usage(site: Callable[..., Result], tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = site("calibrate", *arguments, "--out", str(tmp_path / "calibration"))
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_calibration_says_what_it_is_worth_and_is_that_models_alone(
    site: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    drawn = [Labelled(asked_of(random.random((96, 96), dtype=np.float32)), frozenset(), frozenset({"nodule"})) for _ in range(100)]
    monkeypatch.setattr("sidenote.commands.model.images.phantoms", lambda count: drawn[:count])
    monkeypatch.setattr(catalogue, "open_uncalibrated", lambda spec: SeededReader())
    out = tmp_path / "calibration"
    done = site("calibrate", "lingshu", "--phantoms", "100", "--out", str(out))
    assert done.exit_code == 0, done.output
    assert "measured on 50 others" in done.output
    assert "it will always be uncertain" in done.output, "nobody carries it"
    assert f'calibration = "{out}"' in done.output
    assert load(out).record.fingerprint == SeededReader.fingerprint


def test_the_reader_of_a_name_is_the_one_that_a_review_has(site: Callable[..., Result]) -> None:
    site("list")
    reader = naming.open_named("compact", None)
    assert type(reader).__name__ == "Timed"
