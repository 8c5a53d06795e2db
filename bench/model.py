"""How long the compact model takes for an image."""

from __future__ import annotations

from bench.clock import alternate, cpu_ms, wall_ms
from bench.rows import Row
from bench.setting import Setting


def model(setting: Setting) -> tuple[Row, ...]:
    """The compact model, per image.

    CPU time for one thread, wall time for all threads. The networks alone, at the sizes they are made for: the compact model's
    192 x 192 x 1, beside a ResNet-18 with random weights at 224 x 224 x 3. A whole reading also prepares the image, asks whether
    it is unlike those the model knows, calibrates, and draws heat maps.
    """
    import torch

    from fhir.pixels import decode
    from tools.med_vlm.compact.reader import load_compact

    threads = torch.get_num_threads()
    image = decode((setting.hospital / setting.stories[0].images[0].path).read_bytes()).pixels.copy()
    reader = load_compact()
    try:
        rows = [_networks(setting, batch, count) for count in dict.fromkeys((threads, 1)) for batch in (1, 16)]
        reading = alternate(setting.rounds(15), {"read": lambda: reader.read(image)})
    finally:
        torch.set_num_threads(threads)
    what = "whole reading of a 768 x 768 image, 1 thread, CPU"
    return (*rows, Row(what, reading["read"]))


def _networks(setting: Setting, batch: int, threads: int) -> Row:
    import torch

    from bench.resnet import resnet18
    from tools.med_vlm.compact.files import SHIPPED, load_calibration
    from tools.med_vlm.compact.weights import load

    torch.set_num_threads(threads)
    what = f"network, batch {batch}, " + ("1 thread, CPU" if threads == 1 else f"{threads} threads, wall")
    setting.tell(what)
    ours, peer = load(SHIPPED, load_calibration()).net, resnet18()
    small, large = torch.rand(batch, 1, ours.shape.size, ours.shape.size), torch.rand(batch, 3, 224, 224)
    with torch.inference_mode():
        work = {"ours": lambda: ours(small), "peer": lambda: peer(large)}
        times = alternate(setting.rounds(12 if batch == 1 else 8), work, clock=cpu_ms if threads == 1 else wall_ms, per=batch)
    return Row(what, times["ours"], "ResNet-18", times["peer"])
