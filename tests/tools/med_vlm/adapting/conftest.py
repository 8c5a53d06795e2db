"""A small archive whose images show what their reports say, and tiny models to adapt."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tools.med_vlm.adapting.examples.corpus import Corpus, Pair
from tools.med_vlm.adapting.examples.meanings import meaning
from tools.med_vlm.adapting.progress import Progress
from tools.med_vlm.reading import Reader

REPORTS = (
    "Large left pleural effusion. The heart is enlarged.",
    "A moderate pleural effusion on the left.",
    "No focal consolidation. Heart size is normal. No pleural effusion or pneumothorax.",
    "No pleural effusion. The heart is normal.",
)
LICENCES = ("CC0-1.0", "CC-BY-4.0")
_TESTS = Path(__file__).parents[3]
Line = dict[str, Any]


@cache
def builders(place: str) -> ModuleType:
    """The builders of tiny checkpoints of another folder's tests, which load torch."""
    spec = importlib.util.spec_from_file_location(f"builders_of_{place.replace('/', '_')}", _TESTS / place / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    made = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny encoder, or of a tiny model that fuses words and regions, by its kind."""

    @cache
    def made(kind: str) -> Path:
        import torch

        torch.manual_seed(7)
        place = "retrieval/encoders" if kind in ("clip", "siglip", "dinov2") else "tools/med_vlm/backends/matchers"
        folder = tmp_path_factory.mktemp("checkpoint") / kind
        builders(place).SAVERS[kind](folder)
        return folder

    return made


def drawn(kind: int, number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Noise with a bright field whose place tells the report."""
    grey = np.random.default_rng(number).integers(0, 60, (72, 64)).astype(np.uint8)
    top, left = divmod(kind, 2)
    grey[top * 36 : top * 36 + 36, left * 32 : left * 32 + 32] += 180
    return grey


def line_of(number: int, **changes: Any) -> Line:
    """One case; every person has two, and every report comes back after four."""
    told = {
        "key": f"case-{number}",
        "person": f"urn:mrn|P{number // 2}x",
        "study": f"1.2.3.{number}",
        "as_of": "2020-05-06",
        "modality": "CR",
        "view": "PA",
        "age": 40 + number % 40,
        "sex": "female",
        "report": REPORTS[number % len(REPORTS)],
        "image": f"images/{number}.png",
        "consent": "broad consent 2019",
        "licence": LICENCES[number % 2],
    }
    return {**told, **changes}


def write_archive(folder: Path, lines: Sequence[Line]) -> Path:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for number, line in enumerate(lines):
        if isinstance(line["image"], str) and not (folder / line["image"]).exists():
            Image.fromarray(drawn(number % len(REPORTS), number)).save(folder / line["image"])
    (folder / "cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def write() -> Callable[[Path, Sequence[Line]], Path]:
    """Writes an archive of some lines, images drawn."""
    return write_archive


@pytest.fixture
def case() -> Callable[..., Line]:
    """A line by its number, some keys changed."""
    return line_of


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty cases of thirty persons, four reports."""
    return write_archive(tmp_path_factory.mktemp("archive") / "site", [line_of(number) for number in range(60)])


@pytest.fixture(scope="session")
def clip(checkpoint: Callable[[str], Path]) -> Path:
    """A tiny CLIP."""
    return checkpoint("clip")


@pytest.fixture(scope="session")
def small_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen cases of eight persons, two of whom are held out by a quarter, and two calibrate by another."""
    return write_archive(tmp_path_factory.mktemp("archive") / "small", [line_of(number) for number in range(32, 48)])


@pytest.fixture
def reader_over_http() -> Iterator[Reader]:
    """A model behind a server on loopback, the surer of every finding the brighter the image."""
    from tools.med_vlm.asking.questioned import QuestionedReader
    from tools.med_vlm.backends.served.model import ServedModel
    from tools.med_vlm.spec import ModelSpec

    served = builders("tools/med_vlm/backends/served")
    with served.serving(served.Served(logprobs=True)) as server:
        spec = ModelSpec(name="tiny", backend="openai", source=server.url, licence="Apache-2.0")
        model = ServedModel(spec, served.QUICK)
        yield QuestionedReader(model)
        model.close()


@pytest.fixture
def moved() -> Callable[[Path, Path], set[str]]:
    """Names of the tensors of two safetensors files that differ; the files hold the same names."""
    from safetensors.torch import load_file

    def compare(before: Path, after: Path) -> set[str]:
        old, new = load_file(before), load_file(after)
        assert old.keys() == new.keys()
        return {name for name in old if old[name].numpy().tobytes() != new[name].numpy().tobytes()}

    return compare


@pytest.fixture
def killer() -> Callable[[int], Callable[[Progress], None]]:
    """Somebody to tell of progress who ends the program at a step."""

    def at(step: int) -> Callable[[Progress], None]:
        def die(progress: Progress) -> None:
            if progress.phase == "training" and progress.done == step:
                raise KeyboardInterrupt

        return die

    return at


@pytest.fixture
def pair_of() -> Callable[..., Pair]:
    """A pair without an archive."""

    def make(number: int, report: str = REPORTS[0], image: Path = Path("none.png"), person: int = 0) -> Pair:
        return Pair(number, image, report, person, meaning(report), {}, {}, "CR", "CHEST", "PA", 50, "female")

    return make


@pytest.fixture
def corpus_of() -> Callable[..., Corpus]:
    """A corpus of given pairs."""

    def make(train: Sequence[Pair], held_out: Sequence[Pair] = (), calibration: Sequence[Pair] = ()) -> Corpus:
        parts = {"train": tuple(train), "held_out": tuple(held_out), "calibration": tuple(calibration)}
        return Corpus(parts, "f" * 64, {}, {}, {}, {})  # type: ignore[arg-type]  # the keys are the three parts

    return make
