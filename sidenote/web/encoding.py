"""Whether what is sent may be packed: the one content coding that we know (RFC 9110 8.4.1.3)."""

from __future__ import annotations


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a client takes gzip (RFC 9110 12.5.3).

    >>> [takes_gzip(text) for text in ("gzip, br", "br;q=1, GZIP;q=0.5", "gzip;q=0", "identity", "")]
    [True, True, False, False, False]
    """
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False
