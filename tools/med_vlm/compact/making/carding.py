"""The card of a model that was just made: what it was made from, what was measured on held-out phantoms and elsewhere."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tools.med_vlm.compact.card import ATTRIBUTES, CAUTIONS, Card, Refusals, Training
from tools.med_vlm.compact.examples.evaluation_sets import LabelledImage, strange
from tools.med_vlm.compact.examples.radiographs import SHARES, Radiograph, credits, in_split
from tools.med_vlm.compact.examples.store import Store
from tools.med_vlm.compact.files import CALIBRATION, CARD, WEIGHTS, entry
from tools.med_vlm.compact.fitting.ship import Fitted
from tools.med_vlm.compact.heads import KEYS
from tools.med_vlm.compact.measuring import evaluate
from tools.med_vlm.compact.measuring.drafted import measure_drafting
from tools.med_vlm.compact.measuring.elsewhere import measure_elsewhere, untaught
from tools.med_vlm.compact.network import CompactNet, Output, count_parameters
from tools.med_vlm.compact.preprocess import prepare
from tools.med_vlm.compact.reader import load_compact
from tools.med_vlm.compact.reading.gates import Gates
from tools.med_vlm.compact.training.loop import OUTPUTS, Epoch, best_epoch, outputs_of

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Made:
    """How a model came about."""

    data: str
    command: str
    seed: int
    counts: Mapping[str, int]
    """Phantoms of each set."""
    radiographs: tuple[Radiograph, ...]
    epochs: tuple[Epoch, ...]
    net: CompactNet
    device: str = "cpu"


def make_card(made: Made, fitted: Fitted, stores: Mapping[str, Store], texts: F32, folder: Path) -> Card:
    """The card of the model in `folder`, without the external sets, measured on the test examples with their report vectors."""
    calibration, gates, net = fitted.calibration, Gates(fitted.parts, fitted.calibration), fitted.parts.net
    store = stores["test"]
    output = outputs_of(net, store)
    rows = enumerate(calibration.findings)
    return Card(
        name=calibration.name,
        version=calibration.version,
        licence="Apache-2.0",
        summary=_summary(net),
        intended_use=ATTRIBUTES["intended_use"],
        cautions=CAUTIONS,
        files={name: entry(folder / name) for name in (WEIGHTS, CALIBRATION)},
        training=_training(made),
        findings=tuple(evaluate.measure_finding(head, one, output, store, one.key in calibration.localised) for head, one in rows),
        view_accuracy=evaluate.measure_view(output, store),
        retrieval=evaluate.measure_retrieval(output.embedding.numpy(), texts, store.meanings),
        refusals=_refusals(net, gates, store, output),
        external=(),
        admissions=fitted.admissions,
        drafting=measure_drafting(fitted.parts, fitted.calibration, output, store, stores["train"]),
        attributes=ATTRIBUTES,
    )


def _refusals(net: CompactNet, gates: Gates, store: Store, output: Output) -> tuple[Refusals, ...]:
    rows = np.flatnonzero(evaluate.frontal(store))
    found = [_refused(name, gates, [_picked(output, some)]) for name, some in _by_findings(store, rows).items()]
    for name, pictures in strange(store.images[rows[:200]], seed=1).items():
        with torch.inference_mode():
            batches = [
                net.eval()(torch.stack([prepare(p, net.shape.size) for p in pictures[at : at + 50]])) for at in range(0, len(pictures), 50)
            ]
        found.append(_refused(name, gates, batches))
    return tuple(found)


def _by_findings(store: Store, rows: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
    """All of `rows`, then those with no finding, with one and with more: whom a gate refuses is not left to the mean."""
    apart = [head for head, key in enumerate(KEYS) if key != "tension_pneumothorax"]  # it is a pneumothorax already
    count = (store.present[rows][:, apart] == 1).sum(1)
    name = "held-out phantoms, frontal"
    parts = {"no finding": count == 0, "one finding": count == 1, "two findings or more": count > 1}
    return {name: rows, **{f"{name}, {part}": rows[chosen] for part, chosen in parts.items() if chosen.any()}}


def _refused(name: str, gates: Gates, batches: Sequence[Output]) -> Refusals:
    """How many of the images are refused; the view is not looked at."""
    judged = [one for batch in batches for one in gates.judge(batch)]
    return Refusals(images=name, refused=sum(bool(one.reason) for one in judged), total=len(judged))


def _picked(output: Output, rows: NDArray[np.int64]) -> Output:
    at = torch.from_numpy(rows)
    return Output(**{name: getattr(output, name)[at] for name in OUTPUTS})


def _summary(net: CompactNet) -> str:
    millions = count_parameters(net) / 1e6
    return f"A network of {millions:.1f} million parameters that reads one frontal chest phantom at {net.shape.size} pixels."


def _training(made: Made) -> Training:
    sets = {name: in_split(made.radiographs, name) for name, _ in SHARES} if made.radiographs else {}
    return Training(
        data=made.data,
        **made.counts,
        radiographs={name: len(images) for name, images in sets.items()},
        patients={name: len({one.patient for one in images}) for name, images in sets.items()},
        credits=credits(sets["train"]) if sets else (),
        pixels=made.net.shape.size,
        epochs=len(made.epochs),
        best_epoch=best_epoch(made.epochs).number + 1,
        parameters=count_parameters(made.net),
        seed=made.seed,
        minutes=round(sum(epoch.seconds for epoch in made.epochs) / 60, 1),
        command=made.command,
        versions=_versions(made.device),
    )


def _versions(device: str) -> dict[str, str]:
    """What the bytes of the weights depend on beside the recipe; the order of a sum changes with the threads and the GPU."""
    threads = str(torch.get_num_threads())
    found = {"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__, "threads of torch": threads}
    return found if device == "cpu" else {**found, "trained on": torch.cuda.get_device_name(device)}


def write_card(card: Card, folder: Path) -> None:
    """Write the card of a folder, whole or not at all."""
    draft = folder / f"{CARD}.new"
    draft.write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    draft.replace(folder / CARD)


def add_elsewhere(folder: Path, images: Iterable[LabelledImage], radiographs: Sequence[Radiograph]) -> Card:
    """Measure the model of a folder on images from elsewhere, its own patients left out, and add the figures to its card."""
    reader = load_compact(folder)
    found = measure_elsewhere(reader, untaught(images, radiographs))
    names = {one.images for one in found.refusals}
    refusals = tuple(one for one in reader.card.refusals if one.images not in names) + found.refusals
    card = reader.card.model_copy(update={"external": found.findings, "external_views": found.views, "refusals": refusals})
    write_card(card, folder)
    return card
