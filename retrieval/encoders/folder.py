"""A model's folder: found by path or by hub name, read without running anything, and told apart by what its files hold."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import EncoderDamaged, EncoderMissing, EncoderUnknown

if TYPE_CHECKING:
    from torch import Tensor

_WHAT_COUNTS = frozenset({".json", ".txt", ".model", ".jinja", ".safetensors", ".bin"})
"""Configuration, vocabularies, prompts and weights: all that a vector depends on. A README is none of it."""
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_LICENCES = tuple(re.compile(rf"^{key}:[ \t]*['\"]?([\w.+ -]{{1,60}}?)['\"]?[ \t]*$", re.MULTILINE) for key in ("license_name", "license"))
_NUMBERS = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors", "README.md"]
_LARGEST_JSON = 32_000_000


@dataclass(frozen=True)
class ModelFolder:
    """A folder that holds a published model."""

    path: Path

    @property
    def name(self) -> str:
        """The folder's own name; of a hub's snapshot `owner/model`."""
        if self.path.parent.name == "snapshots":
            return self.path.parent.parent.name.removeprefix("models--").replace("--", "/")
        return self.path.name

    @property
    def licence(self) -> str | None:
        """What the README states at its head (`license:`), as written there; None if it states nothing."""
        readme = self.path / "README.md"
        text = readme.read_text("utf-8", errors="replace")[:20_000] if readme.is_file() else ""
        head = text.split("\n---", 1)[0] if text.startswith("---") else ""
        found = [match.group(1) for pattern in _LICENCES if (match := pattern.search(head))]
        return found[0] if found else None

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return (self.path / name).is_file()

    def file(self, name: str) -> Path:
        """The path of a file.

        Raises:
            EncoderMissing: it is not there.
        """
        if not self.has(name):
            raise EncoderMissing("a file of the encoder is missing", where=name)
        return self.path / name

    def json(self, name: str) -> dict[str, Any]:
        """A JSON object.

        Raises:
            EncoderMissing: the file is not there.
            EncoderDamaged: it holds no JSON object, or is over 32 MB.
        """
        path = self.file(name)
        if path.stat().st_size > _LARGEST_JSON:
            raise EncoderDamaged("a file of the encoder is too large to be its settings", where=name)
        try:
            made = json.loads(path.read_bytes())
        except (ValueError, RecursionError) as error:
            raise EncoderDamaged("a file of the encoder is no JSON", where=name) from error
        if not isinstance(made, dict):
            raise EncoderDamaged("a file of the encoder is no JSON object", where=name)
        return made

    def tensors(self, name: str) -> dict[str, Tensor]:
        """The tensors of a safetensors file, by name.

        Raises:
            EncoderMissing: the file is not there.
            EncoderDamaged: it is no safetensors, or is cut short.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(self.file(name))
        except SafetensorError as error:
            raise EncoderDamaged("a file of the encoder is no safetensors, or is cut short", where=name) from error

    def fingerprint(self, version: str) -> str:
        """SHA-256 over every file that vectors depend on, by its place, and `version`: how our code uses them.

        Weights in a `.bin` count only where the same folder has none as safetensors, which are read before them.
        """
        total = hashlib.sha256(f"{version}\n".encode())
        for path in sorted(each for each in self.path.rglob("*") if each.suffix in _WHAT_COUNTS and each.is_file()):
            if path.suffix == ".bin" and any(path.parent.glob("*.safetensors")):
                continue
            with path.open("rb") as opened:
                digest = hashlib.file_digest(opened, "sha256").hexdigest()
            total.update(f"{path.relative_to(self.path).as_posix()} {digest}\n".encode())
        return total.hexdigest()


def find_model(name: str) -> ModelFolder:
    """A local folder, or a model of the hub by its name.

    The hub is not asked under `HF_HUB_OFFLINE`, where a copy of an earlier time serves. Settings, vocabularies and weights are
    downloaded; code is not.

    Raises:
        EncoderUnknown: the name is neither a folder nor could name a model of the hub.
        EncoderMissing: the model is not here and cannot be had.
    """
    local = Path(name).expanduser()
    if name and local.is_dir():
        return ModelFolder(local)
    if not _HUB_NAME.fullmatch(name) or ".." in name:
        if "/" in name or name.startswith("."):
            raise EncoderMissing("the encoder's folder is not there")
        raise EncoderUnknown("the name is neither a folder nor a model of the hub")
    return ModelFolder(_snapshot(name))


def _snapshot(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        path = Path(snapshot_download(name, allow_patterns=_NUMBERS))
        if not any(path.rglob("*.safetensors")):
            path = Path(snapshot_download(name, allow_patterns="*.bin"))
    except HFValidationError as error:
        raise EncoderUnknown("the name is neither a folder nor a model of the hub") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise EncoderMissing("the model is not on this machine and the hub did not give it") from error
    return path
