"""What an image request accepts."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from sandbox.ehr.dicomweb.accepting import Wish, parts_or_one, picture_type, require_json, wishes
from sandbox.ehr.outcome import Refusal

EXPLICIT, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.90"
DICOM = "application/dicom"


def request(accept: str | None, query: str = "") -> Request:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "query_string": query.encode(), "headers": headers})


def test_a_header_is_read_item_by_item_the_most_wanted_first() -> None:
    text = f'image/png;q=0.5, multipart/related; type="{DICOM}"; transfer-syntax={JPEG}, text/html;q=0'
    assert wishes(request(text)) == (Wish("multipart/related", DICOM, JPEG), Wish("image/png", quality=0.5))
    assert wishes(request(None)) == (Wish("*/*"),)
    assert wishes(request("image/png", "accept=image/jpeg")) == (Wish("image/jpeg"),)
    with pytest.raises(Refusal):
        wishes(request("image/png;q=much"))


@pytest.mark.std("D1")
@pytest.mark.parametrize(
    ("accept", "stored", "answer"),
    [
        (None, EXPLICIT, True),
        ("*/*", JPEG, True),
        (f'multipart/related; type="{DICOM}"', EXPLICIT, True),
        (f'multipart/related; type="{DICOM}"', JPEG, None),
        (f'multipart/related; type="{DICOM}"; transfer-syntax=*', JPEG, True),
        (f'multipart/related; type="{DICOM}"; transfer-syntax={JPEG}', JPEG, True),
        (f'multipart/related; type="{DICOM}"; transfer-syntax={JPEG}', EXPLICIT, None),
        ("multipart/related", EXPLICIT, True),
        (DICOM, EXPLICIT, False),
        (f"{DICOM}; transfer-syntax=*", JPEG, False),
        ('multipart/related; type="application/octet-stream"', EXPLICIT, None),
        ("text/html", EXPLICIT, None),
        (f'{DICOM};q=0.2, multipart/related; type="{DICOM}"', EXPLICIT, True),
    ],
)
def test_files_go_out_as_stored_or_not_at_all(accept: str | None, stored: str, answer: bool | None) -> None:
    if answer is None:
        with pytest.raises(Refusal) as refused:
            parts_or_one(request(accept), DICOM, frozenset((stored,)))
        assert refused.value.status == 406
    else:
        assert parts_or_one(request(accept), DICOM, frozenset((stored,))) is answer


@pytest.mark.parametrize(
    ("accept", "type_"), [(None, "image/jpeg"), ("image/*", "image/jpeg"), ("image/jpeg;q=0.1,image/png", "image/png")]
)
def test_a_picture_is_jpeg_unless_png_is_wanted_more(accept: str | None, type_: str) -> None:
    assert picture_type(request(accept)) == type_


def test_what_is_answered_as_json_only_is_refused_otherwise() -> None:
    require_json(request("application/dicom+json, text/html"))
    for accept in ("application/dicom+xml", "application/dicom+json;q=0", 'multipart/related; type="application/dicom+xml"'):
        with pytest.raises(Refusal):
            require_json(request(accept))
    with pytest.raises(Refusal):
        picture_type(request("image/gif"))
