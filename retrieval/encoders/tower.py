"""One half of an encoder: inputs made into tensors, a network in the fastest form that keeps its vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.encoders.forms import Form

if TYPE_CHECKING:
    from torch import Tensor, nn

Input = TypeVar("Input")


@dataclass(frozen=True)
class Tower(Generic[Input]):
    """Vectors of images or of texts. `form` says how the network runs here and why; it does not change what the vectors mean."""

    prepare: Callable[[Sequence[Input]], tuple[Tensor, ...]]
    forward: Callable[..., NDArray[np.float32]]
    dimension: int
    fingerprint: str
    form: Form

    def run(self, batch: Sequence[Input]) -> NDArray[np.float32]:
        """Vectors [n, dimension] of a batch of one or more, of any length."""
        return self.forward(*self.prepare(batch))


ImageTower: TypeAlias = Tower[Image.Image]
TextTower: TypeAlias = Tower[str]

PROBE_TEXTS = (
    "No acute cardiopulmonary abnormality.",
    "Large left pleural effusion with adjacent atelectasis; the heart is enlarged. Findings are new since the previous study.",
    "Endotracheal tube 4.5 cm above the carina.",
    "Hyperinflated lungs with flattened diaphragms. No pneumothorax. A 12 mm nodule in the right upper lobe is unchanged.",
)


def probe_pictures() -> tuple[Image.Image, ...]:
    """Four pictures that are always the same: a ramp, a disc, stripes, and grain."""
    x, y = np.meshgrid(np.linspace(-1, 1, 96), np.linspace(-1, 1, 96))
    grain = np.random.default_rng(5).random((96, 96))
    shapes = ((x + 1) / 2, (x**2 + y**2 < 0.4).astype(float), (np.sin(20 * y) + 1) / 2, grain)
    return tuple(Image.fromarray((255 * shape).astype(np.uint8)).convert("RGB") for shape in shapes)


def build_tower(
    module: nn.Module,
    prepare: Callable[[Sequence[Input]], tuple[Tensor, ...]],
    probe: Sequence[Input],
    fingerprint: str,
    *,
    many: bool,
) -> Tower[Input]:
    """A tower of `module` (float32, tensors of `prepare` to [n, dimension]) in its fastest form. `many`: see `forms.choose`."""
    from retrieval.encoders.forms import choose

    chosen = choose(module, prepare(probe), many=many)
    return Tower(prepare, chosen.forward, chosen.dimension, fingerprint, chosen.form)
