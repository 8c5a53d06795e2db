"""Towers are drawn together on an archive: the loss falls, only what may move moves, and a kill changes nothing."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from tools.med_vlm.adapting.contrastive.alignment import ContrastivePlan, align
from tools.med_vlm.adapting.progress import Progress
from tools.med_vlm.adapting.training.adapted import ADAPTED, Adapted
from tools.med_vlm.errors import ModelNotFound, TrainingBaseRefused, TrainingDataRefused

WEIGHTS = "model.safetensors"
RUN = 8
"""Epochs of the training that several tests look at."""
Checkpoint = Callable[[str], Path]
Run = tuple[Path, Adapted, list[Progress]]


def plan_of(base: Path | str, **changes: object) -> ContrastivePlan:
    told = ContrastivePlan(base=str(base), epochs=2, batch=8, peak=1e-3, held_out=0.25, seed=5, device="cpu")
    return dataclasses.replace(told, **changes)  # type: ignore[arg-type]  # fields by name


@pytest.fixture(scope="module")
def run(clip: Path, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished training, and what was told on the way."""
    folder, told = tmp_path_factory.mktemp("run") / "run", list[Progress]()
    return folder, align(plan_of(clip, epochs=RUN), archive, folder, told.append), told


def test_the_loss_falls_and_images_find_their_reports(run: Run) -> None:
    made = run[1]
    assert made.losses[-1] < 0.97 * made.losses[0]
    assert made.after["loss"] < 0.95 * made.before["loss"]
    assert made.after["recall_at_1"] > made.before["recall_at_1"]


def test_siglips_own_loss_falls_on_siglip(checkpoint: Checkpoint, archive: Path, tmp_path: Path) -> None:
    made = align(plan_of(checkpoint("siglip"), loss="sigmoid", epochs=3), archive, tmp_path / "run")
    assert made.losses[-1] < 0.99 * made.losses[0]
    assert made.after["loss"] < 0.99 * made.before["loss"]


@pytest.mark.parametrize(
    ("freeze", "still"),
    [("vision", ("vision_model.", "visual_projection.")), ("text", ("text_model.", "text_projection.")), ("none", ())],
)
def test_only_the_tower_that_may_move_moves(
    freeze: str,
    still: tuple[str, ...],
    clip: Path,
    small_archive: Path,
    tmp_path: Path,
    moved: Callable[[Path, Path], set[str]],
) -> None:
    align(plan_of(clip, freeze=freeze, epochs=1, batch=8, held_out=0.0), small_archive, tmp_path / "run")
    names, every = moved(clip / WEIGHTS, tmp_path / "run" / "model" / WEIGHTS), set(load_file(clip / WEIGHTS))
    stay = {name for name in every if still and name.startswith(still)}
    assert not names & stay
    assert "logit_scale" in names
    indifferent = {name for name in every if name.endswith("k_proj.bias")}  # adds the same to every place: no gradient but rounding
    assert every - stay - indifferent <= names


def test_a_training_killed_at_any_step_ends_with_the_same_bytes(
    clip: Path, small_archive: Path, tmp_path: Path, killer: Callable[[int], Callable[[Progress], None]]
) -> None:
    plan = plan_of(clip, batch=4, epochs=1, save_every=2)
    made = align(plan, small_archive, tmp_path / "whole")
    for step in (1, made.steps):
        with pytest.raises(KeyboardInterrupt):
            align(plan, small_archive, tmp_path / f"{step}", killer(step))
        assert align(plan, small_archive, tmp_path / f"{step}") == made
        whole, resumed = (tmp_path / name / "model" / WEIGHTS for name in ("whole", f"{step}"))
        assert resumed.read_bytes() == whole.read_bytes()


def test_another_seed_is_another_model_of_the_same_persons(clip: Path, small_archive: Path, tmp_path: Path) -> None:
    first, second = (align(plan_of(clip, seed=seed, epochs=1, held_out=0.0), small_archive, tmp_path / f"{seed}") for seed in (5, 6))
    assert first.files[WEIGHTS] != second.files[WEIGHTS]
    assert first.data == second.data


def test_a_finished_training_is_not_done_again(run: Run, clip: Path, archive: Path) -> None:
    told: list[Progress] = []
    assert align(plan_of(clip, epochs=RUN), archive, run[0], told.append) == run[1]
    assert told == []


@pytest.mark.parametrize(("change", "named"), [({"peak": 2e-3}, "peak"), ({"loss": "sigmoid", "freeze": "text"}, "freeze, loss")])
def test_the_folder_of_another_training_is_refused(change: dict[str, object], named: str, run: Run, clip: Path, archive: Path) -> None:
    with pytest.raises(TrainingDataRefused, match=f"its {named} differ"):
        align(plan_of(clip, epochs=RUN, **change), archive, run[0])


def test_the_folder_of_another_base_or_archive_is_refused(
    run: Run, clip: Path, checkpoint: Checkpoint, archive: Path, small_archive: Path
) -> None:
    with pytest.raises(TrainingDataRefused, match="its base differ"):
        align(plan_of(checkpoint("siglip"), epochs=RUN), archive, run[0])
    with pytest.raises(TrainingDataRefused, match="its archive differ"):
        align(plan_of(clip, epochs=RUN), small_archive, run[0])


def test_the_record_says_what_went_in_and_nothing_of_a_case(run: Run, clip: Path, archive: Path) -> None:
    folder, made, _ = run
    assert made.data.cases["train"] + made.data.cases["held_out"] == 60
    assert made.data.persons["train"] + made.data.persons["held_out"] == 30
    assert made.data.licences == {"CC0-1.0": 30, "CC-BY-4.0": 30}
    written = (folder / ADAPTED).read_text()
    assert Adapted.model_validate_json(written) == made
    assert not any(word in written for word in ("effusion", "case-", "P1x", "images/", "1.2.3", str(archive), str(clip.parent)))


def test_no_image_and_no_pickle_is_left_in_the_folder(run: Run) -> None:
    kinds = {path.suffix for path in run[0].rglob("*") if path.is_file()}
    assert kinds == {".safetensors", ".json", ".lock"}


def test_progress_tells_of_images_and_steps(run: Run) -> None:
    _, made, told = run
    images = [one for one in told if one.phase == "images"]
    steps = [one for one in told if one.phase == "training"]
    assert sum(one.done for one in images if one.done == one.total) == 60
    assert [one.done for one in steps] == list(range(1, made.steps + 1))
    assert steps[-1].seconds_left == 0
    assert [one.done for one in steps if one.held_out is not None] == [made.steps * epoch // RUN for epoch in range(1, RUN + 1)]
    assert all(one.loss is not None for one in steps)


def test_the_model_is_read_where_models_are_read(run: Run) -> None:
    from retrieval.encoders.sentence_transformer import open_image_text

    assert open_image_text(str(run[0] / "model")).one_space


def test_a_base_that_is_not_there_is_missing(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound):
        align(plan_of("./nothing"), archive, tmp_path / "run")


def test_a_model_of_another_kind_is_refused(checkpoint: Checkpoint, archive: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(checkpoint("dinov2"), tmp_path / "other"))
    with pytest.raises(TrainingBaseRefused, match="CLIP, SigLIP or the compact"):
        align(plan_of(folder), archive, tmp_path / "run")
