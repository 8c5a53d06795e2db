"""The tensors of a published model, taken part by part until nothing is left: what nobody took has been forgotten, and is refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.encoders.hugging_face import silenced
from tools.med_vlm.errors import CheckpointRefused, ModelMissing

if TYPE_CHECKING:
    from torch import Tensor, dtype

_SETTINGS = 32_000_000


class Checkpoint:
    """The safetensors of one folder."""

    def __init__(self, folder: Path) -> None:
        """List the tensors; none is read.

        Raises:
            ModelMissing: there is no safetensors file in the folder.
            CheckpointRefused: a file is no safetensors, or two of them hold a tensor of one name.
        """
        self._files: dict[str, Path] = {}
        files = sorted(folder.glob("*.safetensors"))
        if not files:
            raise ModelMissing("*.safetensors")
        for path in files:
            self._list(path)

    def _list(self, path: Path) -> None:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt") as opened:
                names = tuple(opened.keys())
        except SafetensorError as error:
            raise CheckpointRefused(f"{path.name} is no safetensors, or is cut short") from error
        if any(name in self._files for name in names):
            raise CheckpointRefused("two files hold a tensor of one name")
        self._files.update(dict.fromkeys(names, path))

    def take(self, prefix: str) -> dict[str, Tensor]:
        """Every tensor whose name begins so, named by the rest. They are not there afterwards.

        Raises:
            CheckpointRefused: there is none.
        """
        from safetensors import safe_open

        wanted = [name for name in self._files if name.startswith(prefix)]
        if not wanted:
            raise CheckpointRefused(f"there is no {prefix.rstrip('.')}")
        taken: dict[str, Tensor] = {}
        for path in {self._files[name] for name in wanted}:
            with safe_open(path, "pt") as opened:
                taken |= {name[len(prefix) :]: opened.get_tensor(name) for name in wanted if self._files[name] == path}
        self.leave(prefix)
        return taken

    def leave(self, *prefixes: str) -> None:
        """Pass over tensors whose names begin so: parts that the published checkpoint holds and reading needs not."""
        self._files = {name: path for name, path in self._files.items() if not name.startswith(prefixes)}

    def close(self) -> None:
        """Say that everything was taken.

        Raises:
            CheckpointRefused: something was not.
        """
        if self._files:
            raise CheckpointRefused(f"{len(self._files)} tensors are left over")


def settings(folder: Path, name: str = "config.json") -> dict[str, Any]:
    """A JSON object of a folder.

    Raises:
        ModelMissing: it is not there.
        CheckpointRefused: it holds no JSON object, or is over 32 MB.
    """
    path = folder / name
    if not path.is_file():
        raise ModelMissing(name)
    if path.stat().st_size > _SETTINGS:
        raise CheckpointRefused(f"{name} is too large to be settings")
    try:
        made = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise CheckpointRefused(f"{name} is no JSON") from error
    if not isinstance(made, dict):
        raise CheckpointRefused(f"{name} is no JSON object")
    return made


def layers(names: Iterable[str], prefix: str) -> int:
    """How many layers `prefix` 0, 1, 2 … the names speak of: one more than the last."""
    numbers = {name[len(prefix) :].split(".", 1)[0] for name in names if name.startswith(prefix)}
    return 1 + max((int(number) for number in numbers if number.isdecimal()), default=-1)


@contextmanager
def mismatch(part: str) -> Iterator[None]:
    """Turn what a loader raises about a part into `CheckpointRefused`; its own message names paths."""
    from huggingface_hub.errors import StrictDataclassError

    refused = (ArithmeticError, AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError)
    try:
        yield
    except (*refused, StrictDataclassError) as error:
        raise CheckpointRefused(f"{part} cannot be made of it ({type(error).__name__})") from error


def whole(kind: Any, sizes: Any, tensors: Mapping[str, Tensor], number: dtype) -> Any:
    """A transformers model of these sizes with these weights, in this number format, ready to be asked.

    Raises:
        CheckpointRefused: a tensor is missing, left over or of another shape.
    """
    with mismatch(kind.__name__), silenced():
        if _numbers(kind, sizes) != sum(tensor.numel() for tensor in tensors.values()):
            raise CheckpointRefused(f"its settings describe a {kind.__name__} of another size")
        model, notes = kind.from_pretrained(None, config=sizes, state_dict=dict(tensors), output_loading_info=True, dtype=number)
    wrong = sum(len(notes.get(each) or ()) for each in ("missing_keys", "unexpected_keys", "mismatched_keys", "error_msgs"))
    if wrong:
        raise CheckpointRefused(f"{wrong} tensors of {kind.__name__} are missing, left over or of another shape")
    return model.eval()


def _numbers(kind: Any, sizes: Any) -> int:
    """How many numbers such a model holds. Counted without memory: settings that say too little describe a model of billions."""
    import torch

    with torch.device("meta"):
        return sum(tensor.numel() for tensor in kind(sizes).state_dict().values())


def filled(module: Any, tensors: Mapping[str, Tensor], number: dtype) -> Any:
    """A module of ours with these weights, in this number format, ready to be asked.

    Raises:
        CheckpointRefused: as `whole`.
    """
    with mismatch(type(module).__name__):
        module.load_state_dict(dict(tensors), strict=True, assign=True)
    return module.to(number).eval().requires_grad_(False)
