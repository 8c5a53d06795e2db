"""The conditions under which the graph engine may run at all. Imported before LangGraph, which reads its switch at import.

LangGraph's checkpoint reader calls any importable function that a checkpoint names unless LANGGRAPH_STRICT_MSGPACK is
true when `langgraph.checkpoint` is first imported. LangSmith arrives as a dependency of langchain-core and sends every
state it sees to a third party when its tracing variable is set by accident.
"""

from __future__ import annotations

import os

from agent.errors import UnsafeEngine

STRICT = "LANGGRAPH_STRICT_MSGPACK"
_TRACING = tuple(f"{maker}_{switch}" for maker in ("LANGSMITH", "LANGCHAIN") for switch in ("TRACING", "TRACING_V2"))
_OFF = frozenset({"", "0", "false", "no", "off"})


def require_safe_engine() -> None:
    """Turn strict msgpack on and make sure that it is, and that nothing traces.

    Raises:
        UnsafeEngine: strict msgpack is switched off, or LangGraph was imported before it was switched on, or a LangSmith
            tracing variable is set.
    """
    require_no_tracing()
    if os.environ.setdefault(STRICT, "true").lower() not in {"1", "true", "yes"}:
        raise UnsafeEngine(f"{STRICT} is set to a value that switches it off")
    from langgraph.checkpoint.serde import _msgpack

    if not _msgpack.STRICT_MSGPACK_ENABLED:
        raise UnsafeEngine(f"LangGraph was imported before {STRICT} was switched on")


def require_no_tracing() -> None:
    """Make sure that nothing sends what the engine sees to a third party.

    Raises:
        UnsafeEngine: a LangSmith tracing variable is set.
    """
    for name in _TRACING:
        if os.environ.get(name, "").strip().lower() not in _OFF:
            raise UnsafeEngine(f"{name} is set: traces would leave this machine; unset it")
