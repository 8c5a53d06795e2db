"""Whether a model's files are those the settings name: asked before anything is loaded.

A folder is held to a table of SHA-256 that names all of it: a file that changed, is missing or was added is refused, and so are
formats that can run code when they are read (pickles). Documentation, pictures and code are no part of a model here: nothing reads
them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from retrieval.encoders.folder import ModelFolder
from tools.med_vlm.checkpoint import refusing
from tools.med_vlm.compact.files import sha256
from tools.med_vlm.errors import CheckpointRefused, ModelCodeRefused, ModelFilesChanged, ModelFormatRefused, ModelNotFound, ModelNotPinned
from tools.med_vlm.spec import ModelSpec

BASE = "base/"
"""Before the names of the base model's files, in the table of a model that needs one."""
PICKLES = frozenset({".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz"})
"""Formats that hold pickles, or may."""
_NO_PART = frozenset({".md", ".rst", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".pdf", ".py", ".ipynb"})
_DOCUMENTS = ("README", "LICENSE", "LICENCE", "NOTICE", "USE_POLICY")
_ALWAYS_PART = frozenset({".safetensors", ".json", ".jinja", ".model"})
"""What loaders read, whatever it is called: weights may be named NOTICE.safetensors."""
_INDEX = "*.safetensors.index.json"
"""Says which file holds which tensor."""
_WANTED = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors"]
"""What is asked of the hub: never code, never a pickle."""
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_THREADS = 4
"""Hashing takes a core each, at about a gigabyte a second."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Folders whose files are those of the settings, and the mark of all of them."""

    path: Path
    base: Path | None
    fingerprint: str


def identified(spec: ModelSpec) -> ModelFiles:
    """The files of an entry of the settings, on this machine and checked.

    Raises:
        ModelNotPinned: the entry lists no files, or names a model of the hub without its revision.
        ModelNotFound: a folder is not there, or the hub did not give it.
        ModelFilesChanged, ModelFormatRefused, CheckpointRefused: as `verified`.
    """
    path, base = folders(spec)
    return ModelFiles(path, base, verified(path, spec, base))


def folders(spec: ModelSpec) -> tuple[Path, Path | None]:
    """The folder of an entry of the settings and that of its base model, unchecked; no link that could come to point elsewhere.

    Raises:
        ModelNotPinned, ModelNotFound: as `identified`.
    """
    if not spec.files:
        raise ModelNotPinned("its files are not listed: `sidenote model pin` writes the table `files`")
    path = located(spec.source, spec.revision)
    base = located(spec.base, None) if spec.base is not None else None
    return path.resolve(), base.resolve() if base is not None else None


def located(source: str, revision: str | None) -> Path:
    """A folder by its path, or the snapshot of a hub's repository at one commit.

    Raises:
        ModelNotPinned: a name of the hub without a commit, which may be another model tomorrow.
        ModelNotFound: the folder is not there, or the hub did not give it.
    """
    local = Path(source).expanduser()
    if source and local.is_dir():
        return local
    if not _HUB_NAME.fullmatch(source) or ".." in source:
        raise ModelNotFound("its folder is not there")
    if revision is None:
        raise ModelNotPinned("a name of the hub needs the commit: `revision`, 40 hexadecimal digits; a base model is named by its folder")
    return _snapshot(source, revision)


def verified(path: Path, spec: ModelSpec, base: Path | None = None) -> str:
    """SHA-256 over the names and hashes of all files, sorted by name, when they are exactly those of the table.

    Files of the base model stand in the table as `base/NAME`.

    Raises:
        ModelFormatRefused: a file is of a format that can run code.
        ModelFilesChanged: a file is not in the table, is not there, or holds something else; or a folder is a link.
        CheckpointRefused: an index names weights that are in no table.
    """
    names = set(_all_names(path, base))
    for name in sorted(names | set(spec.files)):
        if name not in spec.files:
            raise ModelFilesChanged(name, "the settings do not list it")
        if name not in names:
            raise ModelFilesChanged(name, "the settings list it, and it is not there")
    found = pins(path, base)
    for name, digest in found.items():
        if digest != spec.files[name]:
            raise ModelFilesChanged(name, "its SHA-256 is another")
    for folder in (path, *((base,) if base else ())):
        _refuse_elsewhere(folder)
    return hashlib.sha256("".join(f"{name} {found[name]}\n" for name in sorted(found)).encode()).hexdigest()


def pins(path: Path, base: Path | None = None) -> dict[str, str]:
    """The SHA-256 of each file that a model's answers depend on, by its place in the folder: the table `files` of the settings.

    Raises:
        ModelFormatRefused: a file is of a format that can run code.
        ModelFilesChanged: a folder within is a link: what is behind it is listed nowhere.
    """
    found = places(path, base)
    with ThreadPoolExecutor(_THREADS) as threads:
        return dict(zip(found, threads.map(sha256, found.values()), strict=True))


def places(path: Path, base: Path | None = None) -> dict[str, Path]:
    """Each file that a model's answers depend on, by its name in the table `files`.

    Raises:
        ModelFormatRefused, ModelFilesChanged: as `pins`.
    """
    return {name: base / name.removeprefix(BASE) if base and name.startswith(BASE) else path / name for name in _all_names(path, base)}


def refuse_code(path: Path) -> None:
    """Refuse a folder whose settings ask to run code that came with it (`auto_map`). We would run none; it would be another model.

    Raises:
        ModelCodeRefused: they do.
        CheckpointRefused: a file of settings is no JSON object.
    """
    for each in sorted(path.rglob("*config.json")):
        name = each.relative_to(path).as_posix()
        with refusing():
            settings = ModelFolder(path).json(name)
        if "auto_map" in settings or "custom_pipelines" in settings:
            raise ModelCodeRefused(name)


def _all_names(path: Path, base: Path | None) -> Iterator[str]:
    yield from _names(path)
    if base is not None:
        yield from (BASE + name for name in _names(base))


def _names(path: Path) -> Iterator[str]:
    """Places of all files that are part of a model. Hidden ones are a downloader's notes."""
    for each in sorted(path.rglob("*")):
        place = each.relative_to(path)
        if any(part.startswith(".") for part in place.parts):
            continue
        if each.is_symlink() and each.is_dir():
            raise ModelFilesChanged(place.as_posix(), "it is a link to a folder, whose files nobody lists")
        if each.is_file() and _is_part(place):
            yield place.as_posix()


def _is_part(place: Path) -> bool:
    suffix = place.suffix.lower()
    if suffix in PICKLES:
        raise ModelFormatRefused(place.as_posix())
    return suffix in _ALWAYS_PART or (suffix not in _NO_PART and not place.name.upper().startswith(_DOCUMENTS))


def _refuse_elsewhere(folder: Path) -> None:
    """Refuse an index that names weights which the table does not hold: hidden ones, or ones of another folder."""
    names = set(_names(folder))
    for each in sorted(folder.rglob(_INDEX)):
        place = each.relative_to(folder)
        with refusing():
            held = ModelFolder(folder).json(place.as_posix()).get("weight_map")
        files = held.values() if isinstance(held, dict) else ()
        if not all(isinstance(file, str) and (place.parent / file).as_posix() in names for file in files):
            raise CheckpointRefused(f"{place.as_posix()} names weights that are not in the folder")


def _snapshot(name: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=_WANTED))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ModelNotFound("it is not on this machine and the hub did not give it") from error
