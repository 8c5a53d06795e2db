"""How many threads torch may use: one. The compact model is small, and on shared cores a second thread mostly waits.

Measured: a batch of one takes about 13 ms with one thread; with two threads on two busy cores it took 450 ms and more. Building
a library of 2,000 cases takes as long with one as with two, since two processes draw and decode beside it.
"""

from __future__ import annotations


def use_one_thread() -> None:
    """Hold torch to one thread in this process. Training does not come here: it takes what it is given."""
    import torch

    torch.set_num_threads(1)
