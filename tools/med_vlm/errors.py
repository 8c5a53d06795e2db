"""What can go wrong around a Med-VLM, each with a stable code. No message holds anything of a patient.

MedVlmError
  ModelMissing           a file of the model is not where its card says it is
  ModelFilesChanged      a file of the model is not the one its card was written for
  ImageRefused           an array that is no readable radiograph, where an embedding must come back
  TrainingDataRefused    examples that cannot train
  TrainingDiverged       the loss stopped being a number
  TrainingBusy           another process trains in the folder (retryable)
  TrainingStateDamaged   a file of an interrupted training is not as it was written
  TrainingBaseRefused    a model that cannot be adapted in the way that was asked for
  BackendUnknown         the settings name a back end that there is not
  LicenceNotAccepted     a licence that nobody said yes to
  PromptTooLong          images and words together are more than the model can attend to
  ModelOutputInvalid     what the model wrote or answered cannot be used, even after one repair
  ModelCardUnusable      the card that a site keeps of a model cannot be read
  ModelSourceRefused     a server that may not be told of a patient: no TLS, no plain URL, no key where one is named
  ModelServerUnreachable  no answer, one cut off, or a broken server (retryable)
    ModelServerResting   it failed too often and is left alone for a while (retryable)
  ModelServerBusy        the server asks to come back later (retryable)
  ModelTimedOut          the answer did not come, or did not end, in the time that was given (retryable)
  ModelServerRefused     the server will not answer this: no key, no such model, not in this way
  ModelAnswerUnusable    an answer that is none: empty, not in the protocol, too long, endlessly the same
  ModelChanged           another model answers than the settings name, or than answered before
  CheckpointRefused      a folder of weights that is not whole, or not of an architecture that is read here
  AnswerNotKnown         an answer that the model has no score for
  ModelNotPinned         the settings do not say which files a model has, or which commit of the hub
  ModelNotFound          a model's folder is not here, and cannot be had
  ModelFormatRefused     a file of a format that can run code when it is read
  ModelCodeRefused       a model that asks to run code of its own
  ModelOutOfMemory       the device has not enough memory for this just now (retryable)
  ConversionRefused      a checkpoint that is not of the published layout it is to be converted from
  CalibrationDataRefused  labelled images that cannot calibrate a model
  CalibrationUnusable     a calibration that is missing, changed, or of another model
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


class TrainingBusy(MedVlmError):
    """Another process trains in this folder."""

    code = "training_busy"
    retryable = True

    def __init__(self) -> None:
        super().__init__("another training is running in this folder")


class TrainingStateDamaged(MedVlmError):
    """A file of an interrupted training is missing, cut short, or of another version: it cannot go on."""

    code = "training_state_damaged"

    def __init__(self, file: str) -> None:
        super().__init__(f"the training's file {file!r} cannot be read; begin again in another folder")
        self.file = file


class TrainingBaseRefused(MedVlmError):
    """A model that cannot be adapted in the way that was asked for: another architecture, no chat template, code of its own."""

    code = "training_base_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the model cannot be adapted: {reason}")
        self.reason = reason


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


class ModelCardUnusable(MedVlmError):
    """The card that a site keeps of a model cannot be read."""

    code = "model_card_unusable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the model's card cannot be used: {reason}")


class ModelSourceRefused(MedVlmError):
    """The server of the settings may not be told anything of a patient, or its key cannot be read."""

    code = "model_source_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the model's server cannot be used: {reason}")
        self.reason = reason


class ModelServerUnreachable(MedVlmError):
    """The model's server gave no answer, cut it off, or said that it is broken. `status`: of HTTP, where there was one."""

    code = "model_server_unreachable"
    retryable = True

    def __init__(self, reason: str, *, status: int = 0) -> None:
        super().__init__(f"the model's server did not answer: {reason}")
        self.reason = reason
        self.status = status


class ModelServerResting(ModelServerUnreachable):
    """The model's server failed too often in a row and is left alone for a while."""

    code = "model_server_resting"


