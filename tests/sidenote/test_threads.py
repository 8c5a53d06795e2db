"""One torch thread a process."""

from __future__ import annotations

import subprocess
import sys


def test_torch_is_held_to_one_thread() -> None:
    code = "from sidenote.threads import use_one_thread; use_one_thread(); import torch; print(torch.get_num_threads())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
