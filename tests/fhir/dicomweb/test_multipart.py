"""multipart/related: whatever the parts hold, they come back as they were; what is broken is told."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fhir.dicomweb.multipart import HEADER_BYTES, MOST_HEADERS, parts_of, split
from fhir.errors import NotDicomweb, Unreachable
from fhir.wire.exchange import Answer

HEAD = b"Content-Type: application/dicom\r\n\r\n"


def joined(bodies: list[bytes], boundary: str, newline: bytes = b"\r\n", preamble: bytes = b"", epilogue: bytes = b"") -> bytes:
    mark = b"--" + boundary.encode()
    head = HEAD.replace(b"\r\n", newline)
    lines = b"".join(mark + newline + head + body + newline for body in bodies)
    return preamble + lines + mark + b"--" + epilogue


def bodies_of(data: bytes, boundary: str) -> list[bytes]:
    return [part.body for part in split(data, boundary)]


def answer(body: bytes, content_type: str) -> Answer:
    return Answer(200, {"content-type": content_type}, body, "http://127.0.0.1/x")


def delimits(body: bytes, boundary: str) -> bool:
    """Whether a line of the body is a delimiter, which RFC 2046 forbids its writer."""
    return re.search(rb"(\A|\n)--" + re.escape(boundary.encode()) + rb"(--)?[ \t]*(\r?\n|\Z)", body) is not None


BOUNDARIES = st.from_regex(r"[0-9A-Za-z'()+_,\-./:=?]{1,70}", fullmatch=True)
PIECES = st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([b"\r\n", b"\n", b"\r", b"--", b"--B", b"\r\n--B", b"B", b" "])))


@pytest.mark.std("D1")
@given(PIECES.map(b"".join), PIECES.map(b"".join), BOUNDARIES)
def test_any_parts_come_back_as_they_were(one: bytes, other: bytes, boundary: str) -> None:
    bodies = [body for body in (one, other) if not delimits(body, boundary)]
    assert bodies_of(joined(bodies, boundary), boundary) == bodies


@pytest.mark.std("D1")
@given(st.lists(PIECES.map(lambda pieces: b"".join(pieces).replace(b"B", b"\r\n--b-")), min_size=1, max_size=4), st.integers(0, 400))
def test_an_answer_cut_anywhere_is_refused(bodies: list[bytes], end: int) -> None:
    assume(not any(b"--b--" in body for body in bodies))  # cut behind it, the end of all parts would stand there
    whole = joined(bodies, "b")
    cut = whole[: min(end, len(whole) - 1)]
    with pytest.raises((NotDicomweb, Unreachable)):
        split(cut, "b")


@pytest.mark.std("D1")
@pytest.mark.parametrize(
    "body",
    [b"--B", b"\r\n--Bx\r\n", b"\r\n--B--x\r\n", b"\r\n --B\r\n", b"\r\n-B\r\n", b"\n--B\n", b"\r--B\r", b"", b"\r\n", b"--", b"\r"],
    ids=repr,
)
def test_what_looks_like_a_boundary_and_is_no_line_of_its_own_is_data(body: bytes) -> None:
    inside = b"x" + body + b"x"
    assert bodies_of(joined([inside, body + b"x"], "B"), "B") == [inside, body + b"x"]


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_preamble_epilogue_white_space_and_bare_line_feeds_are_tolerated(newline: bytes) -> None:
    data = joined([b"one\n\n", b""], "a b'c", newline, preamble=b"This is MIME." + newline, epilogue=b" \t" + newline + b"the end --a")
    assert bodies_of(data, "a b'c") == [b"one\n\n", b""]
    assert bodies_of(b"--b--\r\n", "b") == []


@pytest.mark.std("D1")
@pytest.mark.parametrize("length", [b"0", b"3", b"99999999", b"-1", b"lie"])
def test_the_length_a_part_claims_is_not_believed(length: bytes) -> None:
    data = b"--b\r\nContent-Length: " + length + b"\r\n" + HEAD + b"seven b\r\n--b--"
    (part,) = split(data, "b")
    assert (part.body, part.media_type) == (b"seven b", "application/dicom")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "without its boundary"),
        (b"<html></html>", "without its boundary"),
        (b"--b\r\n" + b"a" * 40 + b"\r\n--b--", "without an end to its headers"),
        (b"--b\r\nno header\r\n\r\nx\r\n--b--", "is none"),
        (b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\nx\r\n--b--", "within another"),
        (b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n--b--", "encoded"),
        (b"--b\r\n" + b"X: 1\r\n" * (MOST_HEADERS + 1) + b"\r\nx\r\n--b--", "more headers"),
        (b"--b\r\nX: " + b"1" * HEADER_BYTES + b"\r\n\r\nx\r\n--b--", "without an end to its headers"),
        (joined([b"x"] * 4, "b"), "more parts"),
    ],
    ids=["nothing", "HTML", "no blank line", "no colon", "nested", "base64", "many headers", "a long header", "many parts"],
)
def test_says_what_is_wrong_with_a_part(data: bytes, words: str) -> None:
    with pytest.raises(NotDicomweb, match=words):
        split(data, "b", most=3)


@pytest.mark.parametrize("boundary", ["", " ", "ends ", "a" * 71, "semi;colon", 'quote"', "line\nfeed", "ü", "a\x00"], ids=repr)
def test_a_boundary_that_is_none_is_refused(boundary: str) -> None:
    with pytest.raises(NotDicomweb, match="boundary"):
        split(joined([b"x"], "b"), boundary)


@pytest.mark.std("D1")
@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/related; boundary=b",
        'multipart/related; type="application/dicom"; boundary="b"',
        'Multipart/Related; BOUNDARY="b"; type=application/dicom',
    ],
)
def test_the_boundary_is_read_quoted_or_not(content_type: str) -> None:
    assert [part.body for part in parts_of(answer(joined([b"one", b"two"], "b"), content_type))] == [b"one", b"two"]


@pytest.mark.std("D1")
def test_an_answer_that_is_not_multipart_is_one_part() -> None:
    (part,) = parts_of(answer(b"DICM", "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"))
    assert (part.body, part.media_type) == (b"DICM", "application/dicom")
    with pytest.raises(NotDicomweb, match="without a boundary"):
        parts_of(answer(b"--b--", "multipart/related"))


def test_headers_are_read_whatever_their_case_and_folding() -> None:
    (part,) = split(b"--b\r\ncontent-TYPE: Image/JPEG;\r\n q=1\r\nContent-Type: text/html\r\n\r\nx\r\n--b--", "b")
    assert part.media_type == "image/jpeg"
    (bare,) = split(b"--b\r\n\r\nx\r\n--b--", "b")
    assert (bare.body, bare.media_type) == (b"x", "")


def test_ten_thousand_parts_and_ten_megabytes_take_no_time_to_speak_of() -> None:
    assert len(split(joined([b"\r\n--c"] * 10_000, "b"), "b")) == 10_000
    large = b"\r\n--a" * 2_000_000
    assert split(joined([large], "b"), "b")[0].body == large


def test_a_part_says_nothing_of_its_content_when_printed() -> None:
    assert "MRN" not in repr(split(joined([b"MRN-1"], "b"), "b"))
