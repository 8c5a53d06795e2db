"""One recipe from a source of examples to a model folder: render, embed reports, train, calibrate, measure, write."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from tools.med_vlm.compact import evaluate, ood
from tools.med_vlm.compact.calibration import FindingCalibration, fit_finding
from tools.med_vlm.compact.card import ATTRIBUTES, CAUTIONS, Card, Refusals, Training
from tools.med_vlm.compact.evaluation_sets import LabelledImage, strange
from tools.med_vlm.compact.example import KEYS, LATERAL, Source
from tools.med_vlm.compact.files import CALIBRATION, CARD, WEIGHTS, Calibration, entry
from tools.med_vlm.compact.minilm import SentenceCache, centred_unit
from tools.med_vlm.compact.network import CompactNet, Output, Shape, count_parameters
from tools.med_vlm.compact.preprocess import prepare
from tools.med_vlm.compact.reader import load_compact
from tools.med_vlm.compact.store import Store, render
from tools.med_vlm.compact.training import Epoch, Plan, Trainer, outputs_of
from tools.med_vlm.compact.weights import Parts, gate_units, rounded, save, stored_shape

VERSION = "0.1.0"
BANK = 1000
"""Training embeddings that ship for the nearest-neighbour gate."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything a training depends on. The four sets of numbers must not overlap."""

    train: Sequence[int]
    held_out: Sequence[int]
    calibration: Sequence[int]
    test: Sequence[int]
    shape: Shape
    plan: Plan
    data: str
    """In words: what the examples are."""
    command: str
    """What to type to make the same model again."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The rendered sets and the report vectors of each."""

    stores: dict[str, Store]
    texts: dict[str, NDArray[np.float32]]
    centre: NDArray[np.float32]


def prepare_corpus(recipe: Recipe, source: Source, folder: Path, say: Say) -> Corpus:
    """Render what is not rendered yet and embed the reports."""
    asked = {"train": recipe.train, "held_out": recipe.held_out, "calibration": recipe.calibration, "test": recipe.test}

    def told(name: str) -> Callable[[int, int], None]:
        return lambda done, of: say(f"drawing {name}: {done} of {of}") if done % 250 == 0 or done == of else None

    stores = {name: render(source, numbers, recipe.shape.size, folder / name, told(name)) for name, numbers in asked.items()}
    say("embedding the reports")
    sentences = SentenceCache()
    means = {name: sentences.mean_vectors(store.sentences) for name, store in stores.items()}
    centre = means["train"].mean(0)
    return Corpus(stores, {name: centred_unit(mean, centre) for name, mean in means.items()}, centre)


def train(recipe: Recipe, corpus: Corpus, folder: Path, say: Say) -> tuple[CompactNet, tuple[Epoch, ...]]:
    """Train, or go on with a training begun in `folder`; gives the best network."""
    trainer = Trainer(recipe.shape, recipe.plan, folder / "training")

    def told(epoch: Epoch) -> None:
        heads = " ".join(f"{value:.3f}" for value in epoch.aurocs)
        parts = " ".join(f"{name} {value:.3f}" for name, value in epoch.parts.items())
        head = f"epoch {epoch.number + 1} of {len(recipe.plan.sizes)}: loss {epoch.loss:.3f} ({parts})"
        say(f"{head}, held-out AUROC {epoch.score:.4f} [{heads}], {epoch.seconds:.0f} s")

    trainer.run(corpus.stores["train"], corpus.texts["train"], corpus.stores["held_out"], told)
    return trainer.best(), tuple(trainer.epochs)


def calibrate(output: Output, store: Store) -> tuple[FindingCalibration, ...]:
    """Fit every head on the frontal examples of the calibration set."""
    rows = evaluate.frontal(store)
    fitted: list[FindingCalibration] = []
    for head, key in enumerate(KEYS):
        truth, known = evaluate.half_labels(store, head, rows)
        halves = output.halves[rows][:, head].numpy()[known].reshape(-1)
        sided = truth.reshape(-1) if LATERAL[head] else None
        fitted.append(fit_finding(key, output.logits[rows][:, head].numpy(), store.present[rows, head] == 1, halves, sided))
    return tuple(fitted)


def fit_gate(train_output: Output, output: Output, store: Store, seed: int) -> ood.Gate:
    """The out-of-distribution gate from training answers, its threshold on the frontal calibration examples."""
    rows = evaluate.frontal(store)
    bank = ood.spread_sample(len(train_output.embedding), BANK, seed)
    return ood.fit(
        train_output.embedding.numpy()[bank],
        train_output.texture.numpy(),
        output.embedding.numpy()[rows],
        output.texture.numpy()[rows],
    )


