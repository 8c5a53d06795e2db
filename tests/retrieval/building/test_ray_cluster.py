"""What comes before a cluster; one that runs is looked at by test_ray_embedding.py beside it, which starts it once for all."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from retrieval.building.ray_cluster import LOCAL, Workers, cluster
from retrieval.errors import ClusterFailed, ExtraMissing


def test_without_ray_the_error_says_which_extra_is_missing_and_the_environment_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    before = dict(os.environ)
    with pytest.raises(ExtraMissing, match=r"sidenote\[ray\]"), cluster(Workers(1, address=LOCAL)):
        pass
    assert dict(os.environ) == before


@pytest.mark.parametrize("address", ["127.0.0.1:{port}", "ray://127.0.0.1:{port}", "127.0.0.1", "ray://", "127.0.0.1:many", ""])
def test_a_cluster_that_is_not_there_is_a_typed_error_without_its_address_and_at_once(address: str) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]  # bound, and listening to nobody
        with pytest.raises(ClusterFailed) as caught, cluster(Workers(1, address=address.format(port=port))):
            pass
    assert str(caught.value) == "no Ray cluster could be reached or started"
