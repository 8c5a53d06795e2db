"""`vectors.npy` of a segment: rows appended while it is written, served from memory, read by its header alone.

The header must be the one byte sequence that this module writes, so no field of it is ever interpreted and nothing unpickled.
Rows begin at byte 128: aligned as FAISS and SIMD loads want them, which FAISS's own flat file (byte 45) is not.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from retrieval.errors import IndexCorrupt
from retrieval.generation.mapping import Bytes
from retrieval.vectors import Dimensions, Vectors

FILE = "vectors.npy"
_HEADER = 128


def rows_of(data: Bytes, cases: int, dimensions: Dimensions) -> Vectors:
    """The rows [cases, dimensions.total] in the bytes of a `vectors.npy`: a view, not a copy.

    Raises:
        IndexCorrupt: when the bytes are not exactly such a file.
    """
    expected = _header(cases, dimensions)
    if bytes(data[:_HEADER]) != expected or len(data) != _HEADER + cases * dimensions.total * 4:
        raise IndexCorrupt("the vectors are not as many or as long as the manifest says", where=FILE)
    rows = data[_HEADER:].view("<f4").reshape(cases, dimensions.total)
    return np.asarray(rows)


class VectorWriter:
    """Appends rows to a `vectors.npy`. What was flushed outlives a kill: reopened at its number of rows, the rest is cut off."""

    def __init__(self, path: Path, dimensions: Dimensions, rows: int = 0) -> None:
        """Create `path`, or go on behind the first `rows` of it.

        Raises:
            IndexCorrupt: when the file holds fewer rows.
        """
        self.rows = rows
        self._path, self._dimensions = path, dimensions
        self._file = path.open("r+b" if rows else "w+b")
        if not rows:
            self._file.write(_header(0, dimensions))
        end = _HEADER + rows * dimensions.total * 4
        if self._file.seek(0, os.SEEK_END) < end:
            self._file.close()
            raise IndexCorrupt("an interrupted build has fewer vectors than cards", where=FILE)
        self._file.truncate(end)
        self._file.seek(end)

    def add(self, vectors: Vectors) -> None:
        """Append [n, dimensions.total]."""
        self._file.write(np.ascontiguousarray(vectors, dtype="<f4").data)
        self.rows += len(vectors)

    def flush(self) -> None:
        """Wait until the disk has all rows so far."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def finish(self) -> None:
        """Write the header for the rows there are, flush and close."""
        self._file.seek(0)
        self._file.write(_header(self.rows, self._dimensions))
        self.flush()
        self._file.close()

    def close(self) -> None:
        """Close the file as it is."""
        self._file.close()


def _header(rows: int, dimensions: Dimensions) -> bytes:
    """The header of a .npy file, version 1.0, of float32 [rows, dimensions.total], padded to 128 bytes.

    See the numpy.lib.format documentation. Its length is the same whatever the number of rows, so that it can be written last.
    """
    fields = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dimensions.total}), }}"
    return b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little") + fields.ljust(_HEADER - 11).encode() + b"\n"
