"""Which model, from where, under which licence, and on what it may be asked: one entry of the settings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from policies.evidence import Frozen
from tools.med_vlm.profile import PROJECTION_RADIOGRAPHS, Profile, Role

Format = Literal["json", "prose", "maira-2", "vividmed"]
"""How a generative model writes a report (`tools.med_vlm.formats`)."""

SHA256 = r"^[0-9a-f]{64}$"


class ModelSpec(Frozen):
    """One `[[model]]` table."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,40}$", description="What `image_model` calls it")
    backend: str = Field(description="How it is run: `sidenote model backends` lists them")
    source: str = Field(description="Folder or hub name of the weights, or base URL of the server that holds them")
    licence: str = Field(description="Its licence, as its publisher names it")
    accept_noncommercial: bool = Field(False, description="An explicit yes to a licence that forbids commercial or clinical use")
    revision: str | None = Field(None, pattern=r"^[0-9a-f]{40}$", description="Commit of the hub's repository")
    files: dict[str, str] = Field({}, description="SHA-256 of each file of the folder: `sidenote model pin` writes this table")
    base: str | None = Field(None, description="Folder of the base model, where `source` holds only an adapter or projector")
    served_model: str | None = Field(None, description="Name under which the server knows the model")
    key_file: Path | None = Field(None, description="File with the server's API key")
    format: Format = Field("json", description="How it writes reports: json, prose, maira-2 or vividmed")
    timeout: float = Field(120, gt=0, le=3600, description="Seconds to wait for one answer")
    reading_timeout: float = Field(
        600, gt=0, le=14_400, description="Seconds to wait for a whole reading, its probe and the prior included"
    )
    samples: int = Field(1, ge=1, le=20, description="Reports drawn to see what they agree on; 1: no sampling")
    answers_by: Literal["auto", "systemone", "log-probabilities", "sampling"] = Field("auto", description="Where probabilities come from")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where it runs")
    calibration: Path | None = Field(None, description="Folder that `sidenote model calibrate` wrote")
    card: Path | None = Field(None, description="JSON file with its card: summary, cautions and source attributes")
    probe: bool = Field(True, description="Whether each reading is asked again with a blank, noise and other images")
    probe_others: int = Field(4, ge=1, le=5, description="Other images it is shown at most; a reading then costs 4 to 7 more calls")
    modalities: tuple[str, ...] = Field(PROJECTION_RADIOGRAPHS, description="DICOM modalities it may be shown")
    body_parts: tuple[str, ...] = Field(("chest",), description="Body parts it may be shown")
    views: tuple[str, ...] = Field(("PA", "AP"), description="DICOM ViewPositions it may be shown")
    youngest: float | None = Field(None, ge=0, description="Youngest patient in years its card covers")
    oldest: float | None = Field(None, ge=0, description="Oldest patient in years its card covers")
    most_images: int = Field(1, ge=1, le=4, description="Images of one study it is shown together")
    sees_priors: bool = Field(False, description="Whether it is shown the prior image too")

    def profile(self, role: Role) -> Profile:
        """What the model is for, as this entry says."""
        return Profile(
            role=role,
            licence=self.licence,
            modalities=self.modalities,
            body_parts=self.body_parts,
            views=self.views,
            youngest=self.youngest,
            oldest=self.oldest,
            most_images=self.most_images,
            sees_priors=self.sees_priors,
        )
