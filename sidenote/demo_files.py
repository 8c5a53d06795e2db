"""The pretend hospital's files in the demo's folder: written once, and written anew when what draws them has changed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import sandbox
from sandbox.patients.hospital import stories, write_hospital
from sandbox.patients.story import Story
from sidenote.render.write import write_whole

_STAMP = "drawn-by.txt"
_DRAWERS = ("patients", "phantoms")


def hospital_files(folder: Path) -> tuple[Story, ...]:
    """All stories, with their charts and images as files under `folder`, where `sidenote review --fhir` can read them too."""
    drawn_by, stamp = _fingerprint(), folder / _STAMP
    if stamp.is_file() and stamp.read_text("utf-8") == drawn_by and _whole(folder):
        return stories()
    told = write_hospital(folder)
    write_whole(stamp, drawn_by)
    return told


def _fingerprint() -> str:
    """Of the code that tells the stories and draws the images: the same code, the same bytes."""
    root = Path(sandbox.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(path for name in _DRAWERS for path in (root / name).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _whole(folder: Path) -> bool:
    return all((folder / image.path).is_file() for story in stories() for image in story.images)
