"""Which library answers whom: no two tenants share one."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from retrieval.cards import Query
from retrieval.errors import OtherSite, RetrievalError
from sidenote.case_libraries import case_libraries
from sidenote.encoders import encoder_named
from sidenote.errors import SettingsInvalid
from sidenote.library import phantom_cases
from sidenote.settings import Settings, load_settings

SECRET = b"a secret of one of the sites"


def ehr(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "iss": f"https://{name}.example/fhir", "client_id": "sidenote", **changes}


@pytest.fixture
def own(tmp_path: Path) -> dict[str, Any]:
    """A library of one EHR, keyed with its secret."""
    from retrieval.building.build import build
    from retrieval.keys import Keyring

    (tmp_path / "secret").write_bytes(SECRET)
    build(phantom_cases(30, seed=7), encoder_named("hash"), tmp_path / "own", keyring=Keyring(SECRET, b"of the site"))
    return {"library": tmp_path / "own", "library_secret_file": tmp_path / "secret"}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The phantom library."""
    from retrieval.building.build import build
    from sidenote.library import phantom_keyring

    build(phantom_cases(20), encoder_named("hash"), tmp_path / "library", keyring=phantom_keyring())
    return tmp_path


@pytest.mark.fault(88)
def test_an_ehr_with_a_library_of_its_own_never_asks_another(site: Path, own: dict[str, Any]) -> None:
    settings = Settings.model_validate({"home": site, "encoder": "hash", "ehr": [ehr("north", **own), ehr("south")]})
    encoder = encoder_named("hash")
    with case_libraries(settings, encoder) as libraries:
        north, south, command = libraries.of("north"), libraries.of("south"), libraries.of(None)
        assert north is not None
        assert south is not None
        assert south is command
        text = encoder.texts(["no acute findings"])[0]
        when = phantom_cases(1).__next__().card.as_of.replace(year=2026)
        answers = [
            one.cases.search(Query(None, text, when, k=50, key_check=one.keyring.check, persons=frozenset({one.keyring.person("x")})))
            for one in (north, south)
        ]
        assert answers[0].generation != answers[1].generation
        assert (answers[0].searched, answers[1].searched) == (30, 20)
        with pytest.raises(OtherSite):
            north.cases.search(Query(None, text, when, key_check=south.keyring.check, persons=frozenset({south.keyring.person("x")})))


@pytest.mark.fault(88)
@pytest.mark.parametrize("several", [{"secret_file": "secret"}, {"milvus_uri": "https://milvus.example"}])
def test_two_ehrs_do_not_start_with_one_site_s_cases(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, several: dict[str, str]) -> None:
    config = tmp_path / "sidenote.toml"
    lines = [f'{key} = "{value}"' for key, value in several.items()]
    for name in ("north", "south"):
        lines += ["[[ehr]]", *(f'{key} = "{value}"' for key, value in ehr(name).items())]
    config.write_text("\n".join(lines))
    monkeypatch.setenv("SIDENOTE_CONFIG", str(config))
    with pytest.raises(SettingsInvalid, match="each needs a library of its own"):
        load_settings()


def test_a_library_without_its_secret_is_half_a_setting() -> None:
    with pytest.raises(ValueError, match="comes with the secret"):
        Settings.model_validate({"ehr": [ehr("north", library="somewhere")]})


def test_a_wrong_secret_or_a_damaged_library_stops_the_start(site: Path, own: dict[str, Any], tmp_path: Path) -> None:
    encoder = encoder_named("hash")
    (tmp_path / "wrong").write_bytes(b"not the secret of that site")
    changed = {**own, "library_secret_file": tmp_path / "wrong"}
    with pytest.raises(OtherSite), case_libraries(Settings.model_validate({"home": site, "ehr": [ehr("north", **changed)]}), encoder):
        pass
    with (
        pytest.raises(SettingsInvalid),
        case_libraries(
            Settings.model_validate({"home": site, "ehr": [ehr("north", **{**own, "library_secret_file": tmp_path / "none"})]}), encoder
        ),
    ):
        pass
    shutil.rmtree(next((tmp_path / "own").glob("gen-*")))
    with pytest.raises(RetrievalError), case_libraries(Settings.model_validate({"home": site, "ehr": [ehr("north", **own)]}), encoder):
        pass


def test_where_none_was_built_there_is_none(tmp_path: Path) -> None:
    with case_libraries(Settings(home=tmp_path), encoder_named("hash")) as libraries:
        assert libraries.of(None) is None
