"""Checkpoints: strict, sealed, private."""

from __future__ import annotations

import ast
import asyncio
import hashlib
import hmac
import stat
from functools import cache
from pathlib import Path

import pytest

from agent.checkpoints import open_checkpoints, sealed_serializer
from agent.engine import require_safe_engine
from agent.errors import CheckpointTampered

require_safe_engine()
import ormsgpack  # noqa: E402  # LangGraph reads its strict switch at import
from langgraph.checkpoint.serde.jsonplus import EXT_CONSTRUCTOR_POS_ARGS, JsonPlusSerializer  # noqa: E402  # as above

ROOT = Path(__file__).parents[2]
PRODUCT = sorted(
    path for folder in ("agent", "tools", "policies", "retrieval", "fhir", "sidenote") for path in (ROOT / folder).rglob("*.py")
)
SEARCHES = {"alist", "aget_state_history", "get_state_history", "asearch"}
"""What looks up checkpoints by more than a thread's id."""
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


@cache
def said(path: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The names and texts that stand in the code of a module, and the keywords of its calls. Each module is parsed once."""
    words, keywords = set[str](), set[str]()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Attribute(attr=word) | ast.Name(id=word) | ast.Constant(value=str(word)):
                words.add(word)
            case ast.Call():
                keywords |= {word.arg for word in node.keywords if word.arg is not None}
    return frozenset(words), frozenset(keywords)


def named(path: Path, words: set[str]) -> set[str]:
    """Which of these names or texts stand in the code of a module, its prose left out."""
    return words & said(path)[0]


@pytest.mark.fault(105)
def test_no_checkpoint_is_ever_looked_up_by_metadata() -> None:
    """CVE-2025-67644: keys of `filter` went into SQL."""
    assert len(PRODUCT) > 100
    assert {path.name: names for path in PRODUCT if (names := named(path, SEARCHES))} == {}
    others = {ROOT / "retrieval" / "milvus"}  # its `filter` is another language, and holds field names and numbers alone
    near = [path for path in PRODUCT if path.parent not in others]
    assert any("filter" in said(path)[1] for path in PRODUCT if path.parent in others), "the search finds what is there"
    assert [path.name for path in near if "filter" in said(path)[1]] == []


@pytest.mark.fault(105)
def test_ids_of_threads_are_made_in_two_places_alone_and_never_of_a_checkpoints_id() -> None:
    assert {path.relative_to(ROOT).as_posix() for path in PRODUCT if named(path, {"thread_id"})} == {"agent/graph.py", "agent/gate.py"}
    assert [path.name for path in PRODUCT if named(path, {"checkpoint_id", "checkpoint_ns"})] == []


@pytest.mark.fault(105)
@pytest.mark.parametrize("key", ["x') = 'x' OR 1=1 --", "a'b", 'a"b', "a b", "a\x00", "$[0]", "é"])
def test_the_saver_that_is_installed_would_refuse_such_a_key_too(tmp_path: Path, key: str) -> None:
    async def looked_up() -> None:
        async with open_checkpoints(tmp_path / "checkpoints.sqlite") as saver:
            async for _ in saver.alist(None, filter={key: "x"}):
                raise AssertionError("something was found")

    with pytest.raises(ValueError, match="Invalid filter key"):
        asyncio.run(looked_up())
