"""What an adaptation leaves beside its weights: from what, with what, how well. `adapted.json`; holds nothing of a case."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from policies.evidence import Frozen
from retrieval.generation.manifest import replace_flushed
from tools.med_vlm.adapting.examples.corpus import Corpus
from tools.med_vlm.adapting.plan import Plan
from tools.med_vlm.compact.files import sha256

if TYPE_CHECKING:
    from tools.med_vlm.adapting.training.loop import Trained
    from tools.med_vlm.adapting.training.state import Identity

ADAPTED, MODEL = "adapted.json", "model"

CAUTION = (
    "Measured on persons of the same archive that were held out. It says nothing of other sites, and the model's former card "
    "no longer holds: calibrate it again and look at it before it reads for anybody."
)


@dataclass(frozen=True, slots=True)
class Told:
    """How a model was adapted."""

    strategy: str
    plan: Plan
    trained: Trained


class Base(Frozen):
    """The model that was adapted."""

    name: str
    fingerprint: str
    licence: str | None


class Data(Frozen):
    """What it was adapted with."""

    archive: str
    """Fingerprint."""
    cases: dict[str, int]
    persons: dict[str, int]
    """In each part: train, held_out, calibration."""
    left_out: dict[str, int]
    licences: dict[str, int]
    consents: dict[str, int]
    redactions: dict[str, int]


class Adapted(Frozen):
    """The record of a finished adaptation."""

    strategy: str
    base: Base
    taught_by: str | None = None
    """Name and licence of the teacher: terms of a model may bind what is learnt from its answers."""
    data: Data
    plan: dict[str, object]
    steps: int
    best_step: int
    losses: tuple[float, ...]
    """Mean training loss of each epoch."""
    before: dict[str, float]
    after: dict[str, float]
    """On the held-out persons, of the base model and of what was kept; `loss` and what the strategy measures besides."""
    files: dict[str, str]
    """SHA-256 of each file under `model/`."""
    versions: dict[str, str]
    caution: str = CAUTION


def finished(folder: Path) -> Adapted | None:
    """The record of a training that is done, or None."""
    path = folder / ADAPTED
    if not path.is_file():
        return None
    _forget(folder)
    return Adapted.model_validate_json(path.read_bytes())


def _forget(folder: Path) -> None:
    """Remove what only a training that goes on needs: pictures of the archive, weights with their optimizer's."""
    for pattern in ("images-*", "state-*.safetensors", "best-*.safetensors"):
        for path in folder.glob(pattern):
            path.unlink()


def finish(
    folder: Path,
    base: Base,
    corpus: Corpus,
    identity: Identity,
    trained: Trained,
    *,
    measured: tuple[Mapping[str, float], Mapping[str, float]] = ({}, {}),
    taught_by: str | None = None,
) -> Adapted:
    """Write the record of what lies under `folder/model`; from now on the training is done.

    Args:
        folder: The training's.
        base: The model that was adapted.
        corpus: What it was adapted with.
        identity: Of the training.
        trained: What came of it.
        measured: (before, after) what the strategy measures besides the loss.
        taught_by: Name and licence of the teacher.
    """
    before, after = ({} if one is None else {"loss": one.loss, **one.parts} for one in (trained.before, trained.best))
    parts = [part for part in corpus.pairs if corpus.pairs[part]]
    told = Adapted(
        strategy=identity.strategy,
        base=base,
        taught_by=taught_by,
        data=Data(
            archive=corpus.fingerprint,
            cases={part: len(corpus.pairs[part]) for part in parts},
            persons={part: corpus.persons(part) for part in parts},
            left_out=dict(corpus.left_out),
            licences=dict(corpus.licences),
            consents=dict(corpus.consents),
            redactions=dict(corpus.redactions),
        ),
        plan=dict(identity.plan),
        steps=trained.steps,
        best_step=trained.best_step,
        losses=trained.losses,
        before={**before, **measured[0]},
        after={**after, **measured[1]},
        files=_hashes(folder / MODEL),
        versions=_versions(),
    )
    replace_flushed(folder / ADAPTED, told.model_dump_json(indent=1).encode())
    _forget(folder)
    return told


def _hashes(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _versions() -> dict[str, str]:
    from importlib.metadata import version

    return {"python": platform.python_version(), **{name: version(name) for name in ("torch", "transformers")}}
