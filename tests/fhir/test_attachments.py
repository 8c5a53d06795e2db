"""Inside the source or nowhere; no more than allowed; what size and hash say."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fhir.attachments import binary_content, inline_content, local_file, no_picture, sniffed, verified
from fhir.errors import FileRejected, WrongPatientImage
from fhir.study import ImageSource

Write = Callable[[str, bytes], Path]


def _source(**more: object) -> ImageSource:
    return ImageSource("Media/m", "image/png", **more)  # type: ignore[arg-type]  # the keywords are the table's


def test_reads_a_file_inside_the_source_and_from_images_beside_it(tmp_path: Path, write: Write) -> None:
    write("hospital/fhir/pictures/a.png", b"inside")
    write("hospital/images/b b.png", b"beside")
    places = [tmp_path / "hospital" / "fhir"]
    assert local_file("pictures/a.png", places, 100) == b"inside"
    assert local_file("images/b%20b.png", places, 100) == b"beside"
    bundle_file = write("hospital/fhir/one.json", b"{}")
    assert local_file("pictures/a.png", [bundle_file], 100) == b"inside"


@pytest.mark.fault(57)
@pytest.mark.parametrize(
    "url",
    [
        "../secret.txt",
        "images/../../secret.txt",
        "%2e%2e/secret.txt",
        "/etc/hostname",
        "file:///etc/hostname",
        "//host/share",
        "https://elsewhere.example/a.png",
        "..\\secret.txt",
        "secret.txt",
        "secrets/secret.txt",
        "a\x00.png",
        "",
        ".",
    ],
)
def test_refuses_a_url_that_leads_out_or_nowhere(tmp_path: Path, write: Write, url: str) -> None:
    write("secret.txt", b"secret")
    write("secrets/secret.txt", b"secret")
    write("fhir/a.json", b"{}")
    with pytest.raises(FileRejected):
        local_file(url, [tmp_path / "fhir"], 100)


@pytest.mark.fault(57)
def test_refuses_a_link_that_leads_out(tmp_path: Path, write: Write) -> None:
    secret = write("secret.txt", b"secret")
    write("fhir/a.json", b"{}")
    (tmp_path / "fhir" / "a.png").symlink_to(secret)
    (tmp_path / "fhir" / "folder").symlink_to(tmp_path)
    for url in ("a.png", "folder/secret.txt"):
        with pytest.raises(FileRejected, match="leads out"):
            local_file(url, [tmp_path / "fhir"], 100)


@pytest.mark.fault(57)
def test_refuses_more_bytes_than_allowed(tmp_path: Path, write: Write) -> None:
    write("a.png", b"x" * 101)
    with pytest.raises(FileRejected, match="larger"):
        local_file("a.png", [tmp_path], 100)
    with pytest.raises(FileRejected, match="larger"):
        inline_content(_source(url="data:image/png;base64," + base64.b64encode(b"x" * 5000).decode()), 100)
    with pytest.raises(FileRejected, match="larger"):
        inline_content(_source(data=b"x" * 101), 100)


def test_reads_inline_data_and_data_urls() -> None:
    assert inline_content(_source(data=b"abc"), 10) == b"abc"
    assert inline_content(_source(url="data:image/png;base64,YWJj"), 10) == b"abc"
    assert inline_content(_source(url="images/a.png"), 10) is None
    for url in ("data:image/png,abc", "data:image/png;base64,?"):
        with pytest.raises(FileRejected, match="base64"):
            inline_content(_source(url=url), 10)


@pytest.mark.std("E6")
@pytest.mark.fault(57)
def test_size_and_hash_must_fit() -> None:
    digest = base64.b64encode(hashlib.sha1(b"abc").digest()).decode()
    assert verified(b"abc", _source(hash_sha1=digest, size=3)) == b"abc"
    with pytest.raises(FileRejected, match="hash"):
        verified(b"abd", _source(hash_sha1=digest))
    with pytest.raises(FileRejected, match="size"):
        verified(b"abcd", _source(size=3))


@pytest.mark.fault(58)
@pytest.mark.std("E6")
@pytest.mark.parametrize(
    ("data", "kind", "document"),
    [
        (b"%PDF-1.7 /JavaScript (app.alert(1))", "application/pdf", True),
        (b"\x89PNG\r\n\x1a\n", "image/png", False),
        (b"\xff\xd8\xff\xe0", "image/jpeg", False),
        (b"GIF89a", "image/gif", False),
        (b"MM\x00*", "image/tiff", False),
        (b"PK\x03\x04", "application/zip", True),
        (b"{\\rtf1", "application/rtf", True),
        (b"\xef\xbb\xbf \n<!DOCTYPE html>", "text/html", True),
        (b"<?xml version", "text/html", True),
        (bytes(128) + b"DICM", "application/dicom", False),
        (b"%PDF-1.7".ljust(128) + b"DICM", "application/dicom", False),
        (b"MZ\x90\x00", None, False),
        (b"", None, False),
    ],
    ids=repr,
)
def test_the_first_bytes_show_what_a_file_is(data: bytes, kind: str | None, document: bool) -> None:
    assert (sniffed(data), no_picture(data)) == (kind, document)


def _binary(**more: Any) -> bytes:
    return json.dumps({"resourceType": "Binary", "data": base64.b64encode(b"abc").decode(), **more}).encode()


@pytest.mark.fault(12)
@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({}, None),
        ({"id": "b1", "securityContext": {"reference": "Patient/p1"}}, None),
        ({"securityContext": {"reference": "https://ehr.example/fhir/Patient/p1/_history/3"}}, None),
        ({"securityContext": {"reference": "DocumentReference/d1"}}, None),
        ({"securityContext": {"reference": "Patient/p2"}}, WrongPatientImage),
        ({"securityContext": {"reference": "https://ehr.example/fhir/Patient/p2"}}, WrongPatientImage),
        ({"id": "b2"}, FileRejected),
        ({"resourceType": "Patient"}, FileRejected),
    ],
)
def test_a_binary_is_the_one_asked_for_and_nobody_elses(more: dict[str, Any], error: type[Exception] | None) -> None:
    image = _source(url="Binary/b1", patient="Patient/p1")
    if error is None:
        assert binary_content(_binary(**more), 100, image) == b"abc"
    else:
        with pytest.raises(error):
            binary_content(_binary(**more), 100, image)


@pytest.mark.parametrize("url", ["http://[bad", "//[bad", "x" * 300, "\x00"])
def test_a_url_that_is_none_names_no_file(tmp_path: Path, url: str) -> None:
    with pytest.raises(FileRejected):
        local_file(url, [tmp_path], 10)


def test_a_hash_of_other_characters_than_base64_has_does_not_fit() -> None:
    with pytest.raises(FileRejected):
        verified(b"abc", _source(hash_sha1="\u00e9"))
