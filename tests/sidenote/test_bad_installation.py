"""An installation that is broken: weights, case library, rules, guidance, settings and folders. It refuses, and says which part."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.med_vlm.compact.files import CALIBRATION, CARD, SHIPPED, WEIGHTS

Command = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("decoders_asked_once")


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    patient = {"resourceType": "Patient", "id": "pt-1", "birthDate": "1951-07-13", "name": [{"family": "Quarrington"}]}
    path = tmp_path / "chart.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient}]}))
    return path


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A copy of the model that ships."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in (WEIGHTS, CALIBRATION, CARD):
        shutil.copy(SHIPPED / name, folder)
    return folder


@pytest.fixture
def library(tmp_path: Path, home: Path) -> Path:
    """A copy of a small case library."""
    return Path(shutil.copytree(home / "library", tmp_path / "library"))


@pytest.fixture
def unwritable(tmp_path: Path) -> Iterator[Path]:
    """A folder nothing can be written to, whoever runs the tests."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):  # the superuser: only a file system that takes no files stops that one
        folder = Path("/proc/self")
    if not folder.is_dir():
        pytest.skip("no folder here is closed to the superuser")
    yield folder
    (tmp_path / "locked").chmod(0o700)


def flip(path: Path, place: float = 0.5) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * place)] ^= 0x10
    path.write_bytes(data)


def largest(folder: Path, pattern: str) -> Path:
    return max(folder.rglob(pattern), key=lambda path: path.stat().st_size if path.is_file() else -1)


def no_open_record(home: Path) -> bool:
    return not list(home.glob("records/.open-*")) and not list(home.glob("records/*-*"))


@pytest.mark.parametrize("name", [WEIGHTS, CALIBRATION, CARD])
@pytest.mark.parametrize("damage", ["one bit changed", "removed", "emptied", "cut off"])
def test_a_damaged_model_is_refused_by_every_command_that_needs_it(
    name: str, damage: str, weights: Path, chart: Path, command: Command, tmp_path: Path
) -> None:
    path = weights / name
    if damage == "one bit changed":
        flip(path, 0.9 if name == CARD else 0.5)
    elif damage == "removed":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "emptied" else path.read_bytes()[:-9])
    code = "model_missing" if damage == "removed" else "model_files_changed"
    out = tmp_path / "review.json"
    if name == CARD and damage == "one bit changed":  # the card lists hashes, nothing lists the card's: its text may change
        assert command("review", "pt-1", "--fhir", chart, "--out", out, model_folder=weights).code in (0, 3)
        return
    document = command("review", "pt-1", "--fhir", chart, "--out", out, model_folder=weights).refused(code, "pt-1", "Quarrington")
    assert name in str(document["detail"])
    assert not out.exists()
    assert no_open_record(tmp_path / "home")
    command("model", "check", "--folder", weights).refused(code, None)
    examined = command("doctor", "--format", "json", model_folder=weights)
    assert examined.code == 1
    assert {"name": "image model", "state": "missing", "value": code}.items() <= next(
        line for line in json.loads(examined.out) if line["name"] == "image model"
    ).items()


def test_a_model_folder_that_is_not_there_is_refused(chart: Path, command: Command, tmp_path: Path) -> None:
    command("review", "pt-1", "--fhir", chart, model_folder=tmp_path / "nowhere").refused("model_missing", "pt-1")
    command("model", "info", "--folder", tmp_path).refused("model_missing", None)
    command("model", "card", "--folder", tmp_path).refused("model_missing", None)


def test_a_batch_whose_model_is_damaged_is_refused_at_once(weights: Path, chart: Path, command: Command, tmp_path: Path) -> None:
    """Not a case at a time: each worker would die of it, and each case would be told to crash."""
    flip(weights / WEIGHTS)
    (tmp_path / "cohort.txt").write_text("pt-1\n")
    ended = command("batch", "run", tmp_path / "cohort.txt", "--fhir", chart, "--out", tmp_path / "run", model_folder=weights)
    ended.refused("model_files_changed", "cohort.txt")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("pattern", ["*.npy", "*.npz", "*.sqlite", "*.json", "*"])
