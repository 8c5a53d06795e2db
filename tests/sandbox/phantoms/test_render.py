"""Rendering: same spec, same bytes; sizes, depths and views."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from sandbox.phantoms.errors import FormatRefused
from sandbox.phantoms.render import render
from sandbox.phantoms.sample import sample
from sandbox.phantoms.spec import PhantomSpec, Subject, View

PROGRAM = """
import hashlib
from sandbox.phantoms.render import render
from sandbox.phantoms.sample import sample
digest = hashlib.sha256()
for seed in (3, 4, 5):
    phantom = render(sample(seed), size=160)
    digest.update(phantom.pixels.tobytes())
    for key in sorted(phantom.masks):
        digest.update(phantom.masks[key].tobytes())
print(digest.hexdigest())
"""


def _digest() -> str:
    digest = hashlib.sha256()
    for seed in (3, 4, 5):
        phantom = render(sample(seed), size=160)
        digest.update(phantom.pixels.tobytes())
        for key in sorted(phantom.masks):
            digest.update(phantom.masks[key].tobytes())
    return digest.hexdigest()


def test_the_same_spec_gives_the_same_bytes_here_and_in_another_process() -> None:
    other = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert _digest() == _digest() == other.stdout.strip()


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("view", ["PA", "AP", "LATERAL"])
def test_renders_each_view_in_each_depth(bits: int, view: View, study: Callable[..., PhantomSpec]) -> None:
    phantom = render(study(view=view), size=160, bits=bits)
    assert phantom.pixels.shape == (160, 160)
    assert phantom.pixels.dtype == np.uint16
    assert int(phantom.pixels.max()) < 1 << bits
    assert int(phantom.pixels.max()) > (1 << bits) // 2
    assert len(np.unique(phantom.pixels)) > 500


def test_lungs_are_darker_than_the_mediastinum_and_the_abdomen(study: Callable[..., PhantomSpec]) -> None:
    pixels = render(study(), size=200).pixels.astype(float)
    lungs = min(pixels[70:110, 45:70].mean(), pixels[70:110, 135:155].mean())
    assert lungs < 0.75 * pixels[110:130, 92:108].mean()
    assert lungs < 0.75 * pixels[175:185, 70:80].mean()


def test_another_exposure_of_the_same_subject_differs_but_shows_the_same_chest(study: Callable[..., PhantomSpec]) -> None:
    one, two = (render(study(seed=seed), size=160).pixels.astype(float) for seed in (1, 2))
    assert not np.array_equal(one, two)
    assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.8


def test_the_same_structure_appears_at_any_size(study: Callable[..., PhantomSpec]) -> None:
    small = render(study(), size=128).pixels.astype(float)
    large = render(study(), size=512).pixels.astype(float).reshape(128, 4, 128, 4).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.98


def test_an_infant_is_imaged_in_a_smaller_field(study: Callable[..., PhantomSpec]) -> None:
    infant = render(study(subject=Subject(0, "female", "average", 2), view="AP"), size=128)
    assert infant.pixel_spacing_mm < 0.6 * render(study(), size=128).pixel_spacing_mm


@pytest.mark.parametrize(("size", "bits"), [(512, 8), (512, 14), (8, 12), (100_000, 12)])
def test_refuses_a_format_it_does_not_write(size: int, bits: int, study: Callable[..., PhantomSpec]) -> None:
    with pytest.raises(FormatRefused):
        render(study(), size=size, bits=bits)
