"""The place in Milvus: what is named wins over what is configured, and nothing elsewhere is asked without TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidenote.errors import SettingsInvalid
from sidenote.milvus_place import milvus_place
from sidenote.settings import Settings

SEAL = "a" * 64


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    token = tmp_path / "token"
    token.write_text("user:word\n")
    return Settings.model_validate({"home": tmp_path, "milvus_uri": "cases.db", "milvus_seal": SEAL, "milvus_token_file": token})


def test_without_any_there_is_no_place(tmp_path: Path) -> None:
    assert milvus_place(Settings(home=tmp_path)) is None


def test_the_configured_seal_is_of_the_configured_place_alone(settings: Settings) -> None:
    configured = milvus_place(settings)
    assert configured is not None
    assert (configured.uri, configured.collection, configured.token, configured.seal) == ("cases.db", "sidenote", "user:word", SEAL)
    for named in (milvus_place(settings, "others.db"), milvus_place(settings, collection="others")):
        assert named is not None
        assert named.seal is None
    assert "word" not in repr(configured)


def test_a_token_that_cannot_be_read_is_no_token(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="milvus_token_file"):
        milvus_place(settings, token_file=tmp_path / "none")


def test_a_server_elsewhere_is_asked_in_plain_text_only_where_the_site_says_so(settings: Settings) -> None:
    with pytest.raises(SettingsInvalid, match="milvus_uri"):
        milvus_place(settings, "http://milvus.example:19530")
    allowing = settings.model_copy(update={"unencrypted_hosts": ("milvus.example",)})
    assert milvus_place(allowing, "http://milvus.example:19530") is not None
    assert milvus_place(settings, "https://milvus.example:19530") is not None
