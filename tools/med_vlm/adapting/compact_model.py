"""The compact model as a base, and a network that was adapted to a site as a compact model's folder.

The folder is held to the rules of the model that ships: gate, calibration and figures come from the site's calibration persons and
their reports alone, and unless these show that it reads well (`compact.fitting.admission`) it abstains on every radiograph.
"""

from __future__ import annotations

import copy
import dataclasses
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from tools.med_vlm.adapting.examples.corpus import Corpus, Pair, Split
from tools.med_vlm.adapting.examples.pictures import Shown
from tools.med_vlm.compact.card import Card, FindingMeasured, Training
from tools.med_vlm.compact.examples.example import DOMAINS
from tools.med_vlm.compact.examples.store import GRID, LEFT, RIGHT, Store
from tools.med_vlm.compact.files import CALIBRATION, SHIPPED, WEIGHTS, Calibration, DomainCalibration, entry, load_calibration, verify
from tools.med_vlm.compact.fitting.admission import admission
from tools.med_vlm.compact.fitting.ship import calibrate, fit_gate
from tools.med_vlm.compact.heads import KEYS, VIEWS
from tools.med_vlm.compact.making.carding import write_card
from tools.med_vlm.compact.measuring import evaluate
from tools.med_vlm.compact.minilm import SentenceCache, centred_unit, sentences
from tools.med_vlm.compact.network import CompactNet, Output, count_parameters
from tools.med_vlm.compact.preprocess import prepare
from tools.med_vlm.compact.training.loop import OUTPUTS, outputs_of
from tools.med_vlm.compact.weights import Parts, gate_units, load, rounded, save, stored_shape
from tools.med_vlm.errors import TrainingDataRefused

if TYPE_CHECKING:
    from tools.med_vlm.adapting.training.adapted import Told

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

_SIDES = {"right": RIGHT, "left": LEFT, "bilateral": RIGHT | LEFT, None: 0}
_LATERAL = frozenset({"LATERAL", "LL", "RL", "LLO", "RLO"})
CAUTIONS = (
    "Demonstrator for research use only. Not a medical device, not cleared or approved by anyone, never for time-critical decisions.",
    "Adapted to one archive. Figures are of persons of that archive held out of training, against labels that rules took from reports.",
    "Only findings that a report speaks of count, so carriers are more frequent in the figures than among patients.",
    "The persons of the figures also chose the epoch that was kept, so the figures flatter a little.",
    "Frontal views only. A finding outside its ten heads is never seen.",
)
_UNMEASURED: Mapping[str, Any] = {
    "summary": "The compact network, adapted to the radiographs of one site.",
    "cautions": CAUTIONS,
    "refusals": (),
    "external": (),
    "external_views": (),
    "drafting": None,
}
"""What of the base model's card does not hold any more."""


@dataclass(frozen=True, slots=True)
class CompactBase:
    """A compact model that is adapted."""

    parts: Parts
    calibration: Calibration
    card: Card
    fingerprint: str

    @property
    def name(self) -> str:
        """With its version."""
        return f"{self.calibration.name} {self.calibration.version}"


def compact_base(folder: Path | None = None) -> CompactBase:
    """The compact model of a folder, or the one that ships; files checked against the card.

    Raises:
        ModelMissing, ModelFilesChanged: as `compact.files.verify`.
    """
    place = SHIPPED if folder is None else folder
    card, calibration = verify(place), load_calibration(place)
    return CompactBase(load(place, calibration), calibration, card, card.files[WEIGHTS].sha256)


def kept(image: F32, size: int) -> U8:
    """What is kept of an image [rows, columns] in 0..1: as the network sees it, 8 bits [size, size]."""
    return np.asarray((prepare(image, size)[0] * 255).round(), dtype=np.uint8)


def pixels(rows: U8) -> torch.Tensor:
    """Kept images as the network's input [n, 1, size, size]."""
    return torch.from_numpy(np.array(rows, dtype=np.float32) / 255)[:, None]


class Reports:
    """Report vectors in the space of the network's images. The text tower never moves, so each sentence is embedded once."""

    def __init__(self, centre: F32) -> None:
        """`centre`: of the base model's reports."""
        self._centre, self._sentences = centre, SentenceCache()

    def vectors(self, reports: Sequence[str]) -> F32:
        """Unit vectors [n, 384]; zeros for a report without sentences."""
        return centred_unit(self._sentences.mean_vectors([sentences(report) for report in reports]), self._centre)


def labels(pairs: Sequence[Pair]) -> dict[str, U8]:
    """What reports say of the network's findings: `present`, `known`, `sides` [n, findings] and `views` [n].

    Known is what a report states or denies; of what it doubts or leaves out nothing is.
    """
    said = [[pair.said.get(key) for key in KEYS] for pair in pairs]
    sides = [[_SIDES[pair.sides.get(key)] for key in KEYS] for pair in pairs]
    shape = (len(pairs), len(KEYS))
    return {
        "present": np.array([[word == "present" for word in row] for row in said], dtype=np.uint8).reshape(shape),
        "known": np.array([[word in ("present", "absent") for word in row] for row in said], dtype=np.uint8).reshape(shape),
        "sides": np.array(sides, dtype=np.uint8).reshape(shape),
        "views": np.array([VIEWS.index(view_of(pair)) for pair in pairs], dtype=np.uint8),
    }


def view_of(pair: Pair) -> Any:
    """PA, AP or LATERAL. A view that is none of these is not read, as a lateral one is not."""
    return "LATERAL" if pair.view in _LATERAL or pair.view not in VIEWS else pair.view


