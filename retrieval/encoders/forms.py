"""How a network runs here: the fastest number format whose vectors stay those of float32.

Vectors of two forms of one network are interchangeable (cosine at least .999 on the probe, in practice .9999): an index built in one
form is searched in another, and a form is no part of a fingerprint.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.converted import converted, openvino
from retrieval.errors import EncoderDamaged

if TYPE_CHECKING:
    from torch import Tensor, nn

Forward = Callable[..., NDArray[np.float32]]

LEAST_COSINE = 0.999
"""Between a form's vectors and float32's, for every input of the probe."""
WORTH = 0.85
"""Share of torch's time that OpenVINO may take to be chosen: what is nearly as fast is not worth a second library."""
_ROWS, _SHORT = 32, 0.05
"""A probe that takes under 50 ms is timed as a batch of 32: small batches favour another form than large ones."""


@dataclass(frozen=True, slots=True)
class Form:
    """What was chosen, e.g. `torch bf16`; why, in words; and the least cosine to float32 over the probe."""

    name: str
    reason: str
    cosine: float


@dataclass(frozen=True)
class Chosen:
    """A network ready to run: tensors to vectors [n, dimension], not scaled, float32, in memory of the CPU."""

    forward: Forward
    dimension: int
    form: Form


def choose(module: nn.Module, probe: tuple[Tensor, ...], *, many: bool) -> Chosen:
    """Run `module` in the fastest form that keeps its vectors; `module` is changed and belongs to the result.

    On a GPU: bfloat16. On a CPU that computes bfloat16 in hardware: torch in bfloat16; with `many`, OpenVINO instead where it is
    installed and takes clearly less CPU time for the probe, which takes seconds to find out. Else float32. Whatever moves a
    vector of the probe to a cosine below .999 is not taken.

    Args:
        module: A float32 network whose `forward` takes the tensors of `probe`, batch first, and gives [n, dimension].
        probe: Inputs of two or more.
        many: Whether thousands will be embedded, so that a conversion pays.

    Raises:
        EncoderDamaged: the network gives no finite vectors.
    """
    import torch

    module.eval().requires_grad_(requires_grad=False)
    exact = torch_forward(module, "cpu")
    truth = exact(*probe)
    if truth.ndim != 2 or not np.isfinite(truth).all():
        raise EncoderDamaged("the network gives no finite vectors")
    trial = _Trial(module, probe, truth, exact)
    if torch.cuda.is_available():
        return trial.on("cuda", "bfloat16 on the GPU")
    other = trial.openvino() if many else None
    plain = trial.on("cpu", "this CPU computes bfloat16 in hardware") if computes_bfloat16() else trial.float32("no bfloat16 in hardware")
    return plain if other is None else trial.faster(plain, other)


def computes_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware: elsewhere it is slower than float32."""
    import torch

    able = torch.cpu.get_capabilities()
    return bool(able.get("amx_bf16") or able.get("avx512_bf16") or able.get("bf16"))


def torch_forward(module: nn.Module, device: str) -> Forward:
    """`module` as a function of tensors, on `device`."""
    import torch

    def run(*tensors: Tensor) -> NDArray[np.float32]:
        with torch.inference_mode():
            made = module(*(tensor.to(device) for tensor in tensors))
        return np.asarray(made.float().cpu().numpy(), dtype=np.float32)

    return run


@dataclass(frozen=True)
class _Trial:
    """A network, what it is tried on, and what it answers in float32."""

    module: nn.Module
    probe: tuple[Tensor, ...]
    truth: NDArray[np.float32]
    exact: Forward

    def on(self, device: str, reason: str) -> Chosen:
        """Torch in bfloat16 where multiplying is most of the work; in float32 again if that moves a vector."""
        from retrieval.encoders.half import called_layers, halve

        self.module.to(device)
        undo = halve(self.module, called_layers(self.module, lambda: torch_forward(self.module, device)(*self.probe)))
        forward = torch_forward(self.module, device)
        cosine = self.cosine(forward)
        name = "torch bf16" if device == "cpu" else f"torch bf16 on {device}"
        if cosine >= LEAST_COSINE:
            return self.chosen(forward, name, reason, cosine)
        undo()
        refused = f"bfloat16 would move vectors (cosine {cosine:.4f})"
        return self.chosen(forward, name.replace("bf16", "fp32"), refused, self.cosine(forward))

    def float32(self, reason: str) -> Chosen:
        """Torch as it stands."""
        return self.chosen(self.exact, "torch fp32", reason, 1.0)

    def openvino(self) -> Chosen | None:
        """OpenVINO, or None where it is not installed, cannot convert the network, or moves a vector."""
        library = openvino()
        if library is None:
            return None
        half = computes_bfloat16()
        forward = converted(library, self.module, tuple(tensor[:2] for tensor in self.probe), "bf16" if half else "f32")
        cosine = float("nan") if forward is None else self.cosine(forward)
        if forward is None or not cosine >= LEAST_COSINE:
            return None
        return self.chosen(forward, "OpenVINO bf16" if half else "OpenVINO fp32", "", cosine)

    def faster(self, plain: Chosen, other: Chosen) -> Chosen:
        """`other` if it takes clearly less CPU time than `plain`, with both times as the reason."""
        batch = self.batch(plain.forward)
        times = [_cpu_seconds(each.forward, batch) for each in (plain, other)]
        said = [f"{each.form.name} {1000 * taken / len(batch[0]):.2f} ms" for each, taken in zip((plain, other), times, strict=True)]
        best = other if times[1] < WORTH * times[0] else plain
        return self.chosen(best.forward, best.form.name, f"CPU time of an input: {', '.join(said)}", best.form.cosine)

    def batch(self, forward: Forward) -> tuple[Tensor, ...]:
        """The probe, repeated to the size of a batch if that does not take long."""
        if _cpu_seconds(forward, self.probe) > _SHORT:
            return self.probe
        times = max(1, _ROWS // len(self.truth))
        return tuple(tensor.repeat(times, *[1] * (tensor.ndim - 1)) for tensor in self.probe)

    def chosen(self, forward: Forward, name: str, reason: str, cosine: float) -> Chosen:
        """A form of this network."""
        return Chosen(forward, self.truth.shape[1], Form(name, reason, round(cosine, 6)))

    def cosine(self, forward: Forward) -> float:
        """The least cosine to float32 over the probe; NaN if a vector is not finite."""
        made = forward(*self.probe)
        if made.shape != self.truth.shape:
            return float("nan")
        lengths = np.linalg.norm(made, axis=1) * np.linalg.norm(self.truth, axis=1)
        return float(np.min(np.einsum("nd,nd->n", made, self.truth) / np.maximum(lengths, 1e-12)))


def _cpu_seconds(forward: Forward, batch: tuple[Tensor, ...]) -> float:
    """The least CPU time of two runs after a warm-up: what else runs on the machine lengthens it little."""
    forward(*batch)
    taken = []
    for _ in range(2):
        began = time.process_time()
        forward(*batch)
        taken.append(time.process_time() - began)
    return min(taken)
