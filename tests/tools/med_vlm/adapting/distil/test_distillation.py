"""The compact model comes to say what a teacher says, and is written as a model that abstains until it was measured to read well."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from fhir.codes import FINDINGS
from retrieval.archive.cases import read_image
from tools.med_vlm.adapting.distil.distillation import DistilPlan, apart, distil, divergence
from tools.med_vlm.adapting.distil.teaching import Teacher
from tools.med_vlm.adapting.progress import Progress
from tools.med_vlm.adapting.training.adapted import Adapted
from tools.med_vlm.asked import Asked, asked_of
from tools.med_vlm.compact.files import verify
from tools.med_vlm.compact.reader import load_compact
from tools.med_vlm.doubles.fake import SeededReader
from tools.med_vlm.errors import TrainingDataRefused

PLAN = DistilPlan(epochs=1, batch=4, held_out=0.25, calibration=0.25, peak=1e-3, save_every=1, seed=5, device="cpu")


class Sees(SeededReader):
    """Looks where the archive's images are bright, and speaks of two findings only."""

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        bright = float(asked.focal.pixels[:36, :32].mean()) > 0.4
        return {"pleural_effusion": 0.95 if bright else 0.05, "nodule": 0.3}


def embed(images: list[np.ndarray]) -> np.ndarray:  # type: ignore[type-arg]
    made = np.stack([image[::24, ::24].ravel() for image in images])
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


@pytest.fixture(scope="module")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compact model's folder with a small random network."""
    from tools.med_vlm.compact.files import CALIBRATION, WEIGHTS, entry, load_calibration, load_card
    from tools.med_vlm.compact.making.carding import write_card
    from tools.med_vlm.compact.network import CompactNet, Shape
    from tools.med_vlm.compact.weights import load, save, stored_shape

    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(3)
    net = CompactNet(Shape(size=64, widths=(8, 16, 24, 32), blocks=(1, 1, 1, 1), neck=24)).eval()
    shipped = load_calibration()
    parts = dataclasses.replace(load(Path(verify.__code__.co_filename).parent, shipped), net=net)
    save(parts, folder)
    (folder / CALIBRATION).write_text(shipped.model_copy(update={"shape": stored_shape(net.shape)}).model_dump_json())
    write_card(load_card().model_copy(update={"files": {name: entry(folder / name) for name in (WEIGHTS, CALIBRATION)}}), folder)
    return folder


@pytest.fixture(scope="module")
def run(tiny_base: Path, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Adapted, list[Progress]]:
    """A finished distillation with embeddings."""
    folder, told = tmp_path_factory.mktemp("distil") / "run", list[Progress]()
    plan = dataclasses.replace(PLAN, base=str(tiny_base), epochs=8, batch=8, augment=False, save_every=200)
    return folder, distil(plan, Teacher(Sees(), embed), archive, folder, told.append), told


def test_the_losses_fall(run: tuple[Path, Adapted, list[Progress]]) -> None:
    made = run[1]
    assert made.losses[-1] < 0.8 * made.losses[0]
    for name in ("findings", "embeddings", "views"):
        assert made.after[name] < made.before[name]


def test_the_student_says_what_the_teacher_says(run: tuple[Path, Adapted, list[Progress]], archive: Path) -> None:
    reader = load_compact(run[0] / "model")
    logits = []
    for number in range(8):
        output = reader._forward(_prepared(archive / "images" / f"{number}.png"))  # type: ignore[attr-defined]  # before calibration
        logits.append(output.logits[0])
    said = torch.stack(logits)
    bright = torch.tensor([number % 4 == 0 for number in range(8)])
    effusion = said[:, [finding.key for finding in FINDINGS].index("pleural_effusion")]
    assert float(effusion[bright].min()) > float(effusion[~bright].max())


def _prepared(path: Path) -> torch.Tensor:
    from tools.med_vlm.compact.preprocess import prepare

    return prepare(read_image(path), 64)[None]


