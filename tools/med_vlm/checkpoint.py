"""A published model's folder: its settings, and its tensors, taken out by name until none is left. What nobody took was not understood."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.encoders.folder import ModelFolder
from retrieval.errors import EncoderUnusable
from tools.med_vlm.errors import CheckpointRefused

if TYPE_CHECKING:
    from torch import Tensor, nn

WEIGHTS = "*.safetensors"


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what `retrieval` finds wrong with a model's files into `CheckpointRefused`. Its messages name files of the folder alone."""
    try:
        yield
    except EncoderUnusable as error:
        raise CheckpointRefused(str(error)) from error


@contextmanager
def making(part: str) -> Iterator[None]:
    """Turn what a library raises when it makes `part` of a folder into `CheckpointRefused`; its own message names paths."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    lost = (ArithmeticError, AttributeError, EOFError, ImportError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)
    try:
        yield
    except (*lost, SafetensorError, StrictDataclassError) as error:
        raise CheckpointRefused(f"{part} cannot be made of it ({type(error).__name__})") from error


def settings(folder: Path, name: str = "config.json") -> dict[str, Any]:
    """A JSON object of a folder.

    Raises:
        CheckpointRefused: it is not there, holds no JSON object, or is over 32 MB.
    """
    if not (folder / name).is_file():
        raise CheckpointRefused(f"{name} is missing")
    try:
        return ModelFolder(folder).json(name)
    except EncoderUnusable as error:
        raise CheckpointRefused(f"{name} is no JSON object, or too large to be settings") from error


def tensors_of(path: Path) -> dict[str, Tensor]:
    """The tensors of one safetensors file, mapped: what is not looked at is not read.

    Raises:
        CheckpointRefused: it is not there, no safetensors, or cut short.
    """
    if not path.is_file():
        raise CheckpointRefused(f"{path.name} is missing")
    try:
        return ModelFolder(path.parent).tensors(path.name)
    except EncoderUnusable as error:
        raise CheckpointRefused(f"{path.name} is no safetensors, or is cut short") from error


def joined(files: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors of several files.

    Raises:
        CheckpointRefused: two of them hold one name, so that nobody knows which is meant.
    """
    made: dict[str, Tensor] = {}
    for tensors in files:
        if made.keys() & tensors.keys():
            raise CheckpointRefused("two files hold a tensor of one name")
        made |= tensors
    return made


def refuse_incomplete(notes: Mapping[str, Any], *, unread: Iterable[str] = ()) -> None:
    """Look through what a loader of transformers notes (`output_loading_info`). `unread`: endings of names that may be left over.

    Raises:
        CheckpointRefused: a tensor is missing, left over or of another shape.
    """
    left = [name for name in notes.get("unexpected_keys") or () if not name.endswith(tuple(unread))]
    wrong = len(left) + sum(len(notes.get(each) or ()) for each in ("missing_keys", "mismatched_keys", "error_msgs"))
    if wrong:
        raise CheckpointRefused(f"{wrong} tensors are missing, left over or of another shape")


class Stock:
    """Tensors that are taken out, each once; at the end none may be left."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._left = dict(tensors)

    def has(self, prefix: str) -> bool:
        """Whether a tensor's name begins so."""
        return any(name.startswith(prefix) for name in self._left)

    def take(self, name: str) -> Tensor:
        """One tensor.

        Raises:
            CheckpointRefused: it is missing.
        """
        if name not in self._left:
            raise CheckpointRefused(f"the tensor {name!r} is missing")
        return self._left.pop(name)

    def under(self, prefix: str, rename: Callable[[str], str] = str) -> dict[str, Tensor]:
        """All tensors whose names begin so, by the rest of their names, renamed; there may be none."""
        names = [name for name in self._left if name.startswith(prefix)]
        return {rename(name.removeprefix(prefix)): self._left.pop(name) for name in names}

    def part(self, prefix: str) -> dict[str, Tensor]:
        """As `under`, for what every such checkpoint has.

        Raises:
            CheckpointRefused: there is none.
        """
        taken = self.under(prefix)
        if not taken:
            raise CheckpointRefused(f"there is no {prefix.rstrip('.')}")
        return taken

    def linear(self, name: str, *, bias: bool) -> nn.Linear:
        """A linear layer of the tensors `name.weight` and `name.bias`.

        Raises:
            CheckpointRefused: one is missing, of another shape, or of whole numbers.
        """
        from torch import nn

        weight = self.take(f"{name}.weight")
        offset = self.take(f"{name}.bias") if bias else None
        if weight.ndim != 2 or (offset is not None and offset.shape != weight.shape[:1]):
            raise CheckpointRefused(f"the layer {name!r} has another shape than a matrix and its offsets")
        if not all(each.is_floating_point() for each in (weight, offset) if each is not None):
            raise CheckpointRefused(f"the layer {name!r} is of whole numbers")
        made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias, device="meta")
        made.weight = nn.Parameter(weight)
        if offset is not None:
            made.bias = nn.Parameter(offset)
        return made

    def leave(self, prefixes: Iterable[str] = (), endings: Iterable[str] = ()) -> None:
        """Drop what reading needs not, by how its names begin or end."""
        starts, ends = tuple(prefixes), tuple(endings)
        self._left = {name: tensor for name, tensor in self._left.items() if not name.startswith(starts) and not name.endswith(ends)}

    def close(self) -> None:
        """Refuse what nobody took.

        Raises:
            CheckpointRefused: tensors are left.
        """
        if self._left:
            raise CheckpointRefused(f"{len(self._left)} tensors are left over, such as {min(self._left)!r}")


def stock_of(folder: Path) -> Stock:
    """All tensors of a folder's safetensors, however many files they were split into; none is read before it is looked at.

    Raises:
        CheckpointRefused: there is no such file, one is damaged, or two hold a tensor of one name.
    """
    files = sorted(folder.glob(WEIGHTS))
    if not files:
        raise CheckpointRefused("the folder holds no safetensors; other formats are turned into it by `sidenote model convert`")
    return Stock(joined(map(tensors_of, files)))
