"""How long the command line takes to answer."""

from __future__ import annotations

import subprocess
import sys

from bench.children import ROOT
from bench.clock import alternate, wall_ms
from bench.rows import Goal, Row
from bench.setting import Setting

GOAL = Goal("start", "`sidenote --help` under 0.5 s", 500.0, "figure")


def startup(setting: Setting) -> tuple[Row, ...]:
    """Start of the command line.

    Wall time of a process, from its start to its end.
    """

    def started(*arguments: str) -> object:
        return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=True)

    work = {"help": lambda: started("-m", "sidenote", "--help"), "pass": lambda: started("-c", "pass")}
    times = alternate(setting.rounds(15), work, clock=wall_ms)
    return (Row("sidenote --help", times["help"], "python -c pass", times["pass"], GOAL),)
