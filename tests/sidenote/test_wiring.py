"""The composition root: what is built from which setting, and what stops the start."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.parts import Parts
from fhir.errors import SourceMissing
from policies.errors import PolicyError
from retrieval.errors import RetrievalError
from sidenote.settings import Settings
from sidenote.wiring import deciders, replay_parts, wired


def parts(settings: Settings, *sources: str, image_model: bool = True) -> Parts:
    async def built() -> Parts:
        async with wired(settings, sources, image_model=image_model) as made:
            return made

    return asyncio.run(built())


def test_the_shipped_rules_and_guidance_are_the_default(tmp_path: Path) -> None:
    chosen = deciders(Settings(home=tmp_path))
    assert len(chosen.rules) >= 18
    assert len(chosen.topics) >= 15
    assert replay_parts(Settings(home=tmp_path)).rules == chosen.rules


def test_a_reader_and_a_library_come_with_the_image_model(home: Path, hospital: Path) -> None:
    made = parts(Settings(home=home), str(hospital))
    assert made.reader is not None
    assert made.library is not None
    assert made.library.most == 5


@pytest.mark.parametrize(("configured", "asked"), [("off", True), ("compact", False)])
def test_without_the_image_model_there_is_neither(tmp_path: Path, hospital: Path, configured: str, asked: bool) -> None:
    made = parts(Settings.model_validate({"home": tmp_path, "image_model": configured}), str(hospital), image_model=asked)
    assert (made.reader, made.library) == (None, None)


def test_no_library_is_no_reason_to_stop_but_a_damaged_one_is(tmp_path: Path, hospital: Path) -> None:
    assert parts(Settings(home=tmp_path), str(hospital)).library is None
    (tmp_path / "library").mkdir()
    with pytest.raises(RetrievalError):
        parts(Settings(home=tmp_path), str(hospital))


@pytest.mark.fault(121)
@pytest.mark.parametrize("kind", ["rules", "guidance"])
def test_an_empty_folder_of_rules_or_guidance_stops_the_start(tmp_path: Path, hospital: Path, kind: str) -> None:
    (tmp_path / kind).mkdir()
    with pytest.raises(PolicyError):
        parts(Settings.model_validate({"home": tmp_path, kind: tmp_path / kind}), str(hospital), image_model=False)


def test_a_missing_source_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        parts(Settings(home=tmp_path), str(tmp_path / "none"), image_model=False)
