"""A caption as sentences that image-text encoders were trained on (prompt ensembles: Radford et al. 2021, section 3.1.4)."""

from __future__ import annotations

from tools.med_vlm.asked import Image

_KINDS = {
    **dict.fromkeys(("CR", "DX", "RG"), "radiograph"),
    "CT": "computed tomography image",
    "MR": "magnetic resonance image",
    "MG": "mammogram",
    "US": "ultrasound image",
    "PT": "positron emission tomography image",
    "XA": "angiogram",
    "RF": "fluoroscopy image",
}
"""DICOM Modality in words."""
_TEMPLATES = ("{caption}", "{image} showing {caption}", "{image} with {caption}", "findings of this {kind}: {caption}")


def sentences(caption: str, image: Image) -> tuple[str, ...]:
    """The caption alone and in three sentences, which say of the image what is known of it and nothing more."""
    kind = " ".join(filter(None, (image.body_part, _KINDS.get(image.modality or "", "image"))))
    named = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    return tuple(template.format(caption=caption, image=named, kind=kind) for template in _TEMPLATES)