def write_model(recipe: Recipe, corpus: Corpus, trained: CompactNet, folder: Path) -> tuple[Calibration, ood.Gate, CompactNet]:
    """Calibrate the network as it will be shipped and write weights and calibration into `folder`."""
    net = rounded(trained)
    stores = corpus.stores
    outputs = {name: outputs_of(net, stores[name]) for name in ("calibration", "train")}
    findings = calibrate(outputs["calibration"], stores["calibration"])
    gate = fit_gate(outputs["train"], outputs["calibration"], stores["calibration"], recipe.plan.seed)
    rows = evaluate.frontal(stores["calibration"])
    games = [evaluate.measure_pointing(outputs["calibration"], stores["calibration"], head, rows) for head in range(len(KEYS))]
    calibration = Calibration(
        name="compact",
        version=VERSION,
        shape=stored_shape(recipe.shape),
        gate=gate_units(gate),
        findings=findings,
        localised=tuple(key for key, game in zip(KEYS, games, strict=True) if evaluate.trusted(*game)),
    )
    folder.mkdir(parents=True, exist_ok=True)
    save(Parts(net, gate, corpus.centre), folder)
    (folder / CALIBRATION).write_text(calibration.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return calibration, gate, net


def _refusals(net: CompactNet, gate: ood.Gate, store: Store, output: Output) -> tuple[Refusals, ...]:
    rows = np.flatnonzero(evaluate.frontal(store))
    found = [evaluate.measure_refusal("held-out phantoms, frontal", gate, _picked(output, rows))]
    for name, pictures in strange(store.images[rows[:200]], seed=1).items():
        with torch.inference_mode():
            batches = [
                net.eval()(torch.stack([prepare(p, net.shape.size) for p in pictures[at : at + 50]])) for at in range(0, len(pictures), 50)
            ]
        refused = [evaluate.measure_refusal(name, gate, batch) for batch in batches]
        found.append(Refusals(images=name, refused=sum(r.refused for r in refused), total=sum(r.total for r in refused)))
    return tuple(found)


def _picked(output: Output, rows: NDArray[np.int64]) -> Output:
    at = torch.from_numpy(rows)
    return Output(output.cells[at], output.logits[at], output.halves[at], output.view[at], output.embedding[at], output.texture[at])


def measure(recipe: Recipe, corpus: Corpus, epochs: Sequence[Epoch], made: tuple[Calibration, ood.Gate, CompactNet], folder: Path) -> Card:
    """The card of the model in `folder`, without the external sets, measured on the test examples."""
    calibration, gate, net = made
    store = corpus.stores["test"]
    output = outputs_of(net, store)
    best = max(epochs, key=lambda epoch: epoch.score).number
    rows = enumerate(calibration.findings)
    return Card(
        name=calibration.name,
        version=calibration.version,
        licence="Apache-2.0",
        summary=_summary(net),
        intended_use=ATTRIBUTES["intended_use"],
        cautions=CAUTIONS,
        files={name: entry(folder / name) for name in (WEIGHTS, CALIBRATION)},
        training=_training(recipe, epochs, best, net),
        findings=tuple(evaluate.measure_finding(head, one, output, store, one.key in calibration.localised) for head, one in rows),
        view_accuracy=evaluate.measure_view(output, store),
        retrieval=evaluate.measure_retrieval(output.embedding.numpy(), corpus.texts["test"], store.meanings),
        refusals=_refusals(net, gate, store, output),
        external=(),
        attributes=ATTRIBUTES,
    )


def _summary(net: CompactNet) -> str:
    millions = count_parameters(net) / 1e6
    return f"A network of {millions:.1f} million parameters that reads one frontal chest phantom at {net.shape.size} pixels."


def _training(recipe: Recipe, epochs: Sequence[Epoch], best: int, net: CompactNet) -> Training:
    return Training(
        data=recipe.data,
        train=len(recipe.train),
        held_out=len(recipe.held_out),
        calibration=len(recipe.calibration),
        test=len(recipe.test),
        pixels=recipe.shape.size,
        epochs=len(epochs),
        best_epoch=best + 1,
        parameters=count_parameters(net),
        seed=recipe.plan.seed,
        minutes=round(sum(epoch.seconds for epoch in epochs) / 60, 1),
        command=recipe.command,
        versions={"python": platform.python_version(), "torch": str(torch.__version__), "numpy": np.__version__},
    )


def write_card(card: Card, folder: Path) -> None:
    """Write the card of a folder, whole or not at all."""
    draft = folder / f"{CARD}.new"
    draft.write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    draft.replace(folder / CARD)


def add_external(folder: Path, images: Iterable[LabelledImage]) -> Card:
    """Measure the model of a folder on images from elsewhere and add the figures to its card."""
    reader = load_compact(folder)
    measured, refused = evaluate.measure_external(reader, images)
    card = reader.card.model_copy(update={"external": measured, "refusals": _without(reader.card.refusals, refused) + refused})
    write_card(card, folder)
    return card


def _without(old: tuple[Refusals, ...], new: tuple[Refusals, ...]) -> tuple[Refusals, ...]:
    names = {one.images for one in new}
    return tuple(one for one in old if one.images not in names)


def make(recipe: Recipe, source: Source, work: Path, out: Path, *, others: Iterable[LabelledImage], say: Say) -> Card:
    """Make a model in `out`, working in `work`, where a killed run goes on.

    `others` are images from elsewhere on which the finished model is measured for its card.

    The folder `out` is replaced file by file only when everything is made and measured.

    Raises:
        TrainingDataRefused: the examples cannot train, or `work` holds another run.
        TrainingDiverged: the loss stopped being a number.
    """
    started = time.monotonic()
    corpus = prepare_corpus(recipe, source, work, say)
    trained, epochs = train(recipe, corpus, work, say)
    say("calibrating and measuring")
    draft = work / "model"
    made = write_model(recipe, corpus, trained, draft)
    card = measure(recipe, corpus, epochs, made, draft)
    write_card(card, draft)
    say("measuring on images from elsewhere")
    card = add_external(draft, others)
    out.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, CALIBRATION, CARD):
        shutil.copyfile(draft / name, out / f"{name}.new")
    for name in (WEIGHTS, CALIBRATION, CARD):
        (out / f"{name}.new").replace(out / name)
    say(f"done in {(time.monotonic() - started) / 60:.1f} minutes")
    return card
