"""A setting that is not understood stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidenote.errors import SettingsInvalid
from sidenote.settings import load_settings


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("SIDENOTE_HOME", "SIDENOTE_CONFIG", "SIDENOTE_IMAGE_MODEL"):
        monkeypatch.delenv(name, raising=False)


def test_defaults_lie_in_the_users_data_folder(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.home == tmp_path / "data" / "sidenote"
    assert settings.library_folder == settings.home / "library"
    assert settings.records_folder == settings.home / "records"
    assert settings.image_model == "compact"


def test_a_variable_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "sidenote.toml"
    file.write_text('similar_cases = 3\nimage_model = "off"\n')
    monkeypatch.setenv("SIDENOTE_CONFIG", str(file))
    monkeypatch.setenv("SIDENOTE_IMAGE_MODEL", "compact")
    settings = load_settings()
    assert settings.similar_cases == 3
    assert settings.image_model == "compact"
    assert settings.evidence_tokens == 8_000


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("SIDENOTE_IMAGE_MODEL", "gigantic", "image_model"),
        ("SIDENOTE_SIMILAR_CASES", "0", "similar_cases"),
        ("SIDENOTE_EVIDENCE_TOKENS", "999", "evidence_tokens"),
        ("SIDENOTE_EVIDENCE_TOKENS", "1000001", "evidence_tokens"),
        ("SIDENOTE_IMAGEMODEL", "off", "SIDENOTE_IMAGEMODEL"),
        ("SIDENOTE_CONFIG", "/no/such/file.toml", "SIDENOTE_CONFIG"),
        ("SIDENOTE_PORT", "65536", "port"),
        ("SIDENOTE_PORT", "-1", "port"),
        ("SIDENOTE_SESSION_MINUTES", "0", "session_minutes"),
        ("SIDENOTE_SESSION_MINUTES", "721", "session_minutes"),
        ("SIDENOTE_SERVE_IMAGE_MODEL", "perhaps", "serve_image_model"),
    ],
)
def test_what_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, named: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsInvalid, match=named):
        load_settings()


def test_an_unknown_key_of_the_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "sidenote.toml"
    file.write_text("image_modle = 'off'\n")
    monkeypatch.setenv("SIDENOTE_CONFIG", str(file))
    with pytest.raises(SettingsInvalid, match="image_modle"):
        load_settings()


def test_unless_a_site_says_otherwise_nobody_launches_and_no_image_is_read(tmp_path: Path) -> None:
    settings = load_settings()
    assert (settings.ehr, settings.host, settings.port, settings.public_url) == ((), "127.0.0.1", 8400, None)
    assert (settings.serve_image_model, settings.session_minutes) == (False, 30)
    assert settings.store_file == settings.home / "store.sqlite"


def configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    file = tmp_path / "sidenote.toml"
    file.write_text(text)
    monkeypatch.setenv("SIDENOTE_CONFIG", str(file))


def entry(name: str, iss: str, more: str = "") -> str:
    return f'[[ehr]]\nname = "{name}"\niss = "{iss}"\nclient_id = "sidenote"\n{more}\n'


def test_several_ehrs_are_declared_in_one_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    more = 'title = "B"\nframe_ancestors = ["https://chart.b.example"]\nwrite_back = true'
    configured(monkeypatch, tmp_path, entry("a", "https://a.example/fhir") + entry("b", "https://b.example/fhir", more))
    one, other = load_settings().ehr
    assert (one.name, one.shown, one.write_back) == ("a", "a", False)
    assert (other.shown, other.frame_ancestors, other.write_back) == ("B", ("https://chart.b.example",), True)


@pytest.mark.fault(26)
@pytest.mark.parametrize(
    ("text", "named"),
    [
        (entry("a", "https://a.example/fhir") + entry("a", "https://b.example/fhir"), "cannot use"),
        (entry("a", "https://a.example/fhir") + entry("b", "https://a.example/fhir/"), "cannot use"),
        (entry("A", "https://a.example/fhir"), r"ehr\.0\.name"),
        (entry("a", "https://a.example/fhir", "frame_ancestor = []"), r"ehr\.0\.frame_ancestor"),
        (entry("a", "https://a.example/fhir", 'secret_file = "a"\nkey_file = "b"'), r"ehr\.0"),
    ],
)
def test_an_ehr_that_cannot_be_meant_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, named: str) -> None:
    configured(monkeypatch, tmp_path, text)
    with pytest.raises(SettingsInvalid, match=named):
        load_settings()


MODEL = """
image_model = "{use}"
[[model]]
name = "lingshu"
backend = "openai"
source = "https://models.example/v1"
licence = "MIT"
"""


@pytest.mark.parametrize("use", ["lingshu", "compact", "off"])
def test_a_model_of_the_site_can_be_the_one_that_reads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, use: str) -> None:
    file = tmp_path / "sidenote.toml"
    file.write_text(MODEL.format(use=use))
    monkeypatch.setenv("SIDENOTE_CONFIG", str(file))
    settings = load_settings()
    assert settings.image_model == use
    spec = settings.image_model_spec
    assert (spec.name if spec else None) == ("lingshu" if use == "lingshu" else None)


@pytest.mark.parametrize(
    "more",
    [
        '[[model]]\nname = "lingshu"\nbackend = "x"\nsource = "y"\nlicence = "MIT"\n',
        MODEL[MODEL.index("[[model]]") :].replace("lingshu", "off"),
    ],
)
def test_two_models_of_one_name_or_one_named_like_ours_stop_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: str) -> None:
    file = tmp_path / "sidenote.toml"
    file.write_text(MODEL.format(use="lingshu") + more)
    monkeypatch.setenv("SIDENOTE_CONFIG", str(file))
    with pytest.raises(SettingsInvalid, match="name of its own"):
        load_settings()