def test_what_was_shown_to_read_well_reads(run: tuple[Path, Adapted, list[Progress]], archive: Path) -> None:
    card = verify(run[0] / "model")
    reading = load_compact(run[0] / "model").read(asked_of(read_image(archive / "images" / "0.png")))
    assert card.admissions[0].admitted
    assert not reading.abstained
    assert card.training.patients.keys() == {"train", "held_out", "calibration"}
    assert card.refusals == card.external == ()


def test_the_record_names_the_teacher_and_its_licence(run: tuple[Path, Adapted, list[Progress]]) -> None:
    assert run[1].taught_by == "seeded double 1, Apache-2.0"
    assert {one.phase for one in run[2]} == {"images", "teacher", "training"}
    assert not [path.name for path in run[0].iterdir() if path.name.startswith("images")]


def test_a_killed_distillation_ends_with_the_same_bytes_and_asks_nothing_twice(
    tiny_base: Path, small_archive: Path, tmp_path: Path, killer: Callable[[int], Callable[[Progress], None]]
) -> None:
    plan = dataclasses.replace(PLAN, base=str(tiny_base))
    whole = distil(plan, Teacher(Sees()), small_archive, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        distil(plan, Teacher(Sees()), small_archive, tmp_path / "killed", killer(1))

    class Gone(Sees):
        def probabilities(self, asked: Asked) -> Mapping[str, float]:
            raise AssertionError("asked twice")

    assert distil(plan, Teacher(Gone()), small_archive, tmp_path / "killed") == whole
    reading = load_compact(tmp_path / "whole" / "model").read(asked_of(read_image(small_archive / "images" / "32.png")))
    assert reading.abstained  # two persons that calibrate show nothing
    assert not verify(tmp_path / "whole" / "model").admissions[0].admitted


def test_a_teacher_that_says_nothing_teaches_nothing(tiny_base: Path, small_archive: Path, tmp_path: Path) -> None:
    class Silent(Sees):
        def probabilities(self, asked: Asked) -> Mapping[str, float]:
            return {}

    with pytest.raises(TrainingDataRefused, match="said nothing"):
        distil(dataclasses.replace(PLAN, base=str(tiny_base)), Teacher(Silent()), small_archive, tmp_path / "run")


def test_divergence_is_that_of_bernoulli_trials_at_a_temperature() -> None:
    logits, teacher = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.9, 0.2]])
    wanted = torch.sigmoid(torch.logit(teacher) / 2)
    said = torch.sigmoid(logits / 2)
    expected = wanted * (wanted / said).log() + (1 - wanted) * ((1 - wanted) / (1 - said)).log()
    assert torch.allclose(divergence(logits, teacher, 2.0), expected.mean() * 4)


def test_a_student_that_agrees_learns_nothing() -> None:
    teacher = torch.tensor([[0.7, 0.2, 0.5]])
    assert float(divergence(torch.logit(teacher), teacher, 3.0)) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("known", [[True, False], [False, False]])
def test_what_the_teacher_does_not_speak_of_teaches_nothing(known: list[bool]) -> None:
    logits = torch.tensor([[1.0, 1.0]], requires_grad=True)
    teacher = torch.tensor([[0.2, 0.2]]).masked_fill(~torch.tensor([known]), torch.nan)
    (gradient,) = torch.autograd.grad(divergence(logits, teacher, 2.0), logits)
    assert [bool(each) for each in gradient[0] != 0] == known


def test_an_image_without_the_teachers_vector_pulls_nowhere() -> None:
    carried = torch.randn(2, 3, generator=torch.Generator().manual_seed(1)).requires_grad_()
    wanted = functional.normalize(torch.tensor([[1.0, 2.0, 3.0], [torch.nan] * 3]), dim=1)
    (gradient,) = torch.autograd.grad(apart(carried, wanted), carried)
    assert bool((gradient[0] != 0).any())
    assert not bool(gradient[1].any())
    assert float(apart(wanted[:1] * 5, wanted[:1])) == pytest.approx(0, abs=1e-6)
    assert float(apart(carried[1:], wanted[1:]).detach()) == 0
