"""Packed for those who can unpack, and for nobody else."""

from __future__ import annotations

import pytest

from sidenote.web.encoding import takes_gzip


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip", True),
        ("br, GZIP ; q=0.1", True),
        ("gzip;q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("*", False),
        ("", False),
    ],
)
def test_gzip_is_sent_to_who_takes_it(header: str, taken: bool) -> None:  # a column of the table
    assert takes_gzip(header) == taken
