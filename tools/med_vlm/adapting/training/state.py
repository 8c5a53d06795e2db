"""The state of a training on disk: tensors in safetensors, the rest in one JSON file that names them. No pickle.

`run.json` is put in place at once, after what it names is on the disk. So whatever a kill leaves behind, the file names a whole
state, and what it does not name is rubbish that the next sitting removes.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.generation.manifest import flush, replace_flushed
from tools.med_vlm.errors import TrainingBusy, TrainingDataRefused, TrainingStateDamaged

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
RUN, LOCK = "run.json", "run.lock"
PRIVATE = 0o700
"""The folder holds pictures of an archive while it trains, and weights learnt from them after."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a training this one and no other."""

    strategy: str
    plan: Mapping[str, object]
    archive: str
    """Fingerprint of the archive."""
    base: str
    """Fingerprint of the weights that are adapted, and of those that teach or see."""

    def as_json(self) -> dict[str, Any]:
        """As `run.json` keeps it."""
        told = {"strategy": self.strategy, "plan": dict(self.plan), "archive": self.archive, "base": self.base}
        return dict(json.loads(json.dumps(told)))


@contextmanager
def workplace(folder: Path) -> Iterator[None]:
    """Hold a folder for one training: made if missing, and nobody else trains there meanwhile.

    Raises:
        TrainingDataRefused: it holds files that are of no training.
        TrainingBusy: another process trains there.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
    if not (folder / RUN).is_file() and not all(_ours(each.name) for each in folder.iterdir()):
        raise TrainingDataRefused("the working folder holds files that are of no training; name another")
    with (folder / LOCK).open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise TrainingBusy from error
        yield


class State:
    """The state of one training in one folder."""

    def __init__(self, folder: Path, identity: Identity) -> None:
        """Begin in a folder of `workplace`, or go on there with the same training.

        Raises:
            TrainingDataRefused: the folder holds another training; the message names what differs.
            TrainingStateDamaged: its `run.json` is not as this version writes it.
        """
        self.folder, self._identity = folder, identity.as_json()
        self.note: dict[str, Any] = {}
        self._open()

    def _open(self) -> None:
        path = self.folder / RUN
        if not path.is_file():
            self.keep({}, {"step": 0})
            return
        try:
            found = json.loads(path.read_bytes())
            format_, identity, self.note = found["format"], dict(found["identity"]), dict(found["note"])
        except (ValueError, KeyError, TypeError) as error:
            raise TrainingStateDamaged(RUN) from error
        if format_ != FORMAT:
            raise TrainingStateDamaged(RUN)
        if differs := _differences(identity, self._identity):
            raise TrainingDataRefused(f"the working folder holds another training: its {', '.join(differs)} differ; name another folder")
        self._sweep()

    def keep(self, tensors: Mapping[str, Mapping[str, Tensor]], note: Mapping[str, Any]) -> None:
        """Write each file of `tensors` and then `note`, whose `files` name all that counts from now on."""
        from safetensors.torch import save_file

        for name, content in tensors.items():
            save_file({key: value.detach().cpu().contiguous().clone() for key, value in content.items()}, self.folder / name)
            flush(self.folder / name)
        self.note = dict(note)
        told = {"format": FORMAT, "identity": self._identity, "note": self.note}
        replace_flushed(self.folder / RUN, json.dumps(told, indent=1).encode())
        self._sweep()

    def tensors(self, name: str) -> dict[str, Tensor]:
        """A file that the note names.

        Raises:
            TrainingStateDamaged: it is missing or no safetensors.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(self.folder / name)
        except (OSError, SafetensorError) as error:
            raise TrainingStateDamaged(name) from error

    def _sweep(self) -> None:
        named = {str(name) for name in self.note.get("files", {}).values()}
        for path in (*self.folder.glob("state-*.safetensors"), *self.folder.glob("best-*.safetensors")):
            if path.name not in named:
                path.unlink()


def _ours(name: str) -> bool:
    return name == LOCK or name.startswith((f".{RUN}", "state-", "best-", "images", "teacher"))


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Names of what differs, the plan's fields by their own names."""
    outer = [name for name in wanted if name != "plan" and found.get(name) != wanted[name]]
    old, new = found.get("plan", {}), wanted["plan"]
    return outer + sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
