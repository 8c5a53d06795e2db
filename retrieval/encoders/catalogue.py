"""Every kind of encoder by its name in the settings, and how it is opened.

    hash                           the declared test double
    sentence-transformers:MODEL    images and texts in one space: CLIP, SigLIP, SigLIP 2, MedSigLIP
    open-clip:MODEL                BiomedCLIP and others of its layout
    images:MODEL                   an image-only model (DINOv2, RAD-DINO) beside the packaged MiniLM
    images:MODEL+MODEL             the same beside a text model that sentence-transformers reads

MODEL is a folder or a name on the hub. The compact model stands in `tools` and is opened there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from retrieval.cards import Encoder
from retrieval.errors import EncoderUnknown

Opener = Callable[[str, bool], Encoder]


def open_encoder(name: str, *, many: bool = False) -> Encoder:
    """The encoder a settings string names. `many`: thousands will be embedded, so that seconds of choosing a faster form pay.

    Raises:
        EncoderUnknown: the string names no encoder.
        EncoderMissing: its folder or a file is not there, or the hub did not give it.
        EncoderDamaged: its files do not fit together, are of another architecture, or hold code.
    """
    kind, colon, model = name.partition(":")
    opener = OPENERS.get(kind)
    if opener is None or bool(colon) != (kind != "hash") or model != model.strip() or (colon and not model):
        raise EncoderUnknown(f"an encoder is named by one of: {', '.join(PATTERNS)}")
    return opener(model, many)


def _hash(model: str, many: bool) -> Encoder:
    from retrieval.encoders.fake import HashEncoder

    return HashEncoder()


def _sentence_transformers(model: str, many: bool) -> Encoder:
    from retrieval.encoders.sentence_transformer import open_image_text

    return open_image_text(model, many=many)


def _open_clip(model: str, many: bool) -> Encoder:
    from retrieval.encoders.open_clip import open_open_clip

    return open_open_clip(model, many=many)


def _images(model: str, many: bool) -> Encoder:
    from retrieval.encoders.image_only import open_images
    from retrieval.encoders.minilm import minilm
    from retrieval.encoders.sentence_transformer import open_texts

    images, plus, texts = model.partition("+")
    if not images or (plus and not texts):
        raise EncoderUnknown("an image model and a text model are named as images:MODEL+MODEL")
    return open_images(images, open_texts(texts, many=many) if plus else minilm(many=many), many=many)


OPENERS: Mapping[str, Opener] = {
    "hash": _hash,
    "sentence-transformers": _sentence_transformers,
    "open-clip": _open_clip,
    "images": _images,
}
PATTERNS = ("hash", "sentence-transformers:MODEL", "open-clip:MODEL", "images:MODEL", "images:MODEL+MODEL")
"""How each kind is written, for messages and help."""
