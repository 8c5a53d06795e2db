"""How much memory a review needs."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from bench.children import in_child
from bench.rows import Figure, Row
from bench.setting import Setting

LIBRARIES = ("torch", "transformers", "sentence_transformers", "faiss", "langgraph.graph")


def memory(setting: Setting) -> tuple[Row, ...]:
    """Memory peak of a review.

    VmHWM of a child process that makes one review and ends. `ru_maxrss` would not do: on Linux a child inherits its parent's. The
    image's decoder is another process, with a limit of its own.
    """
    fixed = (str(setting.hospital), str(setting.library), setting.stories[0].person.id)
    imports, text, image = [], [], []
    for number in range(setting.rounds(3)):
        setting.tell(f"children, round {number + 1}")
        home = str(setting.scratch / f"memory-{number}")
        imports.append(in_child(peak_of_imports))
        text.append(in_child(peak_of_review, home, *fixed, False))
        image.append(in_child(peak_of_review, home, *fixed, True))
    peer, beside = "importing " + ", ".join(LIBRARIES), Figure(tuple(imports), "MB")
    return (
        Row("review with image model and case library", Figure(tuple(image), "MB"), peer, beside),
        Row("review of the text alone", Figure(tuple(text), "MB"), peer, beside),
    )


def peak_of_review(home: str, hospital: str, library: str, story: str, image_model: bool) -> float:
    """Megabytes at the peak of one review. Run in a child."""
    from bench.stages import review_all

    review_all(Path(home), Path(library), Path(hospital), (story,), image_model=image_model)
    return _peak()


def peak_of_imports() -> float:
    """Megabytes at the peak of importing the libraries a review with an image needs. Run in a child."""
    for name in LIBRARIES:
        importlib.import_module(name)
    return _peak()


def _peak() -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    if found is None:
        raise ValueError("/proc/self/status names no VmHWM")
    return int(found[1]) * 1024 / 1e6
