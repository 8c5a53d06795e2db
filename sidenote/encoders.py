"""The encoders by name: the shipped model's, and whatever `retrieval.encoders.catalogue` knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sidenote.threads import use_one_thread

if TYPE_CHECKING:
    from retrieval.cards import Encoder
    from tools.med_vlm.compact.reader import CompactReader

COMPACT = "compact"


MANY = 2_000
"""Cases from which choosing a faster form of an encoder takes less time than it saves."""


def encoder_named(name: str, model_folder: Path | None = None, *, reader: CompactReader | None = None, many: bool = False) -> Encoder:
    """The encoder of a name. `hash` is a declared test double that understands nothing.

    Args:
        name: `compact`, or a name of `retrieval.encoders.catalogue`.
        model_folder: Of the compact model, when not the shipped one.
        reader: The compact model, where it is loaded already.
        many: Whether `MANY` cases or more will be embedded.

    Raises:
        ModelMissing, ModelFilesChanged: the compact model's files are missing or changed.
        retrieval.errors.RetrievalError: the name is none, or its model cannot be loaded.
    """
    if name == COMPACT:
        return _compact(reader, model_folder, many)
    from retrieval.encoders.catalogue import open_encoder

    return open_encoder(name, many=many)


def _compact(reader: CompactReader | None, model_folder: Path | None, many: bool) -> Encoder:
    from tools.med_vlm.compact.encoder import CompactEncoder
    from tools.med_vlm.compact.reader import load_compact

    if reader is None:
        use_one_thread()
        reader = load_compact(model_folder, many=many)
    return CompactEncoder(reader)
