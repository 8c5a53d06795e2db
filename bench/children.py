"""Runs a function in a fresh process, for what a process that has done other things cannot tell: memory, or one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_QUIET = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "LANGGRAPH_STRICT_MSGPACK": "true",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}
ENVIRONMENT = os.environ | _QUIET
"""Of a child: one thread of numerics, and nothing on its output but what it says."""


def in_child(function: Callable[..., Any], *arguments: str | int | bool) -> Any:
    """What `function`, of a module's top level, returns as JSON in a process with one thread of numerics. Raises CalledProcessError."""
    code = f"import json, sys; from {function.__module__} import {function.__name__} as f; print(json.dumps(f(*json.loads(sys.argv[1]))))"
    command = [sys.executable, "-c", code, json.dumps(arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, cwd=ROOT, env=ENVIRONMENT, check=True)
    return json.loads(done.stdout.splitlines()[-1])
