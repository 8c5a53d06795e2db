"""Models on any server that speaks OpenAI's chat completions with image parts: vLLM, SGLang, `transformers serve`.

What leaves this machine for the server of the settings, by TLS or not at all: the pixels of the images shown, with their view and
which of them is the earlier one; and the words of questions and prompts, which hold the clinical question, the indication, age in
years and sex where they are known. No name, number, date or identifier of a study is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tools.med_vlm.backends.served.model import ServedModel
    from tools.med_vlm.spec import ModelSpec

LEAVES: Final = (
    "pixels of the study's images, at most 1024 on the longer side, their view, and where the model takes it the prior image",
    "the questions and the prompt, with the clinical question and the indication, freed of identity",
    "age in years and sex",
)
"""What such a model's server is told."""


def open_served(spec: ModelSpec) -> ServedModel:
    """The model of an entry of the settings; the server is first asked when the model is.

    Raises:
        ModelSourceRefused: the server may not be told of a patient, or its key cannot be read.
    """
    from tools.med_vlm.backends.served.model import ServedModel

    return ServedModel(spec)


def check_served(spec: ModelSpec) -> None:
    """Refuse an entry whose server may not be asked; nothing is sent.

    Raises:
        ModelSourceRefused: as `open_served`.
    """
    from tools.med_vlm.backends.served.endpoint import endpoint_of

    endpoint_of(spec.source, spec.key_file)
