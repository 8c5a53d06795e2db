"""The bytes behind an attachment: inside the source or nowhere, no more than allowed, and what size and hash say.

FHIR R4 Attachment: `data` is base64, `url` may be relative, `hash` is the base64 of the SHA-1 of the data, `size` its length.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from fhir.errors import FileRejected, WrongPatientImage
from fhir.jsontext import loads
from fhir.study import ImageSource
from fhir.views import member

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"PK\x03\x04", "application/zip"),
    (b"{\\rtf", "application/rtf"),
)
_DICOM_AT = 128
BINARY = re.compile(r"(?:^|/)Binary/([A-Za-z0-9\-.]{1,64})$")
"""Where a URL names a Binary resource, and its id."""
_LOCAL = re.compile(r"(?:^|/)(Patient/[A-Za-z0-9\-.]{1,64})(?:/_history/.+)?$")
BESIDE = frozenset({"images", "dicom"})
"""Folders that may stand beside the source's folder, as in `hospital/fhir` with `hospital/images`."""


def decode_base64(text: str, limit: int) -> bytes:
    """Decode base64 (white space allowed, FHIR R4 base64Binary), refusing more than `limit` bytes before decoding.

    Raises:
        FileRejected: not base64, or longer than `limit`.
    """
    if len(text) * 3 // 4 > limit + limit // 32 + 1024:
        raise FileRejected("the attachment is larger than allowed")
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FileRejected("the attachment's data are not base64") from error
    return within(data, limit)


def within(data: bytes, limit: int) -> bytes:
    """The data, when they are at most `limit` bytes.

    Raises:
        FileRejected: they are more.
    """
    if len(data) > limit:
        raise FileRejected("the attachment is larger than allowed")
    return data


def inline_content(image: ImageSource, limit: int) -> bytes | None:
    """The bytes that stand in the resource itself, as `data` or a `data:` URL; None when there are none.

    Raises:
        FileRejected: larger than `limit`, or not base64.
    """
    if image.data is not None:
        return within(image.data, limit)
    if image.url is not None and image.url[:5].lower() == "data:":
        head, _, body = image.url.partition(",")
        if not head.lower().endswith(";base64"):
            raise FileRejected("a data: URL that is not base64")
        return decode_base64(body, limit)
    return None


def binary_content(raw: bytes, limit: int, image: ImageSource) -> bytes:
    """The bytes of a Binary resource given as JSON, which must be the one that the image's URL names, and nobody else's.

    Raises:
        FileRejected: it is another resource, has no data, they are not base64, or more than `limit`.
        WrongPatientImage: its `securityContext` names another patient (FHIR R4 Binary).
    """
    resource = loads(raw)
    named, owner = BINARY.search(image.url or ""), _LOCAL.search(str(member(resource.get("securityContext"), "reference") or ""))
    if resource.get("resourceType") != "Binary" or (named and resource.get("id", named[1]) != named[1]):
        raise FileRejected("the source answered with another resource than the Binary asked for")
    if owner and image.patient is not None and owner[1] != image.patient:
        raise WrongPatientImage("the Binary is of another patient")
    data = resource.get("data")
    if not isinstance(data, str):
        raise FileRejected("the Binary has no data")
    return decode_base64(data, limit)


def verified(data: bytes, image: ImageSource) -> bytes:
    """The data, when they are what the attachment's size and hash say.

    Raises:
        FileRejected: they are not.
    """
    if image.size is not None and image.size != len(data):
        raise FileRejected("the attachment has another size than the record says")
    if image.hash_sha1 is not None:
        found = base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()
        if not hmac.compare_digest(found.encode(), image.hash_sha1.strip().encode()):
            raise FileRejected("the attachment has another hash than the record says")
    return data


def sniffed(data: bytes) -> str | None:
    """The media type that the first bytes show, whatever anybody declares; None when they show none.

    A DICOM file is one whatever its preamble begins like (DICOM PS3.10 7.1). HTML and XML both come as `text/html`.

    >>> sniffed(b"%PDF-1.7"), sniffed(bytes(128) + b"DICM")
    ('application/pdf', 'application/dicom')
    """
    if data[_DICOM_AT : _DICOM_AT + 4] == b"DICM":
        return "application/dicom"
    if data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        return "text/html"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)


def no_picture(data: bytes) -> bool:
    """Whether the first bytes show a document: a report in PDF that was attached without saying so is no broken image."""
    kind = sniffed(data)
    return kind is not None and kind.startswith(("application/pdf", "application/zip", "application/rtf", "text/"))


def local_file(url: str, places: Iterable[Path], limit: int) -> bytes:
    """Read the file a relative URL names inside a source's folder, or in an images folder beside it.

    Raises:
        FileRejected: the URL is absolute or leads out of the source, there is no such file, or it is more than `limit` bytes.
    """
    relative = _relative(url)
    for root, path in _candidates(relative, places):
        if not _is_file(path):
            continue
        if not path.resolve().is_relative_to(root.resolve()):
            raise FileRejected("the attachment's URL leads out of the source")
        with path.open("rb") as file:
            return within(file.read(limit + 1), limit)
    raise FileRejected("the source does not hold the attachment")


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than any file's
        return False


def _relative(url: str) -> PurePosixPath:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise FileRejected("the attachment's URL is none") from None
    path = PurePosixPath(unquote(parts.path))
    if parts.scheme or parts.netloc or path.is_absolute() or ".." in path.parts or not path.parts or "\\" in url or "\x00" in unquote(url):
        raise FileRejected("the attachment's URL leads out of the source")
    return path


def _candidates(relative: PurePosixPath, places: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    for place in places:
        folder = place if place.is_dir() else place.parent
        yield folder, folder / relative
        if relative.parts[0] in BESIDE:
            beside = folder.resolve().parent / relative.parts[0]
            yield beside, beside.joinpath(*relative.parts[1:])
