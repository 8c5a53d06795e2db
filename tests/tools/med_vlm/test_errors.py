"""Errors of the folder carry a stable code."""

from __future__ import annotations

import pytest

from tools.med_vlm import errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ModelMissing("weights.safetensors"), "model_missing"),
        (errors.ModelFilesChanged("weights.safetensors", "its SHA-256 differs"), "model_files_changed"),
        (errors.ImageRefused("constant"), "image_refused"),
        (errors.TrainingDataRefused("too few"), "training_data_refused"),
        (errors.TrainingDiverged("step 3"), "training_diverged"),
        (errors.ModelOutputInvalid("there is no sentence"), "model_output_invalid"),
    ],
)
def test_every_error_has_its_code_and_cannot_be_retried(error: errors.MedVlmError, code: str) -> None:
    assert error.code == code
    assert error.retryable is False
    assert str(error)
