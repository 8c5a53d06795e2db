"""The engine runs strict, untraced, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from agent.engine import STRICT, require_safe_engine
from agent.errors import UnsafeEngine


@pytest.mark.fault(112)
@pytest.mark.parametrize("name", ["LANGSMITH_TRACING", "LANGSMITH_TRACING_V2", "LANGCHAIN_TRACING", "LANGCHAIN_TRACING_V2"])
@pytest.mark.parametrize("value", ["true", "TRUE", "1", "yes", "local"])
def test_refuses_to_start_when_traces_would_leave(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UnsafeEngine, match=name):
        require_safe_engine()


@pytest.mark.parametrize("value", ["false", "0", "", "off"])
def test_a_tracing_variable_that_says_no_is_no_reason(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LANGSMITH_TRACING", value)
    require_safe_engine()


def in_a_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if key != STRICT}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**clean, **environment}, check=False)


CHECK = """
from agent.engine import require_safe_engine
from agent.errors import UnsafeEngine
try:
    require_safe_engine()
    print("runs")
except UnsafeEngine as error:
    print("refused", error.code)
"""
HEAVY = """
import sys, agent.graph, agent.record, agent.replay, sidenote.commands.record
heavy = {"torch", "transformers", "faiss", "langgraph", "sentence_transformers", "langsmith"}
print(*sorted({name.split(".")[0] for name in sys.modules} & heavy))
"""


def test_strict_msgpack_is_switched_on_where_nothing_is_set() -> None:
    done = in_a_process(f"{CHECK}\nfrom langgraph.checkpoint.serde import _msgpack as m; print(m.STRICT_MSGPACK_ENABLED)")
    assert done.stdout.split() == ["runs", "True"], done.stderr


def test_refuses_when_strict_msgpack_was_switched_off_by_hand() -> None:
    assert in_a_process(CHECK, **{STRICT: "false"}).stdout.split() == ["refused", "unsafe_engine"]


def test_refuses_when_langgraph_was_imported_before_the_switch() -> None:
    assert in_a_process(f"import langgraph.checkpoint.serde.jsonplus\n{CHECK}").stdout.split() == ["refused", "unsafe_engine"]


def test_importing_the_agent_loads_no_graph_engine_and_no_model_library() -> None:
    done = in_a_process(HEAVY)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
