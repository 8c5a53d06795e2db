"""Every published layout that can be converted, by name, and how a conversion is run: into a folder that is whole or not there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import cast

from tools.med_vlm.compact.files import sha256
from tools.med_vlm.errors import CheckpointRefused, ConversionRefused

NOTE = "conversion.json"
"""What a converted folder was made of, in the folder."""

Write = Callable[[Path, Path, Path | None], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """A published layout."""

    function: str
    """`module:function` of this package; taken in only when it is asked for."""
    summary: str
    base: str
    """What `--base` names for it; empty where nothing is needed."""


KINDS: Mapping[str, Kind] = {
    "safetensors": Kind("plain:write_safetensors", "a folder or file of PyTorch pickles, tensor for tensor", ""),
    "llava": Kind("llava:write_vicuna", "LLaVA 1.5 in its authors' layout, spoken to as Vicuna is", "its CLIP vision tower"),
    "llava-med": Kind("llava:write_mistral", "LLaVA-Med v1.5, spoken to as Mistral is", "its CLIP vision tower"),
    "huatuogpt-vision": Kind("llava:write_huatuo", "HuatuoGPT-Vision, spoken to as its authors do", "its CLIP vision tower"),
    "llava-rad": Kind("llava_rad:write_llava_rad", "LLaVA-Rad: LoRA, projector and BiomedCLIP-CXR tower", "Vicuna 7B v1.5"),
}


def convert(kind: str, source: Path, out: Path, base: Path | None = None) -> Path:
    """Write the checkpoint `source`, of a layout of `KINDS`, to the new folder `out`, and give `out` back.

    Nothing in a checkpoint is run: pickles are read for tensors alone, and refused where they hold more.

    Raises:
        ConversionRefused: there is no such kind; the base is missing, or not wanted; `out` is there; or the checkpoint is not of this
            layout: a tensor is missing, left over, or of another shape; or something cannot be read or written.
    """
    if kind not in KINDS:
        raise ConversionRefused(f"the kinds are {', '.join(KINDS)}")
    if (base is None) == bool(KINDS[kind].base):
        raise ConversionRefused(f"`base` is {KINDS[kind].base}" if base is None else "this kind needs no base")
    if out.exists():
        raise ConversionRefused("there is something already where the folder is to be written")
    module, _, function = KINDS[kind].function.partition(":")
    from huggingface_hub.errors import StrictDataclassError

    write = cast("Write", getattr(import_module(f"{__package__}.{module}"), function))
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        write(source, part, base)
        (part / NOTE).write_text(json.dumps(_note(kind, source, base), indent=1, sort_keys=True))
        part.rename(out)
    except CheckpointRefused as error:
        raise ConversionRefused(error.reason) from error
    except (
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RuntimeError,
        StrictDataclassError,
    ) as error:  # of settings that no library can make sense of
        raise ConversionRefused(f"its settings or tensors make no model ({type(error).__name__})") from error
    except OSError as error:
        raise ConversionRefused(f"a file or folder cannot be read or written ({type(error).__name__})") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return out


def _note(kind: str, source: Path, base: Path | None) -> dict[str, object]:
    return {"kind": kind, "source": _hashes(source), "base": _hashes(base) if base else {}}


def _hashes(where: Path) -> dict[str, str]:
    files = [where] if where.is_file() else sorted(path for path in where.rglob("*") if path.is_file())
    return {(path.name if path == where else path.relative_to(where).as_posix()): sha256(path) for path in files}
