"""The model on disk: safetensors, calibration and card; hashes checked before anything is read; never pickle."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import ValidationError

from tools.med_vlm.compact.card import Card, FileEntry
from tools.med_vlm.compact.reading.calibration import FindingCalibration, Frozen
from tools.med_vlm.compact.reading.drafting import BankSentence
from tools.med_vlm.errors import ModelFilesChanged, ModelMissing

SHIPPED = Path(__file__).resolve().parent
"""Where the weights that come with the product lie."""

WEIGHTS, CALIBRATION, CARD = "weights.safetensors", "calibration.json", "card.json"


class NetworkShape(Frozen):
    """`network.Shape` as stored."""

    size: int
    widths: tuple[int, int, int, int]
    blocks: tuple[int, int, int, int]
    neck: int
    findings: int
    views: int
    domain: bool = False


class GateUnits(Frozen):
    """The scalars of `ood.Gate`."""

    rest: float
    threshold: float


class DomainCalibration(Frozen):
    """What a reading of radiographs depends on, where these were admitted."""

    gate: GateUnits
    findings: tuple[FindingCalibration, ...]


class Calibration(Frozen):
    """Everything beside the weights that a reading depends on, `calibration.json`. Gate and findings are those of phantoms."""

    name: str
    version: str
    shape: NetworkShape
    gate: GateUnits
    findings: tuple[FindingCalibration, ...]
    localised: tuple[str, ...]
    """Keys whose regions are shown."""
    radiographs: DomainCalibration | None = None
    """None: radiographs were not admitted, and the model abstains on them."""
    drafting: tuple[BankSentence, ...] = ()
    """Sentences of training reports that a report may be drafted from."""


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as lower-case hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entry(path: Path) -> FileEntry:
    """A file as the card lists it."""
    return FileEntry(sha256=sha256(path), bytes=path.stat().st_size)


def load_card(folder: Path = SHIPPED) -> Card:
    """Read the card of a model folder, files unchecked.

    Raises:
        ModelMissing: there is no card.
        ModelFilesChanged: the card is not one this version can read.
    """
    path = folder / CARD
    if not path.is_file():
        raise ModelMissing(CARD)
    try:
        return Card.model_validate_json(path.read_bytes())
    except ValidationError as refused:
        raise ModelFilesChanged(CARD, f"{refused.error_count()} entries do not fit the card's schema") from refused


def verify(folder: Path = SHIPPED) -> Card:
    """Check every file of the model against its card and give the card.

    Raises:
        ModelMissing: a file is not there.
        ModelFilesChanged: a file has another SHA-256 than the card says, or the card leaves a file out.
    """
    card = load_card(folder)
    if set(card.files) != {WEIGHTS, CALIBRATION}:
        raise ModelFilesChanged(CARD, "it does not list exactly the files of the model")
    for name, listed in card.files.items():
        if not (folder / name).is_file():
            raise ModelMissing(name)
        if sha256(folder / name) != listed.sha256:
            raise ModelFilesChanged(name, "its SHA-256 differs")
    return card


def load_calibration(folder: Path = SHIPPED) -> Calibration:
    """Read the calibration; call `verify` first.

    Raises:
        ModelFilesChanged: it does not fit the schema.
    """
    try:
        return Calibration.model_validate_json((folder / CALIBRATION).read_bytes())
    except ValidationError as refused:
        raise ModelFilesChanged(CALIBRATION, f"{refused.error_count()} entries do not fit") from refused
