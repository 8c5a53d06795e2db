"""Encoders by their names in the settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval.encoders.catalogue import OPENERS, PATTERNS, open_encoder
from retrieval.errors import EncoderMissing, EncoderUnknown


@pytest.mark.parametrize(
    "name",
    [
        "",
        "compact",
        "hash:",
        "hash:x",
        "hashes",
        "images",
        "images:",
        "images:+",
        "images:+text",
        "images:image+",
        "images: space",
        "open-clip",
        "open-clip:",
        "sentence-transformers",
        "sentence-transformers:",
        "sentence-transformers:two words",
        "SENTENCE-TRANSFORMERS:x",
        "clip:x",
    ],
)
def test_a_name_of_no_encoder_is_refused(name: str) -> None:
    with pytest.raises(EncoderUnknown):
        open_encoder(name)


@pytest.mark.parametrize("name", ["sentence-transformers:{}", "open-clip:{}", "images:{}", "images:{}+{}"])
def test_a_folder_that_is_not_there_is_missed_and_not_named(name: str, tmp_path: Path) -> None:
    place = str(tmp_path / "absent")
    with pytest.raises(EncoderMissing) as refused:
        open_encoder(name.format(place, place))
    assert place not in str(refused.value)


def test_an_image_model_stands_beside_minilm_or_the_text_model_named(published: Callable[[str], Path]) -> None:
    assert open_encoder(f"images:{published('dinov2')}").text_dimension == 384
    assert open_encoder(f"images:{published('dinov2')}+{published('text')}").text_dimension == 24


def test_every_kind_says_how_it_is_written() -> None:
    assert {pattern.partition(":")[0] for pattern in PATTERNS} == set(OPENERS)
