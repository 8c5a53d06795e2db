"""A torch network as OpenVINO runs it: an optional extra, for embedding many on a CPU."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor, nn


def openvino() -> ModuleType | None:
    """The library, or None where it is not installed.

    Importing it as it comes reports to a usage counter on the internet and leaves an identifier in the home folder, unasked.
    Without the package that reports, which it can do without, it does neither.
    """
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino as library
    except ImportError:
        return None
    return library if isinstance(library, ModuleType) else None


def converted(
    library: ModuleType, module: nn.Module, example: tuple[Tensor, ...], precision: Literal["bf16", "f32"]
) -> Callable[..., NDArray[np.float32]] | None:
    """`module` as a function of tensors that computes in `precision`, for batches of any size; None if it cannot be converted."""
    import torch

    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the tracer: what it warns of, other shapes, is compared afterwards
            graph = library.convert_model(module, example_input=example)
    except (RuntimeError, TypeError, ValueError, AttributeError, NotImplementedError):
        return None
    settings = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": torch.get_num_threads(), "NUM_STREAMS": 1}
    compiled = library.Core().compile_model(graph, "CPU", settings)

    def run(*tensors: Tensor) -> NDArray[np.float32]:
        request = compiled.create_infer_request()  # one a call: requests are not shared between threads
        return np.array(request.infer([tensor.numpy() for tensor in tensors])[0], dtype=np.float32)

    return run