def test_one_changed_bit_of_the_case_library_is_found(pattern: str, library: Path, chart: Path, command: Command, tmp_path: Path) -> None:
    flip(largest(library, pattern))
    refused = command("index", "verify", "--library", library)
    assert refused.problem["code"] in ("index_corrupt", "not_an_index")
    refused.refused(refused.problem["code"], None)
    command("review", "pt-1", "--fhir", chart, library=library).refused(refused.problem["code"], "pt-1", "Quarrington")
    assert no_open_record(tmp_path / "home")


def test_a_file_of_the_case_library_that_is_gone_is_found(library: Path, command: Command) -> None:
    largest(library, "*").unlink()
    assert command("index", "verify", "--library", library).problem["code"] in ("index_corrupt", "index_missing")


def test_a_folder_that_is_no_library_is_refused(chart: Path, command: Command, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"\xff\xd8\xff")
    command("index", "verify", "--library", tmp_path / "photos").refused("not_an_index", None)
    command("index", "info", "--library", tmp_path / "nowhere").refused("index_missing", None)
    command("review", "pt-1", "--fhir", chart, library=tmp_path / "photos").refused("not_an_index", "pt-1")


@pytest.mark.parametrize("secret", [None, b"", b"short", b"another site's secret, long enough"])
def test_a_library_of_another_site_is_refused(secret: bytes | None, library: Path, chart: Path, command: Command, tmp_path: Path) -> None:
    if secret is not None:
        (tmp_path / "secret").write_bytes(secret)
    ended = command("review", "pt-1", "--fhir", chart, library=library, secret_file=tmp_path / "secret")
    ended.refused({None: "settings_invalid", b"": "site_secret_weak", b"short": "site_secret_weak"}.get(secret, "index_other_site"), "pt-1")


RULES: dict[str, tuple[bytes, str]] = {
    "no YAML": (b"id: [C01\n", "rule_unreadable"),
    "a key twice": (b"id: C01\nid: C02\n", "rule_unreadable"),
    "aliases": (b"a: &a [x]\nb: *a\n", "rule_unreadable"),
    "a tag that runs code": (b"!!python/object/apply:os.system ['true']\n", "rule_unreadable"),
    "not UTF-8": (b"id: \xff\xfe\n", "rule_unreadable"),
    "empty": (b"", "rule_unreadable"),
    "a rule without a trigger": (b"id: X99\n", "rule_invalid"),
}


@pytest.mark.parametrize("name", RULES)
def test_one_bad_rule_stops_the_start(name: str, chart: Path, command: Command, tmp_path: Path) -> None:
    from policies.loading import SHIPPED as SHIPPED_RULES

    text, code = RULES[name]
    rules = tmp_path / "rules"
    shutil.copytree(SHIPPED_RULES, rules)
    (rules / "zz.yaml").write_bytes(text)
    document = command("review", "pt-1", "--fhir", chart, "--no-image-model", rules=rules).refused(code, "pt-1", "Quarrington")
    assert "zz.yaml" in str(document["detail"])
    for arguments in (("policies", "list"), ("policies", "test")):
        assert command(*arguments, rules=rules).code == 3
    assert no_open_record(tmp_path / "home")


