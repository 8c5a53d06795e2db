"""Where the graph's checkpoints are kept: SQLite, strict msgpack, each blob sealed with a key of this installation.

A checkpoint holds references and small results only (`agent.state`). The seal is an HMAC-SHA-256 over the type tag and the
bytes, so that a row written by anything else is refused before it is unpacked.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.engine import require_safe_engine
from agent.errors import CheckpointTampered, FlightRecordError

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.checkpoint.serde.base import SerializerProtocol

_SEAL_BYTES = 32


@asynccontextmanager
async def open_checkpoints(path: Path) -> AsyncIterator[BaseCheckpointSaver[str]]:
    """A SQLite saver over the file `path`, made with mode 0600 where it is not there yet, with its key beside it.

    Raises:
        UnsafeEngine: see `agent.engine.require_safe_engine`.
        FlightRecordError: the file cannot be opened or is no SQLite database, or its key is none.
    """
    require_safe_engine()
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    key = _opened(path)
    async with aiosqlite.connect(path) as connection:
        saver = AsyncSqliteSaver(connection, serde=sealed_serializer(key))
        with storing():
            await saver.setup()
        yield saver


@contextmanager
def storing(*kinds: type[Exception]) -> Iterator[None]:
    """Turn what SQLite, or another of `kinds`, says against a checkpoint into FlightRecordError."""
    expected: tuple[type[Exception], ...] = (sqlite3.Error, *kinds)
    try:
        yield
    except expected as error:
        raise FlightRecordError(f"the checkpoints cannot be used: {type(error).__name__}") from error


def _opened(path: Path) -> bytes:
    """Make the file where it is not there yet, and give its key."""
    with storing(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        key = _key(path.with_name(path.name + ".key"))
    if len(key) != _SEAL_BYTES:
        raise FlightRecordError("the key of the checkpoints is not one that was made here")
    return key


def sealed_serializer(key: bytes) -> SerializerProtocol:
    """A strict msgpack serializer whose every blob starts with its seal under `key`.

    Raises (on reading):
        CheckpointTampered: the seal does not fit the bytes.
    """
    require_safe_engine()
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    class SealedSerializer(JsonPlusSerializer):
        """LangGraph narrows the allowed types by copying the serializer, so the seal is a subclass and no wrapper."""

        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            tag, blob = super().dumps_typed(obj)
            return tag, _seal(key, tag, blob) + blob

        def loads_typed(self, data: tuple[str, bytes]) -> Any:
            tag, sealed = data
            seal, blob = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
            if not hmac.compare_digest(seal, _seal(key, tag, blob)):
                raise CheckpointTampered("a checkpoint does not carry this installation's seal")
            return super().loads_typed((tag, blob))

    return SealedSerializer(allowed_msgpack_modules=None)


def _seal(key: bytes, tag: str, blob: bytes) -> bytes:
    return hmac.digest(key, tag.encode() + b"\0" + blob, hashlib.sha256)


def _key(path: Path) -> bytes:
    """The key in the file `path`. Where there is none it is made, so that of two processes starting at once one wins."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        fresh.touch(mode=0o600)
        fresh.write_bytes(secrets.token_bytes(_SEAL_BYTES))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_bytes()
