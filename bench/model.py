"""How long the compact model takes for an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.clock import alternate, cpu_ms, wall_ms
from bench.rows import Figure, Row
from bench.setting import Setting

if TYPE_CHECKING:
    import torch
    from torch import nn

SIDE = 1536
"""Of the square matrices whose product says what this machine can do: 3.6 G multiply-accumulates, 28 MB."""


def model(setting: Setting) -> tuple[Row, ...]:
    """The compact model, per image.

    CPU time for one thread, wall time for all threads. The networks alone, at the sizes they are made for: the compact model's
    one channel beside a ResNet-18 and a ViT-S/16 with random weights at 224 x 224 x 3, in turns. The bound is the time that the
    compact model's multiply-accumulates would take at the rate of a large fp32 matrix product, measured in the same turns: the
    share of the peak is its inverse. A whole reading also prepares the image, asks whether it is unlike those the model knows,
    calibrates, drafts sentences and draws heat maps.
    """
    import torch

    from fhir.pixels import decode
    from tools.med_vlm.asked import asked_of
    from tools.med_vlm.compact.reader import load_compact

    threads = torch.get_num_threads()
    image = decode((setting.hospital / setting.stories[0].images[0].path).read_bytes()).pixels.copy()
    reader = load_compact()
    try:
        rows = [row for count in dict.fromkeys((threads, 1)) for batch in (1, 16) for row in _networks(setting, batch, count)]
        reading = alternate(setting.rounds(15), {"read": lambda: reader.read(asked_of(image))})
    finally:
        torch.set_num_threads(threads)
    what = "whole reading of a 768 x 768 image, 1 thread, CPU"
    return (*rows, Row(what, reading["read"]))


def _networks(setting: Setting, batch: int, threads: int) -> tuple[Row, ...]:
    import torch

    from bench.resnet import resnet18
    from bench.vit import vit_small
    from tools.med_vlm.compact.files import SHIPPED, load_calibration
    from tools.med_vlm.compact.weights import load

    torch.set_num_threads(threads)
    what = f"network, batch {batch}, " + ("1 thread, CPU" if threads == 1 else f"{threads} threads, wall")
    setting.tell(what)
    ours, convolutions, transformer = load(SHIPPED, load_calibration()).net, resnet18(), vit_small()
    small, large, square = torch.rand(batch, 1, ours.shape.size, ours.shape.size), torch.rand(batch, 3, 224, 224), torch.rand(SIDE, SIDE)
    with torch.inference_mode():
        work = {
            "ours": lambda: ours(small),
            "ResNet-18": lambda: convolutions(large),
            "ViT-S/16": lambda: transformer(large),
            "product": lambda: square @ square,
        }
        times = alternate(setting.rounds(12 if batch == 1 else 8), work, clock=cpu_ms if threads == 1 else wall_ms, per=batch)
        bound = _bound(times.pop("product"), batch, multiplications(ours, small) / batch)
    beside = {**{name: times[name] for name in ("ResNet-18", "ViT-S/16")}, "its GEMM bound": bound}
    return tuple(Row(what, times["ours"], name, figure) for name, figure in beside.items())


def _bound(product: Figure, batch: int, each: float) -> Figure:
    """What `each` multiply-accumulates of one image take at the rate of `product`, whose samples were shared among `batch`."""
    return Figure(tuple(sample * batch * each / SIDE**3 for sample in product.samples), product.unit)


def multiplications(net: nn.Module, images: torch.Tensor) -> float:
    """Multiply-accumulates of one forward pass, counted from the operators that ran: convolutions and matrix products."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        net(images)
    return float(counter.get_total_flops()) / 2