@pytest.mark.parametrize("kind", ["rules", "guidance"])
def test_no_rules_and_no_guidance_stop_the_start(kind: str, chart: Path, command: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "nowhere", chart):
        ended = command("review", "pt-1", "--fhir", chart, "--no-image-model", **{kind: folder})
        assert ended.code == 3, ended.err
        assert str(ended.problem["code"]).startswith(("rule_", "guidance_", "topic_"))
        assert ended.problem["case_id"] == "pt-1"


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"rulez": "/x"}, "RULEZ"),
        ({"image_model": "gpt"}, "image_model"),
        ({"similar_cases": "many"}, "similar_cases"),
        ({"similar_cases": "0"}, "similar_cases"),
        ({"config": "/no/such/file.toml"}, "SIDENOTE_CONFIG"),
    ],
)
@pytest.mark.parametrize("arguments", [("review", "pt-1", "--fhir", "x"), ("doctor",), ("policies", "list"), ("record", "show", "x")])
def test_an_unknown_or_unusable_setting_stops_every_command(
    arguments: tuple[str, ...], variables: dict[str, str], word: str, command: Command
) -> None:
    case = {"review": "pt-1", "record": "x"}.get(arguments[0])
    assert word in str(command(*arguments, **variables).refused("settings_invalid", case)["detail"])


@pytest.mark.parametrize("text", [b"rulez = 1\n", b"= broken", b"\xff\xfe", b"similar_cases = nan\n"])
def test_a_bad_settings_file_stops_the_start(text: bytes, command: Command, tmp_path: Path) -> None:
    (tmp_path / "sidenote.toml").write_bytes(text)
    command("doctor", config=tmp_path / "sidenote.toml").refused("settings_invalid", None)


def test_an_output_that_cannot_be_written_is_refused(unwritable: Path, chart: Path, command: Command, tmp_path: Path) -> None:
    for form in ("terminal", "json", "html", "fhir"):
        out = unwritable / "review.out"
        ended = command("review", "pt-1", "--fhir", chart, "--no-image-model", "--format", form, "--out", out)
        ended.refused("output_failed", "pt-1", "Quarrington")
        assert not out.exists()


def test_an_output_into_a_missing_folder_is_a_usage_error(chart: Path, command: Command, tmp_path: Path) -> None:
    for out in (tmp_path / "nowhere" / "review.json", chart / "review.json", tmp_path):
        ended = command("review", "pt-1", "--fhir", chart, "--no-image-model", "--out", out)
        assert (ended.code, ended.out) == (2, "")
        assert "Traceback" not in ended.err
    assert not (tmp_path / "home").exists()


def test_an_output_over_an_input_is_a_usage_error(chart: Path, command: Command) -> None:
    before = chart.read_bytes()
    assert command("review", "pt-1", "--fhir", chart, "--no-image-model", "--out", chart).code == 2
    assert chart.read_bytes() == before


