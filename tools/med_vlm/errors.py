"""What can go wrong around a Med-VLM, each with a stable code. No message holds anything of a patient.

MedVlmError
  ModelMissing           a file of the model is not where its card says it is
  ModelFilesChanged      a file of the model is not the one its card was written for
  ImageRefused           an array that is no readable radiograph, where an embedding must come back
  TrainingDataRefused    examples that cannot train
  TrainingDiverged       the loss stopped being a number
  BackendUnknown         the settings name a back end that there is not
  LicenceNotAccepted     a licence that nobody said yes to
"""

from __future__ import annotations

from typing import ClassVar


class MedVlmError(Exception):
    """Base of this folder's errors."""

    code: ClassVar[str] = "med_vlm_error"
    retryable: ClassVar[bool] = False


class ModelMissing(MedVlmError):
    """A file of the model is not where its card says it is."""

    code = "model_missing"

    def __init__(self, file: str) -> None:
        super().__init__(f"the model file {file!r} is missing; make it again with `sidenote model train compact`")
        self.file = file


class ModelFilesChanged(MedVlmError):
    """A file of the model is not the file its card was written for, so no claim of the card holds for it."""

    code = "model_files_changed"

    def __init__(self, file: str, detail: str) -> None:
        super().__init__(f"the model file {file!r} is not the one its card describes: {detail}")
        self.file = file
        self.detail = detail


class ImageRefused(MedVlmError):
    """An array that is no readable radiograph was given where an embedding must come back."""

    code = "image_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the image cannot be read: {reason}")
        self.reason = reason


class TrainingDataRefused(MedVlmError):
    """Training examples that cannot train: too few, an unknown finding, a mask of another shape."""

    code = "training_data_refused"


class TrainingDiverged(MedVlmError):
    """The loss stopped being a number."""

    code = "training_diverged"


class BackendUnknown(MedVlmError):
    """The settings name a back end that there is not."""

    code = "backend_unknown"

    def __init__(self, known: tuple[str, ...]) -> None:
        super().__init__(f"a model's back end is one of: {', '.join(known)}")


class LicenceNotAccepted(MedVlmError):
    """A licence that forbids commercial or clinical use, or that is not known here, without the site's explicit yes."""

    code = "licence_not_accepted"

    def __init__(self, model: str) -> None:
        super().__init__(f"the licence of model {model!r} needs an explicit yes: `accept_noncommercial = true` in its [[model]] table")
