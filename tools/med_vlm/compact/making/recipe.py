"""One recipe from a source of examples to a model folder: render, embed reports, train, calibrate, measure, write."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.compact.card import Card
from tools.med_vlm.compact.examples.evaluation_sets import LabelledImage
from tools.med_vlm.compact.examples.example import Source
from tools.med_vlm.compact.examples.radiographs import Radiograph, RadiographSource, Split, in_split
from tools.med_vlm.compact.examples.store import Store, joined, render
from tools.med_vlm.compact.files import CALIBRATION, CARD, WEIGHTS
from tools.med_vlm.compact.fitting.ship import Fitted, fit
from tools.med_vlm.compact.making.carding import Made, add_elsewhere, make_card, write_card
from tools.med_vlm.compact.minilm import SentenceCache, centred_unit
from tools.med_vlm.compact.network import CompactNet, Shape
from tools.med_vlm.compact.training.loop import Epoch, Plan, Trainer
from tools.med_vlm.compact.weights import save

F32 = NDArray[np.float32]
RADIOGRAPHS, LEARNT = "radiographs", "learnt"
SPLITS: tuple[Split, ...] = ("train", "calibration")
"""The splits of the radiographs that are rendered; those of the test set are measured as the finished model would read them."""

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
    radiographs: tuple[Radiograph, ...] = ()
    """Of patients; each set takes those of its own patients."""
    repeats: int = 1
    """How often an epoch sees each radiograph."""
    device: str = "cpu"
    """Where the network is trained, e.g. `cuda`; it is calibrated and measured on the CPU, where it will read."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The rendered sets and the report vectors of each."""

    stores: dict[str, Store]
    texts: dict[str, F32]
    centre: F32


def prepare_corpus(recipe: Recipe, source: Source, folder: Path, say: Say) -> Corpus:
    """Render what is not rendered yet and embed the reports."""
    asked = {"train": recipe.train, "held_out": recipe.held_out, "calibration": recipe.calibration, "test": recipe.test}

    def told(name: str) -> Callable[[int, int], None]:
        return lambda done, of: say(f"drawing {name}: {done} of {of}") if done % 250 == 0 or done == of else None

    stores = {name: render(source, numbers, recipe.shape.size, folder / name, told(name)) for name, numbers in asked.items()}
    for split in SPLITS if recipe.radiographs else ():
        name, wanted = f"{RADIOGRAPHS}-{split}", [one.number for one in in_split(recipe.radiographs, split)]
        stores[name] = render(RadiographSource(recipe.radiographs), wanted, recipe.shape.size, folder / name, told(name))
    say("embedding the reports")
    sentences = SentenceCache()
    means = {name: sentences.mean_vectors(store.sentences) for name, store in stores.items()}
    centre = means["train"].mean(0)
    if recipe.radiographs:
        stores, means = _with_radiographs(stores, means, recipe.repeats)
    return Corpus(stores, {name: centred_unit(mean, centre) for name, mean in means.items()}, centre)


def _with_radiographs(stores: dict[str, Store], means: dict[str, F32], repeats: int) -> tuple[dict[str, Store], dict[str, F32]]:
    """The sets with `LEARNT`, what the network learns from: the phantoms, and the training radiographs so many times over."""
    own = f"{RADIOGRAPHS}-train"
    both = joined(stores["train"], stores[own], repeats)
    return {**stores, LEARNT: both}, {**means, LEARNT: np.concatenate([means["train"], *[means[own]] * repeats])}


def train(recipe: Recipe, corpus: Corpus, folder: Path, say: Say) -> tuple[CompactNet, tuple[Epoch, ...]]:
    """Train, or go on with a training begun in `folder`; gives the best network."""
    trainer = Trainer(recipe.shape, recipe.plan, folder / "training", recipe.device)

    def told(epoch: Epoch) -> None:
        heads = " ".join(f"{value:.3f}" for value in epoch.aurocs)
        parts = " ".join(f"{name} {value:.3f}" for name, value in epoch.parts.items())
        head = f"epoch {epoch.number + 1} of {len(recipe.plan.sizes)}: loss {epoch.loss:.3f} ({parts})"
        say(f"{head}, held-out AUROC {epoch.score:.4f} [{heads}], {epoch.seconds:.0f} s")

    name = LEARNT if recipe.radiographs else "train"
    trainer.run(corpus.stores[name], corpus.texts[name], corpus.stores["held_out"], told)
    return trainer.best(), tuple(trainer.epochs)


def write_model(recipe: Recipe, corpus: Corpus, trained: CompactNet, folder: Path) -> Fitted:
    """Calibrate the network as it will be shipped and write weights and calibration into `folder`."""
    patients = [one.patient for one in in_split(recipe.radiographs, "calibration")]
    names = [f"phantom-{number:06d}" for number in recipe.train]
    fitted = fit(trained, corpus.stores, corpus.centre, reports=names, patients=patients, seed=recipe.plan.seed)
    folder.mkdir(parents=True, exist_ok=True)
    save(fitted.parts, folder)
    (folder / CALIBRATION).write_text(fitted.calibration.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return fitted


def _made(recipe: Recipe, corpus: Corpus, epochs: Sequence[Epoch], net: CompactNet) -> Made:
    """The card's account of the training."""
    counts = {name: len(corpus.stores[name]) for name in ("train", "held_out", "calibration", "test")}
    return Made(recipe.data, recipe.command, recipe.plan.seed, counts, recipe.radiographs, tuple(epochs), net, recipe.device)


def make(recipe: Recipe, source: Source, work: Path, out: Path, *, others: Iterable[LabelledImage], say: Say) -> Card:
    """Make a model in `out`, working in `work`, where a killed run goes on.

    `others` are images from elsewhere on which the finished model is measured for its card; those of patients who trained or
    calibrated it are left out.

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
    fitted = write_model(recipe, corpus, trained, draft)
    write_card(make_card(_made(recipe, corpus, epochs, trained), fitted, corpus.stores, corpus.texts["test"], draft), draft)
    say("measuring on images from elsewhere")
    card = add_elsewhere(draft, others, recipe.radiographs)
    out.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, CALIBRATION, CARD):
        shutil.copyfile(draft / name, out / f"{name}.new")
    for name in (WEIGHTS, CALIBRATION, CARD):
        (out / f"{name}.new").replace(out / name)
    say(f"done in {(time.monotonic() - started) / 60:.1f} minutes")
    return card
