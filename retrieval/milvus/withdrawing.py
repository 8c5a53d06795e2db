"""Takes cases out of what is published, at once: a publication of a great library takes long, and a withdrawn consent does not wait.

What is left no longer fits its seal, so that nobody who opens it anew is answered until the library is published again. Who has it
open goes on, without the cases that were taken.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from retrieval.errors import QueryRefused
from retrieval.milvus.connecting import PATIENCE, Connection
from retrieval.milvus.publishing import named

MOST = 500
"""Keys in one expression."""
_KEY = re.compile(r"[0-9a-f]{32}")


def withdraw(uri: str, collection: str, keys: Collection[str], *, token: str | None = None) -> int:
    """Delete the cases with `keys` from what was published as `collection`; how many of them it held.

    Args:
        uri: See `retrieval.milvus.connecting.Connection`.
        collection: The name it was published under; where nothing was, nothing is deleted.
        keys: `CaseCard.key` of each.
        token: See `retrieval.milvus.connecting.Connection`.

    Raises:
        QueryRefused: a key is none that a keyring makes.
        NotAnIndex: the name is that of a collection that was not published here.
        IndexUnreachable, ExtraMissing: see `Connection`. Cases may be left.
    """
    if not all(_KEY.fullmatch(key) for key in keys):
        raise QueryRefused("a key is no salted hash")
    connection = Connection(uri, token=token)
    try:
        name = named(connection, collection)
        return 0 if name is None else _deleted(connection, name, sorted(keys))
    finally:
        connection.close()


def _deleted(connection: Connection, name: str, keys: list[str]) -> int:
    held = 0
    connection.load(name)
    for start in range(0, len(keys), MOST):
        listed = ", ".join(f'"{key}"' for key in keys[start : start + MOST])
        where = f"key in [{listed}]"
        held += connection.count(name, where, consistency_level="Strong")
        connection.ask("delete", name, filter=where)
    connection.ask("flush", name, timeout=PATIENCE)
    return held