def test_a_pipe_as_output_is_written_to_and_stays_a_pipe(chart: Path, command: Command, tmp_path: Path) -> None:
    """As `/dev/null` and `/dev/stdout` are: a file put in its place would break the machine for everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert command("review", "pt-1", "--fhir", chart, "--no-image-model", "--format", "json", "--out", pipe).code == 0
    assert pipe.is_fifo()
    reader.join(timeout=60)
    assert json.loads(read[0])["patient"]["reference"] == "Patient/pt-1"


def test_a_link_as_output_is_followed(chart: Path, command: Command, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert command("review", "pt-1", "--fhir", chart, "--no-image-model", "--out", tmp_path / "link").code == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text()


@pytest.mark.parametrize("home_kind", ["unwritable", "a file", "below a file"])
def test_a_home_that_cannot_hold_records_is_refused(
    home_kind: str, unwritable: Path, chart: Path, command: Command, tmp_path: Path
) -> None:
    home = {"unwritable": unwritable / "home", "a file": chart, "below a file": chart / "home"}[home_kind]
    ended = command("review", "pt-1", "--fhir", chart, "--no-image-model", "--out", tmp_path / "review.txt", home=home)
    assert ended.refused("record_store_error", "pt-1", "Quarrington")
    assert not (tmp_path / "review.txt").exists()


@pytest.mark.parametrize("name", ["checkpoints.sqlite", "checkpoints.sqlite.key", "records/index.jsonl"])
def test_a_damaged_file_of_the_home_is_refused(name: str, chart: Path, command: Command, tmp_path: Path) -> None:
    arguments = ("review", "pt-1", "--fhir", chart, "--no-image-model", "--out", tmp_path / "review.txt")
    assert command(*arguments).code == 0
    (tmp_path / "review.txt").unlink()
    (tmp_path / "home" / name).write_bytes(b"" if name.endswith(".key") else b"this is no such file\n" * 400)
    ended = command(*arguments)
    assert ended.code == 3, ended.err
    ended.refused("record_broken" if name.endswith("jsonl") else "record_store_error", "pt-1", "Quarrington")
    assert not (tmp_path / "review.txt").exists()
    assert not list((tmp_path / "home" / "records").glob(".open-*"))


@pytest.mark.parametrize("asked", ["no-such-review", "../../etc", "", "a/b", "\n"])
@pytest.mark.parametrize("verb", ["show", "verify", "replay"])
def test_a_record_that_is_not_there_is_refused(verb: str, asked: str, command: Command) -> None:
    assert command("record", verb, asked).refused("record_missing", asked)


def test_a_batch_folder_that_is_none_is_refused(command: Command, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    for verb in ("status", "resume", "report"):
        command("batch", verb, tmp_path / "run").refused("run_missing", "run")
    (tmp_path / "run" / "ledger.sqlite").write_bytes(b"no ledger\n" * 500)
    for verb in ("status", "resume", "report"):
        command("batch", verb, tmp_path / "run").refused("run_broken", "run")


def test_a_batch_that_cannot_write_its_folder_is_refused(unwritable: Path, chart: Path, command: Command, tmp_path: Path) -> None:
    (tmp_path / "cohort.txt").write_text("pt-1\n")
    for folder in (unwritable / "run", chart / "run"):
        ended = command("batch", "run", tmp_path / "cohort.txt", "--fhir", chart, "--out", folder, "--no-image-model")
        ended.refused("output_failed", "cohort.txt")


def test_a_demo_that_cannot_write_is_refused(unwritable: Path, command: Command) -> None:
    ended = command("demo", "--out", unwritable / "demo", "--cases", 0)
    assert (ended.code, ended.problem["code"]) == (3, "output_failed")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("index", "verify"), "index_missing"),
        (("index", "search", "--text", "effusion", "--encoder", "hash"), "index_missing"),
        (("index", "build", "--cases", "{tmp}/nowhere", "--secret-file", "{tmp}/nowhere"), "settings_invalid"),
        (("index", "build", "--phantoms", "2", "--encoder", "hash", "--library", "{chart}/library"), "index_storage"),
        (("index", "build", "--phantoms", "2", "--encoder", "hash", "--library", "{tmp}"), "not_an_index"),
        (("policies", "show", "X99"), "unknown_rule"),
        (("policies", "show", "../../etc/passwd"), "unknown_rule"),
        (("record", "show", "x", "--records", "{tmp}/nowhere"), "record_missing"),
        (("batch", "run", "{tmp}/nowhere.txt", "--fhir", "{chart}", "--out", "{tmp}/run"), "cohort_invalid"),
        (("batch", "run", "{chart}", "--fhir", "{tmp}/nowhere", "--out", "{tmp}/run"), "source_missing"),
        (("batch", "run", "{chart}", "--fhir", "http://[::1", "--out", "{tmp}/run"), "source_missing"),
        (("review", "pt-1", "--fhir", "{chart}", "--no-image-model", "--question", "is \udcff it?"), "request_invalid"),
    ],
    ids=lambda value: " ".join(value).encode("ascii", "replace").decode() if isinstance(value, tuple) else value,
)
def test_every_command_refuses_what_it_cannot_use(
    arguments: tuple[str, ...], code: str, chart: Path, command: Command, tmp_path: Path
) -> None:
    ended = command(*(word.format(tmp=tmp_path, chart=chart) for word in arguments))
    assert ended.code == 3, (ended.out, ended.err)
    assert ended.problem["code"] == code
    assert not (tmp_path / "run").exists()
