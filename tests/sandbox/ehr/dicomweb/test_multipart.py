"""Multipart answers, read back by the standard library."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import HTTP

from hypothesis import given
from hypothesis import strategies as st

from sandbox.ehr.dicomweb.multipart import multipart


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4))
def test_each_body_comes_back_to_the_byte(bodies: list[bytes]) -> None:
    answer = multipart("application/dicom", bodies, "application/dicom; transfer-syntax=1.2")
    kind = answer.headers["content-type"]
    boundary = kind.rpartition("boundary=")[2].encode()
    head, *parts, tail = bytes(answer.body).split(b"\r\n--" + boundary)
    assert (head, tail) == (b"", b"--\r\n")
    assert [part.partition(b"\r\n\r\n")[2] for part in parts] == bodies


def test_others_read_it_too() -> None:
    answer = multipart("application/dicom", [b"one", b"two"])
    message = message_from_bytes(
        b"Content-Type: " + answer.headers["content-type"].encode() + b"\r\n\r\n" + bytes(answer.body), policy=HTTP
    )
    assert (message.get_content_type(), message.get_param("type")) == ("multipart/related", "application/dicom")
    parts = list(message.iter_parts())  # type: ignore[attr-defined]
    assert [(each.get_content_type(), each.get_payload(decode=True)) for each in parts] == [
        ("application/dicom", b"one"),
        ("application/dicom", b"two"),
    ]
