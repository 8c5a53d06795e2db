"""From an entry of the settings to a model in memory: files checked, code refused, then processor and network."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from tools.med_vlm.checkpoint import settings
from tools.med_vlm.errors import CheckpointRefused
from tools.med_vlm.identity import ModelFiles, identified, refuse_code
from tools.med_vlm.spec import ModelSpec

if TYPE_CHECKING:
    from tools.med_vlm.backends.local.model import LocalModel

_VERSION = "local 1"
"""Raise when the same files come to give other answers."""


def open_local(spec: ModelSpec) -> LocalModel:
    """The model of a folder that transformers knows how to read.

    Raises:
        ModelNotPinned, ModelNotFound, ModelFilesChanged, ModelFormatRefused: its files are not those of the settings.
        ModelCodeRefused: it asks to run code of its own.
        CheckpointRefused: it is not whole, or no model that writes about images.
        ModelOutOfMemory: the device is too small for it.
    """
    files = identified(spec)
    refuse_code(files.path)
    return load_local(spec, files)


def load_local(spec: ModelSpec, files: ModelFiles) -> LocalModel:
    """The model of files that were checked.

    Raises:
        CheckpointRefused, ModelOutOfMemory: as `open_local`.
    """
    from tools.med_vlm.backends.local.model import ONE_PICTURE, LocalModel
    from tools.med_vlm.backends.local.network import load_network, pad_where_it_changes_nothing, plain_generation, refused
    from tools.med_vlm.backends.local.processing import MOST_PIXELS, load_processor
    from tools.med_vlm.backends.local.prompting import turns_of
    from tools.med_vlm.backends.placing import device_of
    from tools.med_vlm.backends.stopping import stoppable

    model_type = model_type_of(files)
    with refused():
        processor = load_processor(files.path, model_type)
        turns = turns_of(processor, model_type)
    network = stoppable(load_network(files.path, device_of(spec.device)))
    pad_where_it_changes_nothing(processor, network)
    return LocalModel(
        name=f"{spec.name} {(spec.revision or files.fingerprint)[:12]}",
        fingerprint=hashlib.sha256(f"{_VERSION} {MOST_PIXELS} {turns.conversation} {files.fingerprint}".encode()).hexdigest(),
        profile=spec.profile("generative reader").model_copy(update=ONE_PICTURE.get(model_type, {})),
        network=network,
        turns=turns,
        ends=plain_generation(network, processor.tokenizer),
        timeout=spec.timeout,
    )


def model_type_of(files: ModelFiles) -> str:
    """The family that a folder's `config.json` names.

    Raises:
        CheckpointRefused: there is no such file, or it names none.
    """
    named = settings(files.path).get("model_type")
    if not isinstance(named, str):
        raise CheckpointRefused("its config.json names no family of models")
    return named
