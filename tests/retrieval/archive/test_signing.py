"""An archive that is signed is taken as it was signed, to the byte."""

from __future__ import annotations

import hashlib
import hmac
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from retrieval.archive.signing import SIGNATURE, sign, verify_signature
from retrieval.errors import BadArchive, NotSigned, RetrievalError, SignatureWrong, WeakSecret
from retrieval.keys import Keyring

SECRET = b"a secret of the site, long enough"
LINE: dict[str, Any] = {
    "person": "p", "study": "1.2", "as_of": "2020-05-06", "modality": "CR", "view": "PA", "age": 63, "sex": "female", "findings": [],
    "report": "Normal.", "consent": "broad", "licence": "CC0-1.0",
}  # fmt: skip


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    for number in range(3):
        grey = np.random.default_rng(number).integers(0, 255, (24, 24), dtype=np.uint8)
        Image.fromarray(grey).save(folder / f"{number}.png")
    lines = [json.dumps({**LINE, "key": str(number), "image": f"{number}.png"}) for number in range(3)]
    (folder / "cases.jsonl").write_text("\n".join([*lines, "{ no case", json.dumps({**LINE, "key": "lost", "image": "lost.png"})]))
    sign(folder, SECRET)
    return folder


@pytest.fixture
def archive(signed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed, tmp_path / "archive"))


def _swap(folder: Path) -> None:
    (folder / "0.png").rename(folder / "2.tmp")
    (folder / "1.png").rename(folder / "0.png")
    (folder / "2.tmp").rename(folder / "1.png")


def _append(folder: Path) -> None:
    with (folder / "cases.jsonl").open("a") as file:
        file.write("\n" + json.dumps({**LINE, "key": "poison", "image": "0.png"}))


def _flip(name: str, at: int) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[at % len(data)] ^= 1
        (folder / name).write_bytes(data)

    return act


def _link(folder: Path) -> None:
    (folder / "0.png").unlink()
    (folder / "0.png").symlink_to("1.png")


@pytest.mark.fault(87)
def test_what_was_signed_is_taken_and_other_files_do_not_matter(archive: Path) -> None:
    (archive / "unnamed.png").write_bytes(b"new")
    verify_signature(archive, SECRET)


@pytest.mark.fault(87)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_flip("cases.jsonl", 20), "lines are not those"),
        (_append, "lines are not those"),
        (_flip("0.png", -1), "image is not the one"),
        (_flip("2.png", 60), "image is not the one"),
        (_swap, "image is not the one"),
        (_link, "image is not the one"),
        (lambda folder: (folder / "1.png").unlink(), "image is not the one"),
        (lambda folder: shutil.copy(folder / "0.png", folder / "lost.png"), "image is not the one"),
    ],
)
def test_a_changed_archive_is_refused(archive: Path, change: Callable[[Path], object], words: str) -> None:
    change(archive)
    with pytest.raises(SignatureWrong, match=words):
        verify_signature(archive, SECRET)


@pytest.mark.fault(87)
def test_new_digests_without_the_secret_do_not_help(archive: Path) -> None:
    lines = archive / "cases.jsonl"
    lines.write_text(lines.read_text().replace("Normal.", "Tumour."))
    forged = json.loads((archive / SIGNATURE).read_text())
    forged["cases_sha256"] = hashlib.sha256((archive / "cases.jsonl").read_bytes()).hexdigest()
    (archive / SIGNATURE).write_text(json.dumps(forged))
    with pytest.raises(SignatureWrong, match="another secret"):
        verify_signature(archive, SECRET)


def test_another_secret_is_refused(archive: Path) -> None:
    with pytest.raises(SignatureWrong, match="another secret"):
        verify_signature(archive, SECRET + b"!")
    with pytest.raises(WeakSecret):
        verify_signature(archive, b"short")


def test_the_key_of_the_signature_is_none_that_hashes_identities(archive: Path) -> None:
    """With the secret as the key, or any key of a keyring, the MAC would be another."""
    found = json.loads((archive / SIGNATURE).read_text())
    message = "\n".join(("sidenote archive signature 1", found["cases_sha256"], found["images_sha256"])).encode()
    keys = [SECRET, Keyring(SECRET, b"").key("case", "").encode(), Keyring(SECRET, b"sidenote archive signature 1").check.encode()]
    assert found["hmac_sha256"] not in [hmac.new(key, message, hashlib.sha256).hexdigest() for key in keys]


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff", b"[" * 5_000, b'{"version": 2}', b" " * 100_000])
def test_an_archive_without_a_signature_is_refused(archive: Path, content: bytes | None) -> None:
    (archive / SIGNATURE).unlink()
    if content is not None:
        (archive / SIGNATURE).write_bytes(content)
    with pytest.raises(NotSigned):
        verify_signature(archive, SECRET)


def test_a_folder_without_cases_cannot_be_signed(tmp_path: Path) -> None:
    with pytest.raises(BadArchive):
        sign(tmp_path, SECRET)


@pytest.mark.fault(87)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_one_byte_changed_anywhere_is_refused(archive: Path, data: st.DataObject) -> None:
    """In the lines, an image or the signature: all but white space between the signature's elements counts."""
    name = data.draw(st.sampled_from(["cases.jsonl", "0.png", "1.png", "2.png", SIGNATURE]))
    before = (archive / name).read_bytes()
    at = data.draw(st.integers(0, len(before) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != before[at]))
    (archive / name).write_bytes(before[:at] + bytes([byte]) + before[at + 1 :])
    try:
        if name == SIGNATURE and _same(before, (archive / name).read_bytes()):
            return
        with pytest.raises(RetrievalError):
            verify_signature(archive, SECRET)
    finally:
        (archive / name).write_bytes(before)


def _same(one: bytes, other: bytes) -> bool:
    """Whether the MAC is the same: the digests beside it only say where a change is."""
    try:
        return bool(json.loads(one)["hmac_sha256"] == json.loads(other)["hmac_sha256"])
    except (ValueError, KeyError):
        return False
