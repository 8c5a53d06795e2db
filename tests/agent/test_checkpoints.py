"""Checkpoints: strict, sealed, private."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import stat
from pathlib import Path

import pytest

from agent.checkpoints import open_checkpoints, sealed_serializer
from agent.engine import require_safe_engine
from agent.errors import CheckpointTampered

require_safe_engine()
import ormsgpack  # noqa: E402  # LangGraph reads its strict switch at import
from langgraph.checkpoint.serde.jsonplus import EXT_CONSTRUCTOR_POS_ARGS, JsonPlusSerializer  # noqa: E402  # as above

KEY = bytes(range(32))


def test_what_is_written_is_read_back() -> None:
    serializer = sealed_serializer(KEY)
    assert serializer.loads_typed(serializer.dumps_typed({"a": [1, "b"]})) == {"a": [1, "b"]}


@pytest.mark.fault(117)
def test_a_checkpoint_with_one_changed_byte_is_refused() -> None:
    serializer = sealed_serializer(KEY)
    tag, blob = serializer.dumps_typed({"status": "withheld"})
    for position in range(len(blob)):
        changed = bytearray(blob)
        changed[position] ^= 1
        with pytest.raises(CheckpointTampered):
            serializer.loads_typed((tag, bytes(changed)))


def test_a_checkpoint_of_another_installation_or_under_another_tag_is_refused() -> None:
    tag, blob = sealed_serializer(KEY).dumps_typed({"status": "withheld"})
    for data in ((tag, blob[32:]), ("json", blob), (tag, b"")):
        with pytest.raises(CheckpointTampered):
            sealed_serializer(KEY).loads_typed(data)
    with pytest.raises(CheckpointTampered):
        sealed_serializer(KEY[::-1]).loads_typed((tag, blob))


def test_a_checkpoint_that_names_a_callable_does_not_call_it() -> None:
    call = ormsgpack.packb(("os.path", "basename", ("/a/called",)))
    payload = ormsgpack.packb({"x": ormsgpack.Ext(EXT_CONSTRUCTOR_POS_ARGS, call)})
    stock = JsonPlusSerializer(allowed_msgpack_modules=True)
    assert stock.loads_typed(("msgpack", payload)) == {"x": "called"}, "what the strict switch is for"
    sealed = hmac.digest(KEY, b"msgpack\0" + payload, hashlib.sha256) + payload
    assert sealed_serializer(KEY).loads_typed(("msgpack", sealed)) != {"x": "called"}


def test_the_database_and_its_key_are_for_the_owner_only(tmp_path: Path) -> None:
    async def opened() -> None:
        async with open_checkpoints(tmp_path / "store" / "checkpoints.sqlite") as saver:
            await saver.setup()  # type: ignore[attr-defined]  # of the SQLite saver

    asyncio.run(opened())
    asyncio.run(opened())
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "store").iterdir()}
    assert modes["checkpoints.sqlite"] == modes["checkpoints.sqlite.key"] == 0o600
    assert (tmp_path / "store" / "checkpoints.sqlite.key").stat().st_size == 32
