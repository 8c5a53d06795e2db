"""Encoders by name."""

from __future__ import annotations

import pytest

from retrieval.errors import RetrievalError
from sidenote.encoders import encoder_named


def test_the_shipped_model_is_used_again_where_it_is_loaded() -> None:
    from tools.med_vlm.compact.reader import load_compact

    reader = load_compact()
    shared, fresh = encoder_named("compact", reader=reader), encoder_named("compact")
    assert shared.fingerprint == fresh.fingerprint
    assert (shared.image_dimension, shared.text_dimension, shared.one_space) == (384, 384, True)


def test_other_names_are_the_catalogue_s() -> None:
    assert encoder_named("hash").fingerprint != encoder_named("compact").fingerprint
    with pytest.raises(RetrievalError) as refused:
        encoder_named("nobody")
    assert refused.value.code == "encoder_unknown"