def store_of(pairs: Sequence[Pair], rows: U8) -> Store:
    """A part of the corpus as the compact model's own code measures it; no masks."""
    count = len(pairs)
    return Store(
        images=rows,
        masks=np.broadcast_to(np.zeros((1, len(KEYS), GRID, GRID), dtype=np.uint8), (count, len(KEYS), GRID, GRID)),
        masked=np.zeros((count, len(KEYS)), dtype=np.uint8),
        domains=np.full(count, DOMAINS.index("radiograph"), dtype=np.uint8),
        sentences=tuple(sentences(pair.report) for pair in pairs),
        meanings=np.arange(count, dtype=np.int64),
        **labels(pairs),
    )


def write(base: CompactBase, trained: CompactNet, seen: Shown, told: Told, folder: Path) -> Card:
    """Calibrate a network on the site's calibration persons and write it as a compact model.

    Args:
        base: What was adapted.
        trained: The network.
        seen: The site's cases and what is kept of each image.
        told: How it was trained.
        folder: The model's.

    Raises:
        TrainingDataRefused: no frontal view calibrates.
    """
    corpus, rows = seen.corpus, seen.rows
    net = _for_radiographs(trained)
    store = store_of(corpus.pairs["calibration"], rows["calibration"])
    if not evaluate.frontal(store).any():
        raise TrainingDataRefused("no case that calibrates shows a frontal view")
    output = outputs_of(net, store)
    gate = fit_gate(outputs_of(net, store_of(corpus.pairs["train"], rows["train"])), output, store)
    findings = calibrate(output, store)
    admitted = admission(output.logits.numpy(), store, [str(pair.person) for pair in corpus.pairs["calibration"]])
    calibration = Calibration(
        name=base.calibration.name,
        version=f"{base.calibration.version}+{corpus.fingerprint[:8]}",
        shape=stored_shape(net.shape),
        gate=gate_units(gate),
        findings=findings,
        localised=(),
        radiographs=DomainCalibration(gate=gate_units(gate), findings=findings) if admitted.admitted else None,
    )
    folder.mkdir(parents=True, exist_ok=True)
    save(Parts(net, gate, base.parts.text_centre, copy.deepcopy(gate) if admitted.admitted else None), folder)
    (folder / CALIBRATION).write_text(calibration.model_dump_json(indent=1) + "\n", encoding="utf-8")
    files = {name: entry(folder / name) for name in (WEIGHTS, CALIBRATION)}
    found, training = _measured(net, calibration, seen), _training(corpus, net, told)
    card = base.card.model_copy(
        update={**_UNMEASURED, "version": calibration.version, "files": files, "findings": found, "training": training}
        | {"admissions": (admitted,)}
    )
    write_card(card, folder)
    return card


def _for_radiographs(net: CompactNet) -> CompactNet:
    """The network as it is written, which takes every image for a radiograph: it learnt from nothing else since."""
    made = CompactNet(dataclasses.replace(net.shape, domain=True))
    made.load_state_dict({**made.state_dict(), **copy.deepcopy(net).cpu().state_dict()})
    with torch.no_grad():
        made.domain_head.weight.zero_()
        made.domain_head.bias.fill_(1.0)
    return rounded(made)


def _measured(net: CompactNet, calibration: Calibration, seen: Shown) -> tuple[FindingMeasured, ...]:
    """The card's figures on the held-out persons, or on those that calibrate where none is held out; of what any report speaks of."""
    part: Split = "held_out" if len(seen.rows["held_out"]) else "calibration"
    store = store_of(seen.corpus.pairs[part], seen.rows[part])
    output, frontal = outputs_of(net, store), evaluate.frontal(store)
    found = []
    for head, one in enumerate(calibration.findings):
        known = frontal & (store.known[:, head] == 1)
        if known.any():
            found.append(evaluate.measure_finding(head, one, _picked(output, known), _rows(store, known), localised=False))
    return tuple(found)


def _rows(store: Store, rows: NDArray[np.bool_]) -> Store:
    fields = {name: getattr(store, name) for name in Store.__dataclass_fields__}
    kept_sentences = tuple(one for one, wanted in zip(store.sentences, rows, strict=True) if wanted)
    return Store(**{**{name: value[rows] for name, value in fields.items() if name != "sentences"}, "sentences": kept_sentences})


def _picked(output: Output, rows: NDArray[np.bool_]) -> Output:
    return Output(**{name: getattr(output, name)[torch.from_numpy(rows)] for name in OUTPUTS})


def _training(corpus: Corpus, net: CompactNet, told: Told) -> Training:
    trained, plan = told.trained, told.plan
    parts = [part for part in corpus.pairs if corpus.pairs[part]]
    return Training(
        data=f"an archive of a site, {corpus.fingerprint[:12]}; licences: {', '.join(sorted(corpus.licences))}",
        train=len(corpus.pairs["train"]),
        held_out=len(corpus.pairs["held_out"]),
        calibration=len(corpus.pairs["calibration"]),
        test=0,
        radiographs={part: len(corpus.pairs[part]) for part in parts},
        patients={part: corpus.persons(part) for part in parts},
        pixels=net.shape.size,
        epochs=plan.epochs,
        best_epoch=trained.best_step * plan.epochs // trained.steps,
        parameters=count_parameters(net),
        seed=plan.seed,
        minutes=0,
        command=f"sidenote model train {told.strategy}",
        versions={"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__},
        remarks=("How it was adapted stands in adapted.json beside this folder.",),
    )