class ModelServerBusy(MedVlmError):
    """The model's server asks to come back later. `retry_after`: in how many seconds, where it said so."""

    code = "model_server_busy"
    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelTimedOut(MedVlmError):
    """The model's answer did not come, or did not end, in the time that was given."""

    code = "model_timed_out"
    retryable = True


class ModelServerRefused(MedVlmError):
    """The model's server will not answer this. `status`: of HTTP, or 0 where we know beforehand."""

    code = "model_server_refused"

    def __init__(self, reason: str, *, status: int = 0) -> None:
        super().__init__(f"the model's server refused: {reason}")
        self.reason = reason
        self.status = status


class ModelAnswerUnusable(MedVlmError):
    """What came back from the model's server is no answer."""

    code = "model_answer_unusable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the model's answer cannot be used: {reason}")
        self.reason = reason


class ModelChanged(MedVlmError):
    """The server answers with another model than the settings name, or than it answered with before."""

    code = "model_changed"


class ModelOutputInvalid(MedVlmError):
    """What the model wrote or answered is not of the form it was asked for, even after one repair. Nothing of it is shown."""

    code = "model_output_invalid"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the model's answer cannot be used: {reason}")
        self.reason = reason


class CheckpointRefused(MedVlmError):
    """A folder of weights is not there, is not whole, or is not of an architecture that is read here."""

    code = "model_checkpoint_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the model's folder cannot be used: {reason}")
        self.reason = reason


class AnswerNotKnown(MedVlmError):
    """An allowed answer that the model has no score for: its head was trained on other answers."""

    code = "model_answer_not_known"

    def __init__(self, answer: str) -> None:
        super().__init__(f"the model has no score for the answer {answer!r}")
        self.answer = answer


class ModelNotPinned(MedVlmError):
    """The settings do not say which files a model has, or which commit of the hub: tomorrow it could be another."""

    code = "model_not_pinned"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the model is not pinned: {reason}")
        self.reason = reason


class ModelNotFound(MedVlmError):
    """A model's folder is not here, and cannot be had from the hub."""

    code = "model_not_found"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the model was not found: {reason}")
        self.reason = reason


class ModelFormatRefused(MedVlmError):
    """A file of a model is of a format that can run code when it is read; only safetensors hold nothing but numbers."""

    code = "model_format_refused"

    def __init__(self, file: str) -> None:
        super().__init__(f"the model file {file!r} is of a format that can run code; `sidenote model convert` makes safetensors of it")
        self.file = file


class ModelCodeRefused(MedVlmError):
    """A model asks to run code that came with it. None is run."""

    code = "model_code_refused"

    def __init__(self, file: str) -> None:
        super().__init__(f"the model asks in {file!r} to run code of its own, which is never done; a server may run it")
        self.file = file


class ModelOutOfMemory(MedVlmError):
    """The device has not enough memory for this question just now."""

    code = "model_out_of_memory"
    retryable = True

    def __init__(self) -> None:
        super().__init__("the device ran out of memory; what was held for this question was given back")


class ConversionRefused(MedVlmError):
    """A checkpoint is not of the published layout it is to be converted from."""

    code = "model_conversion_refused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the checkpoint cannot be converted: {reason}")
        self.reason = reason


class PromptTooLong(MedVlmError):
    """Images and words together are more than the model can attend to."""

    code = "prompt_too_long"

    def __init__(self, rows: int, room: int) -> None:
        super().__init__(f"the question takes {rows} places and the model has {room}")


class CalibrationDataRefused(MedVlmError):
    """Labelled images that cannot calibrate a model: too few, or all of one patient."""

    code = "calibration_data_refused"


class CalibrationUnusable(MedVlmError):
    """A calibration that is missing, changed, or was fitted for another model."""

    code = "calibration_unusable"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the calibration cannot be used: {reason}; fit it with `sidenote model calibrate`")
        self.reason = reason
