"""Which image model a site has: ours, one of its own, or none; always gated, and probed unless the site said otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sidenote.errors import SettingsInvalid
from sidenote.models import check_image_model, model_names, open_image_model, spec_named
from sidenote.settings import Settings
from tools.med_vlm.asked import asked_of
from tools.med_vlm.errors import LicenceNotAccepted, ModelMissing, ModelServerUnreachable
from tools.med_vlm.timed import Timed


def settings(home: Path, **more: Any) -> Settings:
    table = {"name": "lingshu", "backend": "openai", "source": "http://127.0.0.1:9/v1", "licence": "MIT", "served_model": "lingshu"}
    return Settings.model_validate({"home": home, "model": [{**table, **more.pop("table", {})}], **more})


def test_the_compact_model_is_read_behind_the_input_gate(tmp_path: Path) -> None:
    reader = open_image_model(settings(tmp_path))
    assert isinstance(reader, Timed)
    assert reader.name.startswith("compact ")


@pytest.mark.fault(66)
def test_a_model_whose_server_is_not_there_yet_keeps_nothing_from_starting(tmp_path: Path) -> None:
    reader = open_image_model(settings(tmp_path, image_model="lingshu"))
    assert isinstance(reader, Timed)
    assert (reader.name, reader.profile.licence) == ("lingshu", "MIT")
    with pytest.raises(ModelServerUnreachable):
        reader.read(asked_of(np.zeros((64, 64), dtype=np.float32)))


def test_a_name_that_there_is_not_is_refused(tmp_path: Path) -> None:
    assert model_names(settings(tmp_path)) == ("compact", "lingshu")
    with pytest.raises(SettingsInvalid, match="compact, lingshu"):
        spec_named(settings(tmp_path), "medgemma")


def test_what_cannot_be_opened_is_found_before_work_begins(tmp_path: Path) -> None:
    check_image_model(settings(tmp_path))
    check_image_model(settings(tmp_path, image_model="off", model_folder=tmp_path))
    with pytest.raises(ModelMissing):
        check_image_model(settings(tmp_path, model_folder=tmp_path))
    with pytest.raises(LicenceNotAccepted):
        check_image_model(settings(tmp_path, image_model="lingshu", table={"licence": "CC-BY-NC-4.0"}))
