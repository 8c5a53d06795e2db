"""A Ray cluster for as long as an archive is embedded: one that runs somewhere, or one started here and taken down again.

Inside a cluster Ray itself serialises with cloudpickle: whoever can reach a cluster can run code on it. A cluster that is
started here listens on the loopback interface alone, asks for a token of its own, reports nothing and serves no dashboard; its
folder, where logs and spilled pictures lie, goes with it. One that runs elsewhere is as safe as its operator made it.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

from retrieval.errors import ClusterFailed, ExtraMissing

LOCAL = "local"
_NAMES = (LOCAL, "auto")
"""Addresses that are none: all others are `host:port`, with or without `ray://`."""
_REACHED_WITHIN = 10.0
"""Seconds."""
_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""By this name Ray decides, on Linux too, whether it binds all interfaces ("1") or the loopback interface alone ("0")."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Who embeds, and where."""

    count: int
    address: str = LOCAL
    """Of a running cluster, e.g. `10.0.0.5:6379` or `auto`; `local` starts one for the time of the build."""
    cpus: float = 1.0
    """For each worker."""
    gpus: float = 0.0


@contextmanager
def cluster(workers: Workers) -> Iterator[Any]:
    """Ray, connected: to what this process is connected to already, to the address, or to a cluster started for the time being.

    Raises:
        ExtraMissing: Ray is not installed.
        ClusterFailed: nothing answers at the address, or no cluster could be started that this machine alone can reach.
    """
    if workers.address not in _NAMES:
        _reached(workers.address)
    with _environment(_settings(workers)):  # before it is imported
        ray = _imported()
        with ExitStack() as stack:
            if not ray.is_initialized():
                # Its logs, and what does not fit into memory, lie there: both may hold pictures and reports.
                folder = stack.enter_context(TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True))
                stack.callback(ray.shutdown)
                _connect(ray, workers, folder)
            stack.enter_context(_quiet(ray))
            yield ray


def _settings(workers: Workers) -> dict[str, str]:
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
    if workers.address != LOCAL:
        return quiet
    if "ray" not in sys.modules:  # Ray reads its token once, when it is imported: it stays as long as the process
        os.environ.update({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)})
    return {**quiet, _LOOPBACK: "0"}


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _imported() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ExtraMissing("embedding on a cluster needs Ray Data: install sidenote[ray]") from error
    return ray


def _connect(ray: Any, workers: Workers, folder: str) -> None:
    local = {"num_cpus": max(1, round(workers.count * workers.cpus)), "include_dashboard": False, "_temp_dir": folder}
    asked = local if workers.address == LOCAL else {"address": workers.address}
    try:
        ray.init(**asked, log_to_driver=False, logging_level=logging.CRITICAL)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ClusterFailed("no Ray cluster could be reached or started") from error
    if workers.address == LOCAL and {node["NodeManagerAddress"] for node in ray.nodes()} != {"127.0.0.1"}:
        raise ClusterFailed("Ray would listen on every interface: it was imported before with other settings")


def _reached(address: str) -> None:
    """Refuse an address where nothing listens: Ray would try it for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=_REACHED_WITHIN).close()
    except (OSError, ValueError) as error:
        raise ClusterFailed("no Ray cluster could be reached or started") from error


@contextmanager
def _quiet(ray: Any) -> Iterator[None]:
    """Ray Data in order, block by block, and without its own progress bar and log lines; its settings are put back."""
    context = ray.data.DataContext.get_current()
    log = logging.getLogger("ray.data")
    before = (context.execution_options.preserve_order, context.enable_progress_bars, context.target_max_block_size, log.level)
    context.execution_options.preserve_order, context.enable_progress_bars, context.target_max_block_size = True, False, 1
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        context.execution_options.preserve_order, context.enable_progress_bars, context.target_max_block_size = before[:3]
        log.setLevel(before[3])


@contextmanager
def failing() -> Iterator[None]:
    """Turns Ray's errors into ours. Their texts hold more than anybody should read, and stay behind."""
    from ray.data.exceptions import UserCodeException
    from ray.exceptions import RayError

    try:
        yield
    except (RayError, UserCodeException):
        raise ClusterFailed("Ray failed: it lost its head, or a batch ended each worker that embedded it") from None
