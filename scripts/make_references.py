"""Draws the reference images of the image-reliance probe: `python scripts/make_references.py` writes `tools/med_vlm/trust/references/`.

Phantoms, and nobody's images: four that carry all ten findings of the vocabulary between them, and one without any. The same
versions of numpy and Pillow draw the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sandbox.phantoms.render import render
from sandbox.phantoms.spec import DrawnFinding, PhantomSpec, Subject, View
from sandbox.phantoms.truth import truth

TARGET = Path(__file__).resolve().parents[1] / "tools" / "med_vlm" / "trust" / "references"
SIZE = 256
MOST_BYTES = 40_000
"""Of one file: they ship."""


def _spec(seed: int, view: View, *findings: DrawnFinding) -> PhantomSpec:
    return PhantomSpec(Subject(60, "male", "slim", seed), findings, view, seed)


SPECS: Mapping[str, PhantomSpec] = {
    "heart_failure": _spec(
        3,
        "AP",
        DrawnFinding("cardiomegaly", None, "large"),
        DrawnFinding("pulmonary_edema", None, "large"),
        DrawnFinding("pleural_effusion", "bilateral", "moderate"),
    ),
    "tension": _spec(1, "AP", DrawnFinding("tension_pneumothorax", "right", "large")),
    "devices": _spec(
        3,
        "AP",
        DrawnFinding("nodule", "left", "large", zone="upper", diameter_mm=30),
        DrawnFinding("pacemaker", "left"),
        DrawnFinding("malpositioned_device", device="nasogastric tube"),
    ),
    "lobes": _spec(
        3,
        "PA",
        DrawnFinding("consolidation", "right", "large", lobe="right upper"),
        DrawnFinding("atelectasis", "left", "large", lobe="left lower"),
    ),
    "normal": _spec(3, "PA"),
}
"""File name without its ending -> what is drawn."""


def pixels(spec: PhantomSpec) -> NDArray[np.uint8]:
    """The phantom in 8 bits, [256, 256]."""
    phantom = render(spec, size=SIZE)
    return np.asarray(np.rint(phantom.pixels / (2**phantom.bits - 1) * 255), dtype=np.uint8)


def png(spec: PhantomSpec) -> bytes:
    """The phantom as a grey PNG."""
    out = io.BytesIO()
    Image.fromarray(pixels(spec)).save(out, "PNG", optimize=True)
    return out.getvalue()


def main(target: Path = TARGET) -> None:
    """Write the images and their index into `target`.

    Raises:
        ValueError: an image became larger than what may ship.
    """
    target.mkdir(parents=True, exist_ok=True)
    index: dict[str, object] = {}
    for name, spec in SPECS.items():
        data = png(spec)
        if len(data) > MOST_BYTES:
            raise ValueError(f"{name} is larger than {MOST_BYTES} bytes")
        (target / f"{name}.png").write_bytes(data)
        index[name] = {"sha256": hashlib.sha256(data).hexdigest(), "findings": [key for key, _ in truth(spec)]}
    (target / "references.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
