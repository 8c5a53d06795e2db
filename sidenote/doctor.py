"""What is configured, what was chosen automatically and why, and what is missing."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Literal

from sidenote.problems import Coded
from sidenote.settings import Settings, cards_url_of

if TYPE_CHECKING:
    from tools.med_vlm.spec import ModelSpec

State = Literal["ok", "note", "missing"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination: what was looked at, how it is, and why."""

    name: str
    state: State
    value: str
    reason: str


def examine(settings: Settings) -> tuple[Finding, ...]:
    """Look at every part that a review needs. Opens files, loads the model, asks no server."""
    return tuple(look(settings) for look in LOOKS)


def _home(settings: Settings) -> Finding:
    folder = settings.home
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    writable = os.access(existing, os.W_OK)
    return Finding(
        "home", "ok" if writable else "missing", str(folder), "records and checkpoints are written here" if writable else "not writable"
    )


def _policies(settings: Settings) -> Finding:
    from policies.engine import load_rules

    rules = load_rules(settings.rules)
    return Finding("policies", "ok", f"{len(rules)} rules", "the shipped ones" if settings.rules is None else f"from {settings.rules}")


def _guidance(settings: Settings) -> Finding:
    from policies.guidance_pack import load_topics

    topics = load_topics(settings.guidance)
    return Finding(
        "guidance", "ok", f"{len(topics)} topics", "the shipped ones" if settings.guidance is None else f"from {settings.guidance}"
    )


def _model(settings: Settings) -> Finding:
    if settings.image_model == "off":
        return Finding("image model", "note", "off", "SIDENOTE_IMAGE_MODEL is off: reviews rest on the record alone")
    if settings.image_model_spec is not None:
        return _own_model(settings, settings.image_model_spec)
    from tools.med_vlm.compact.reader import load_compact

    reader = load_compact(settings.model_folder)
    return Finding(
        "image model", "ok", reader.name, f"files verified, weights {reader.weights[:12]}; a demonstrator, see `sidenote model card`"
    )


def _own_model(settings: Settings, spec: ModelSpec) -> Finding:
    from sidenote.models import check_image_model

    check_image_model(settings)
    worth = "calibrated here" if spec.calibration else "not calibrated: nothing it says is more than uncertain"
    return Finding("image model", "ok", spec.name, f"run by {spec.backend}, {worth}; `sidenote model check {spec.name}` asks it")


def _device(settings: Settings) -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding(
            "device", "ok", torch.cuda.get_device_name(0), "a CUDA device is visible; the compact model runs on the CPU all the same"
        )
    return Finding("device", "ok", f"CPU, {torch.get_num_threads()} threads", "no CUDA device is visible")


def _library(settings: Settings) -> Finding:
    from retrieval.library import check
    from sidenote.milvus_place import milvus_place

    place = milvus_place(settings)
    if place is not None:
        sealed = "the configured seal alone is served" if place.seal else "any whole library there is served: configure milvus_seal"
        return Finding(
            "case library", "ok" if place.seal else "note", f"in Milvus, as {place.collection}", f"{sealed}; `index verify` asks it"
        )
    if not settings.library_folder.exists():
        return Finding("case library", "note", "none", "build one with `sidenote index build`; reviews say that there is none")
    info = check(settings.library_folder, cards_url=cards_url_of(settings))
    return Finding("case library", "ok", f"{info.cases:,} cases", f"every byte verified; generation {info.sha256[:12]}")


def _encryption(settings: Settings) -> Finding:
    """Whether servers elsewhere that hold cases are asked with TLS, or without because the site says so."""
    from sidenote.encryption import milvus_hosts, postgres_hosts
    from sidenote.milvus_place import milvus_place

    url, place = cards_url_of(settings), milvus_place(settings)
    hosts = (frozenset() if place is None else milvus_hosts(place.uri)) | (frozenset() if url is None else postgres_hosts(url))
    if hosts:
        return Finding(
            "case servers", "note", "asked without TLS", "as unencrypted_hosts allows: reports and thumbnails are read on the way"
        )
    return Finding("case servers", "ok", "none without TLS", "this machine, or TLS that proves who answers")


def _faiss(settings: Settings) -> Finding:
    for package, words in (("faiss-cuda", "GPU build"), ("faiss-cpu", "CPU build")):
        try:
            return Finding("faiss", "ok", f"{package} {version(package)}", f"{words}, chosen by the extra it was installed with")
        except PackageNotFoundError:
            continue
    return Finding("faiss", "missing", "none", "install with the extra `cpu` or `gpu`; without it there are no similar cases")


def _engine(settings: Settings) -> Finding:
    """What searches the case library."""
    from retrieval.vectors import choose_engine

    chosen = choose_engine()
    return Finding("similar cases", "ok", f"searched by {chosen.name}", chosen.reason)


_SYNTAXES = (
    ("uncompressed", "1.2.840.10008.1.2.1"),
    ("RLE", "1.2.840.10008.1.2.5"),
    ("JPEG", "1.2.840.10008.1.2.4.50"),
    ("JPEG lossless", "1.2.840.10008.1.2.4.70"),
    ("JPEG-LS", "1.2.840.10008.1.2.4.80"),
    ("JPEG 2000", "1.2.840.10008.1.2.4.90"),
    ("HTJ2K", "1.2.840.10008.1.2.4.201"),
)
"""Families of transfer syntaxes for still images, each by one of them (DICOM PS3.5 Annex A)."""


def _images(settings: Settings) -> Finding:
    """Which compressed DICOM this installation can decode, found out in the child process that decodes."""
    from fhir.pixels import decodable

    able = {syntax.uid for syntax in decodable() if syntax.decodable}
    there, lacking = ([name for name, uid in _SYNTAXES if (uid in able) is wanted] for wanted in (True, False))
    reason = f"not {', '.join(lacking)}: install the extra `jpeg` for JPEG lossless and JPEG-LS" if lacking else "what radiographs come in"
    return Finding("DICOM syntaxes", "note" if lacking else "ok", ", ".join(there), reason)


def _or_problem(name: str, look: Callable[[Settings], Finding]) -> Callable[[Settings], Finding]:
    """`look`, with a refusal told as a line instead of ending the examination."""

    def told(settings: Settings) -> Finding:
        try:
            return look(settings)
        except Exception as error:
            if not isinstance(error, Coded):
                raise
            return Finding(name, "missing", error.code, str(error))

    return told


LOOKS: tuple[Callable[[Settings], Finding], ...] = (
    _home,
    _or_problem("policies", _policies),
    _or_problem("guidance", _guidance),
    _or_problem("image model", _model),
    _device,
    _faiss,
    _or_problem("similar cases", _engine),
    _or_problem("case library", _library),
    _or_problem("case servers", _encryption),
    _or_problem("DICOM syntaxes", _images),
)
