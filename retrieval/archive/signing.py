"""Signs an archive of cases, so that an index takes in only what the site put there (FAULTS 87: a poisoned insert).

`cases.sig` is HMAC-SHA256 over the SHA-256 of `cases.jsonl` and of every image it names. Its key is derived from the site secret by
HKDF (RFC 5869) under a label of its own, so it is none of the keys that hash identities: who holds those cannot sign.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retrieval.archive.cases import FILE, lines_of, named_image
from retrieval.errors import BadArchive, NotSigned, SignatureWrong, StorageFailed, WeakSecret
from retrieval.keys import SECRET_BYTES

SIGNATURE = "cases.sig"
LARGEST_SIGNATURE = 4_096
_LABEL = b"sidenote archive signature 1"
_SHA256 = r"^[0-9a-f]{64}$"


class Signature(BaseModel):
    """What `cases.sig` holds. The digests say where a change is; the MAC alone says that there is none."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["sidenote case archive"] = "sidenote case archive"
    version: Literal[1] = 1
    cases_sha256: str = Field(pattern=_SHA256)
    images_sha256: str = Field(pattern=_SHA256)
    """Over each image's name in the folder and SHA-256, in the order of the lines."""
    hmac_sha256: str = Field(pattern=_SHA256)


def sign(folder: Path, secret: bytes) -> Path:
    """Sign an archive as it stands; the path of its `cases.sig`.

    Raises:
        BadArchive: without a readable `cases.jsonl`, or an image that cannot be read.
        WeakSecret: a secret shorter than 16 bytes.
        StorageFailed: the disk refused the signature.
    """
    made = _signature(folder, secret)
    path, fresh = folder / SIGNATURE, folder / f"{SIGNATURE}.fresh"
    try:
        fresh.write_text(made.model_dump_json(indent=2) + "\n", "utf-8")
        os.replace(fresh, path)
    except OSError as error:
        raise StorageFailed("the signature cannot be written", where=SIGNATURE) from error
    return path


def verify_signature(folder: Path, secret: bytes) -> None:
    """Return when the archive is, byte for byte, what was signed with this secret.

    Raises:
        NotSigned: there is no `cases.sig`, or it is none.
        SignatureWrong: a line or an image is changed, added, taken away or exchanged, or it was signed with another secret.
        BadArchive, WeakSecret: as `sign`.
    """
    given, made = _read(folder), _signature(folder, secret)
    if hmac.compare_digest(given.hmac_sha256, made.hmac_sha256):
        return
    if given.cases_sha256 != made.cases_sha256:
        raise SignatureWrong("the lines are not those that were signed", where=FILE)
    if given.images_sha256 != made.images_sha256:
        raise SignatureWrong("an image is not the one that was signed")
    raise SignatureWrong("the archive was signed with another secret", where=SIGNATURE)


def _read(folder: Path) -> Signature:
    try:
        with (folder / SIGNATURE).open("rb") as file:
            return Signature.model_validate_json(file.read(LARGEST_SIGNATURE + 1))
    except OSError as error:
        raise NotSigned(f"the archive has no readable {SIGNATURE}") from error
    except ValidationError as error:
        raise NotSigned("the file is no signature of an archive", where=SIGNATURE) from error


def _signature(folder: Path, secret: bytes) -> Signature:
    key = _key(secret)
    try:
        cases, images = _file(folder / FILE), _images(folder)
    except OSError as error:
        raise BadArchive("the lines or an image cannot be read") from error
    message = "\n".join((_LABEL.decode(), cases, images)).encode()
    return Signature(cases_sha256=cases, images_sha256=images, hmac_sha256=hmac.new(key, message, hashlib.sha256).hexdigest())


def _key(secret: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869), one block: extract with the label as salt, expand with it as info."""
    if len(secret) < SECRET_BYTES:
        raise WeakSecret(f"the site secret needs at least {SECRET_BYTES} bytes")
    extracted = hmac.new(_LABEL, secret, hashlib.sha256).digest()
    return hmac.new(extracted, _LABEL + b"\x01", hashlib.sha256).digest()


def _images(folder: Path) -> str:
    """SHA-256 over number, name and digest of the image of each line; of a line that names none, that it does."""
    digest, root, known = hashlib.sha256(), folder.resolve(), dict[Path, str]()
    for number, line in lines_of(folder):
        path = named_image(folder, line)
        if path is None:
            digest.update(b"%d none\n" % number)
            continue
        if path not in known:
            known[path] = _file(path)
        name = os.fsencode(path.relative_to(root))
        digest.update(b"%d %d %s %s\n" % (number, len(name), name, known[path].encode()))
    return digest.hexdigest()


def _file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
