"""What an image request accepts (DICOM PS3.18, 8.7.3 to 8.7.5; RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request

from sandbox.ehr.outcome import Refusal

EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
_PARAMETER = re.compile(r';\s*([A-Za-z\-]+)\s*=\s*("[^"]*"|[^;",\s]+)')
_ITEM = re.compile(r'(?:"[^"]*"|[^,"])+')


@dataclass(frozen=True, slots=True)
class Wish:
    """One media range of an Accept header; of a multipart one `type` is what the parts are."""

    range: str
    type: str = ""
    transfer_syntax: str = ""
    quality: float = 1.0


def wishes(request: Request) -> tuple[Wish, ...]:
    """What a request accepts, the most wanted first. The query parameter `accept` goes before the header.

    Raises:
        Refusal: 406 for a weight that is no number.
    """
    text = request.query_params.get("accept") or request.headers.get("accept") or "*/*"
    read = (_wish(item.strip()) for item in _ITEM.findall(text) if item.strip())
    return tuple(sorted((wish for wish in read if wish.quality > 0), key=lambda wish: -wish.quality))


def _wish(text: str) -> Wish:
    given = {name.lower(): value.strip('"') for name, value in _PARAMETER.findall(text)}
    try:
        quality = float(given.get("q", "1"))
    except ValueError as error:
        raise Refusal(406, "a weight that is no number") from error
    return Wish(text.partition(";")[0].strip().lower(), given.get("type", "").lower(), given.get("transfer-syntax", ""), quality)


def require_json(request: Request) -> None:
    """Refuse a request that does not accept DICOM JSON.

    Raises:
        Refusal: 406.
    """
    if not any(wish.range in ("application/dicom+json", "application/json", "application/*", "*/*") for wish in wishes(request)):
        raise Refusal(406, "this is answered as application/dicom+json only")


def parts_or_one(request: Request, type_: str, syntaxes: frozenset[str]) -> bool:
    """Whether an answer of `type_` parts, stored in `syntaxes`, goes out as multipart; False when only the bare type is accepted.

    Nothing is transcoded. Without a transfer syntax Explicit VR Little Endian is meant (PS3.18, 8.7.3.5.2), `*` takes it as stored, and
    `*/*` asks for nothing in particular.

    Raises:
        Refusal: 406.
    """
    for wish in wishes(request):
        if wish.range == "*/*" or (wish.range == "multipart/related" and wish.type in ("", "*/*", type_) and _taken(wish, syntaxes)):
            return True
        if wish.range == type_ and _taken(wish, syntaxes):
            return False
    raise Refusal(406, "this is stored in another form than any that is accepted, and nothing is transcoded")


def _taken(wish: Wish, syntaxes: frozenset[str]) -> bool:
    wanted = wish.transfer_syntax or EXPLICIT_LITTLE_ENDIAN
    return wanted == "*" or syntaxes <= {wanted}


def picture_type(request: Request) -> str:
    """`image/jpeg` or `image/png`, whichever is wanted more; the first by default (PS3.18, 8.7.4.1).

    Raises:
        Refusal: 406.
    """
    for wish in wishes(request):
        if wish.range in ("image/jpeg", "image/png"):
            return wish.range
        if wish.range in ("*/*", "image/*"):
            return "image/jpeg"
    raise Refusal(406, "pictures are image/jpeg or image/png")
