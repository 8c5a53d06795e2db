"""Server-sent events (HTML Living Standard 9.2): what streamed answers come as."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_ENDS = (b"\n", b"\r")


def events(parts: Iterable[bytes]) -> Iterator[str]:
    r"""The data of each event, as it comes; an event that is not ended by an empty line is none. Bytes that are no UTF-8 are marked.

    >>> list(events([b"data: a\n", b"\ndata: b\r\ndata: c\r\n\r\n", b"data: cut"]))
    ['a', 'b\nc']
    """
    data: list[str] = []
    for line in _lines(parts):
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))


def _lines(parts: Iterable[bytes]) -> Iterator[str]:
    """Lines that are ended, without their end: LF, CR LF or CR."""
    kept: list[bytes] = []
    for part in parts:
        kept.append(part)
        # Joining only where a line ends keeps the time linear in the bytes. A CR alone waits: an LF may follow.
        if not any(end in part for end in _ENDS) and not kept[0].endswith(b"\r"):
            continue
        lines = b"".join(kept).splitlines(keepends=True)
        kept = [] if lines[-1].endswith(b"\n") else [lines.pop()]
        for line in lines:
            yield line.rstrip(b"\r\n").decode("utf-8", "replace")
    for line in b"".join(kept).splitlines(keepends=True):
        if line.endswith(_ENDS):
            yield line.rstrip(b"\r\n").decode("utf-8", "replace")
