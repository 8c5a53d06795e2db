"""What the benchmarks measure on: the largest chart at hand, the pretend hospital, and a phantom library that is built once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.children import in_child
from fhir.bundles import read_document
from sandbox.patients.hospital import stories, write_hospital
from sandbox.patients.story import Story


@dataclass(frozen=True)
class Setting:
    """One run of the benchmarks. What is expensive is made when first asked for. `scratch` is removed after the run."""

    kit: Path | None
    quick: bool
    scratch: Path
    tell: Callable[[str], None] = lambda text: None

    def rounds(self, full: int) -> int:
        """How often to repeat: `full` times, or a fifth of it in a quick run, at least twice."""
        return max(2, full // 5) if self.quick else full

    @property
    def cases(self) -> int:
        """How many cases the library holds."""
        return 200 if self.quick else 2_000

    @cached_property
    def chart_file(self) -> Path:
        """The bundle of the kit's largest patient; without a kit, of the pretend hospital's."""
        folder = self.hospital if self.kit is None else self.kit / "fhir"
        return max(folder.glob("*.json"), key=lambda path: path.stat().st_size)

    @cached_property
    def patient(self) -> str:
        """Id of the patient of `chart_file`."""
        return next(item.id for item in read_document(self.chart_file.read_bytes()).items if item.header.resourceType == "Patient")

    @property
    def subject(self) -> str:
        """What `chart_file` is, in words."""
        text = self.chart_file.read_bytes()
        whose = "the pretend hospital's (there is no kit here)" if self.kit is None else "the kit's"
        return f"{whose} largest patient, {len(read_document(text).items)} resources, {len(text) / 1000:,.0f} kB"

    @cached_property
    def hospital(self) -> Path:
        """Folder of the pretend hospital's charts and images."""
        self.tell("drawing the pretend hospital")
        write_hospital(self.scratch / "hospital")
        return self.scratch / "hospital"

    @cached_property
    def stories(self) -> tuple[Story, ...]:
        """The stories that have images, so that every step of their reviews has something to do."""
        seen = tuple(story for story in stories() if story.images)
        return seen[:3] if self.quick else seen

    @cached_property
    def library(self) -> Path:
        """Folder of a phantom library by the shipped model, kept between runs in the user's part of the temporary folder."""
        from retrieval.errors import IndexUnusable
        from retrieval.library import open_library
        from sidenote.encoders import encoder_named

        encoder = encoder_named("compact")
        owned = Path(tempfile.gettempdir()) / f"sidenote-bench-{os.getuid()}"
        owned.mkdir(mode=0o700, exist_ok=True)
        folder = owned / f"{encoder.fingerprint[:12]}-{self.cases}"
        try:
            open_library(folder, encoder.fingerprint).close()
        except IndexUnusable:
            self.tell(f"building a library of {self.cases:,} cases, kept for the next run")
            in_child(build_library, str(folder), self.cases)
        return folder


def build_library(folder: str, cases: int) -> None:
    """Build a phantom library. Run in a child: two processes draw beside the one thread that embeds."""
    from retrieval.building.build import build
    from sidenote.encoders import encoder_named
    from sidenote.library import phantom_cases, phantom_keyring

    build(phantom_cases(cases), encoder_named("compact"), Path(folder), keyring=phantom_keyring())
