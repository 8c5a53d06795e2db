"""Copies a library into Milvus, whole or not at all."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import numpy as np

from retrieval.errors import IndexCorrupt, IndexMissing, IndexUnusable, NotAnIndex, NothingToIndex
from retrieval.generation.manifest import MANIFEST, SCHEMA_VERSION
from retrieval.library import Library
from retrieval.milvus.connecting import PATIENCE, Connection
from retrieval.milvus.layout import CODED, LAYOUT, LEAKS, Seal, digest, record, schema, seal_rows, words
from retrieval.milvus.shelf import MilvusShelf

BATCH = 256
"""Cases sent at once: with cards and thumbnails a few megabytes, of the 64 that Milvus takes."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication left in Milvus."""

    collection: str
    """That holds the cases; the name that was asked for is its alias."""
    seal: str
    """SHA-256 that identifies every byte of it: whoever notes it may ask for nothing else."""
    cases: int


def publish(
    library: Library,
    uri: str,
    collection: str,
    *,
    token: str | None = None,
    exact: bool = True,
    progress: Callable[[int], None] = lambda done: None,
) -> Published:
    """Put the cases of `library` that can be found into Milvus, under the name `collection`.

    They go into a new collection, which is sealed when all are there and read back; then the name is moved to it at once, and what
    it named before is dropped, so that nothing that was removed from the library stays. Killed before that, it changes nothing.
    One publisher at a time: what another has not finished is dropped.

    Args:
        library: Open, checked; it stays open.
        uri: See `retrieval.milvus.connecting.Connection`.
        collection: Letters, digits and `_`.
        token: See `retrieval.milvus.connecting.Connection`.
        exact: Compare vectors one by one; otherwise Milvus chooses an index, faster and with less than full recall.
        progress: Called with the number of cases sent.

    Raises:
        NotAnIndex: the name is none, or a collection has it that was not published here.
        NothingToIndex: every case is gone.
        BadCase: a card longer than Milvus keeps.
        IndexCorrupt: a card of the library does not belong to its vector, or Milvus does not hold what it was sent.
        IndexUnreachable, ExtraMissing: see `Connection`.
    """
    if not _NAME.fullmatch(collection):
        raise NotAnIndex("a name in Milvus has letters, digits and _, and at most 200 of them")
    connection = Connection(uri, token=token)
    try:
        before = named(connection, collection)
        name = f"{collection}__{library.info.sha256[:12]}_{secrets.token_hex(4)}"
        try:
            shelf = _written(connection, name, library, exact, progress)
        except BaseException:
            with suppress(IndexUnusable):
                _dropped(connection, name)
            raise
        connection.ask("create_alias" if before is None else "alter_alias", name, collection)
        for other in connection.ask("list_collections"):
            if other != name and re.fullmatch(rf"{collection}__[0-9a-f]{{12}}_[0-9a-f]{{8}}", other):
                _dropped(connection, other)
        return Published(name, shelf.sha256, shelf.seal.cases)
    finally:
        connection.close()


def named(connection: Connection, collection: str) -> str | None:
    """The collection that holds what was published as `collection`, or None where nothing was.

    Raises:
        NotAnIndex: the name is that of a collection, so it was not published here.
        IndexUnreachable: Milvus does not answer.
    """
    try:
        found = connection.ask("describe_alias", collection)
    except IndexMissing:
        if connection.ask("has_collection", collection):
            raise NotAnIndex("a collection has this name that was not published by Sidenote") from None
        return None
    return str(found["collection_name"])


def _written(connection: Connection, name: str, library: Library, exact: bool, progress: Callable[[int], None]) -> MilvusShelf:
    rows = np.setdiff1d(np.arange(library.stack.cases, dtype=np.int64), library.stack.gone)
    if not len(rows):
        raise NothingToIndex("no case of the library can be found")
    linked = np.bincount(library.stack.columns.linked_row, minlength=1)
    fields = partial(schema, dimension=library.manifest.dimensions.total, most_linked=int(linked.max()))
    connection.create(name, fields, looked_up=LEAKS, exact=exact)
    seal = Seal(
        layout=LAYOUT,
        schema_version=SCHEMA_VERSION,
        generation=library.info.sha256,
        manifest=_manifest(library),
        cases=len(rows),
        digest=digest(_sent(connection, name, library, rows, progress)),
        linked=bool(linked.any()),
        exact=exact,
        values=words(library.stack.columns),
    )
    connection.ask("flush", name, timeout=PATIENCE)
    marked, sha256 = seal_rows(seal, library.manifest.dimensions.total)
    connection.ask("insert", name, marked)
    connection.ask("flush", name, timeout=PATIENCE)
    connection.ask("load_collection", name, timeout=PATIENCE)
    return MilvusShelf(connection, name, expected=sha256)


def _sent(
    connection: Connection, name: str, library: Library, rows: np.ndarray[tuple[int], np.dtype[np.int64]], progress: Callable[[int], None]
) -> Iterator[tuple[int, str]]:
    """Sends the cases and yields (row, row hash)."""
    columns = library.stack.columns
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        records = [
            record(row, library.card(row), vector, {field: int(getattr(columns, field).codes[row]) for field in CODED})
            for row, vector in zip(batch.tolist(), library.stack.vectors(batch), strict=True)
        ]
        connection.ask("insert", name, records)
        progress(start + len(batch))
        yield from ((one["row"], one["row_hash"]) for one in records)


def _manifest(library: Library) -> str:
    try:
        return (library.info.folder / MANIFEST).read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise IndexCorrupt("the library's manifest cannot be read", where=MANIFEST) from error


def _dropped(connection: Connection, name: str) -> None:
    try:
        connection.ask("drop_collection", name)
    except IndexMissing:
        return
