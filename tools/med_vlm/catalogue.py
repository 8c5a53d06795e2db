"""Every back end by its name in the settings, and how a reader is put together around one.

A back end is opened by the function that `BACKENDS` names, and wrapped: asked about every finding, calibrated where the site has
fitted it, probed for whether it looks at the image at all, and kept from images it is not for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from math import inf
from typing import TYPE_CHECKING, cast

from tools.med_vlm.awaited import Awaited
from tools.med_vlm.errors import BackendUnknown, LicenceNotAccepted, MedVlmError
from tools.med_vlm.reading import Reader
from tools.med_vlm.spec import ModelSpec
from tools.med_vlm.timed import Timed

if TYPE_CHECKING:
    from tools.med_vlm.as_loaded import Standing
    from tools.med_vlm.vision_model import VisionModel


@dataclass(frozen=True, slots=True)
class Backend:
    """How a kind of model is run."""

    opener: str
    """`module:function` under `tools.med_vlm.backends`; taken in only when it is asked for."""
    summary: str
    checker: str = ""
    """As `opener`: refuses an entry by what can be seen without asking a server or reading weights; where there is any such thing."""
    here: bool = True
    """Whether the model runs in this process, from files."""


BACKENDS: Mapping[str, Backend] = {
    "openai": Backend(
        "served:open_served",
        "a server that speaks OpenAI's chat completions with images: vLLM, SGLang, transformers serve",
        "served:check_served",
        here=False,
    ),
    "transformers": Backend("local:open_local", "a folder that transformers reads: MedGemma, LLaVA, Qwen-VL, Idefics3, PaliGemma, BLIP-2"),
    "clip": Backend("matchers.clip:open_clip_matcher", "an image-text encoder that matches captions: CLIP, SigLIP, MedSigLIP, BiomedCLIP"),
    "medclip": Backend("matchers.medclip:open_medclip", "MedCLIP"),
    "visualbert": Backend("matchers.visualbert:open_visualbert", "VisualBERT over a grid of image regions"),
    "medvill": Backend("matchers.medvill:open_medvill", "MedViLL"),
    "minigpt4": Backend("composed.minigpt4:open_minigpt4", "MiniGPT-4: a projector beside BLIP-2's vision and a Llama"),
    "radfm": Backend("composed.radfm:open_radfm", "RadFM"),
    "maira-2": Backend("composed.maira2:open_maira2", "MAIRA-2, without running its code"),
}


def open_reader(spec: ModelSpec) -> Reader:
    """The reader of an entry of the settings, with everything around it.

    One whose server does not answer yet is given all the same, and fails as the server does until it answers.

    Raises:
        LicenceNotAccepted: the licence forbids commercial or clinical use, or is unknown, and nobody said yes to it.
        BackendUnknown: there is no back end of that name.
        MedVlmError: its files are missing, changed, or of a kind that is not loaded; or its calibration is another model's.
    """
    try:
        return _surrounded(spec)
    except MedVlmError as error:
        if not error.retryable:
            raise
        return Timed(Awaited(spec.name, spec.profile("generative reader"), lambda: _surrounded(spec)), spec.reading_timeout)


def _surrounded(spec: ModelSpec) -> Reader:
    reader = open_uncalibrated(spec)
    if spec.calibration is not None:
        from tools.med_vlm.trust.fitted import Calibrated, load_fitted

        calibrated = Calibrated(reader, load_fitted(spec.calibration, reader.fingerprint))
        calibrated.require_same()
        reader = calibrated
    return guarded(reader, others=spec.probe_others if spec.probe else 0, seconds=spec.reading_timeout)


def guarded(reader: Reader, *, others: int = 4, seconds: float = inf) -> Reader:
    """A reader as a review asks it: behind the input gate, probed with at most `others` other images, and compared with the prior.

    Of no others nothing is probed. The prior image passes the same gates, which is why the comparison stands around them; and all of it has
    so many `seconds` together, which is why that is outermost.

    Raises:
        ModelMissing, ModelFilesChanged: the images of the probe are not those that ship.
    """
    from tools.med_vlm.compared.prior import Compared
    from tools.med_vlm.trust.input_gate import Gated
    from tools.med_vlm.trust.references import shipped
    from tools.med_vlm.trust.reliance import Probed

    if not others:
        return Timed(Compared(Gated(reader)), seconds)
    probed = Probed(reader, shipped(), most=others)
    return Timed(Compared(Gated(probed), unproven=Gated(reader), prove=probed.proven), seconds)


def open_uncalibrated(spec: ModelSpec) -> Reader:
    """The reader of an entry with nothing around it: what a calibration is fitted to.

    Raises:
        LicenceNotAccepted, BackendUnknown, MedVlmError: as `open_reader`.
    """
    from tools.med_vlm.asking.questioned import QuestionedReader

    model, files = _opened(spec)
    if files is None:
        return QuestionedReader(model, spec.format, spec.samples)
    from tools.med_vlm.as_loaded import AsLoaded
    from tools.med_vlm.backends.placing import device_of

    return QuestionedReader(AsLoaded(model, files), spec.format, spec.samples, runs_on=device_of(spec.device))


def open_model(spec: ModelSpec) -> VisionModel:
    """The bare back end of an entry of the settings.

    Raises:
        LicenceNotAccepted, BackendUnknown, MedVlmError: as `open_reader`.
    """
    return _opened(spec)[0]


def _opened(spec: ModelSpec) -> tuple[VisionModel, Standing | None]:
    """The bare back end, and its files as they stood before they were hashed and still do now that they are loaded."""
    check_model(spec)
    opener = cast("Callable[[ModelSpec], VisionModel]", _function(BACKENDS[spec.backend].opener))
    if not BACKENDS[spec.backend].here:
        return opener(spec), None
    from tools.med_vlm.as_loaded import standing
    from tools.med_vlm.identity import folders

    path, base = folders(spec)
    files = standing(path, base)
    model = opener(spec.model_copy(update={"source": str(path), "base": None if base is None else str(base)}))
    files.require()
    return model, files


def check_model(spec: ModelSpec) -> None:
    """Refuse an entry that could not be opened, as far as can be seen without reading weights.

    Raises:
        LicenceNotAccepted, BackendUnknown: as `open_reader`.
        ModelSourceRefused: its server may not be told of a patient, or its key cannot be read.
    """
    from tools.med_vlm.licences import licence_allowed

    if spec.backend not in BACKENDS:
        raise BackendUnknown(tuple(BACKENDS))
    if not licence_allowed(spec.licence, accept_noncommercial=spec.accept_noncommercial):
        raise LicenceNotAccepted(spec.name)
    if checker := BACKENDS[spec.backend].checker:
        cast("Callable[[ModelSpec], None]", _function(checker))(spec)


def _function(named: str) -> object:
    module, _, function = named.partition(":")
    return getattr(import_module(f"tools.med_vlm.backends.{module}"), function)
