"""Embedding on Ray gives what one process gives: same order, same bytes, through a killed worker and refused cases."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.building.embedding import Embedded, embed_batch
from retrieval.building.ray_cluster import cluster as cluster_of
from retrieval.building.ray_embedding import Workers, _Feeder, _read, _table, _Worker, answer, on_ray
from retrieval.cards import Rejected, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.errors import BadCase, ClusterFailed
from retrieval.keys import Keyring

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.*")  # Ray warns of its own settings when it reads them
DIMENSION = 32


@dataclass(frozen=True)
class Marked:
    """An encoder that treats an image by its corner: kills its process once, refuses the image, or fails."""

    once: Path | None = None
    inner: HashEncoder = field(default_factory=lambda: HashEncoder(DIMENSION))
    image_dimension: int = DIMENSION
    text_dimension: int = DIMENSION
    one_space: bool = False
    fingerprint: str = "0" * 64

    def images(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        for image in batch:
            self._look(float(image[0, 0]))
        return self.inner.images(batch)

    def texts(self, batch: Sequence[str]) -> np.ndarray:
        return self.inner.texts(batch)

    def _look(self, corner: float) -> None:
        if corner == KILLS and self.once is not None and not self.once.exists():
            self.once.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if corner == REFUSED:
            raise BadCase("image is refused")
        if corner == FAILS:
            raise ValueError("the encoder is broken")


KILLS, REFUSED, FAILS = 0.125, 0.25, 0.5


def marked(case: SourceCase, corner: float) -> SourceCase:
    image = case.image.copy()
    image[0, 0] = corner
    return SourceCase(case.card, image)


def same(ours: Sequence[Embedded], theirs: Sequence[Embedded]) -> bool:
    return [(one.cards, one.vectors.tobytes(), one.vectors.shape, one.skipped, one.seen) for one in ours] == [
        (one.cards, one.vectors.tobytes(), one.vectors.shape, one.skipped, one.seen) for one in theirs
    ]


def test_an_encoder_that_refuses_no_case_is_asked_once_for_the_whole_batch(make_case: Callable[..., SourceCase]) -> None:
    encoder = HashEncoder(DIMENSION)
    made = [make_case(number) for number in range(5)]
    asked = answer(encoder, [case.image for case in made], [case.card.report for case in made])
    assert asked.refused == {}
    assert same([embed_batch(asked, made)], [embed_batch(encoder, made)])


def test_a_case_that_the_encoder_refuses_costs_the_others_nothing(make_case: Callable[..., SourceCase]) -> None:
    made = [make_case(number) for number in range(5)]
    made[3] = marked(made[3], REFUSED)
    asked = answer(Marked(), [case.image for case in made], [case.card.report for case in made])
    assert asked.refused == {3: "image is refused"}
    kept = [case for place, case in enumerate(made) if place != 3]
    assert np.array_equal(asked.images([]), Marked().images([case.image for case in kept]))


def test_an_encoder_that_cannot_be_made_is_told_with_the_first_batch() -> None:
    pytest.importorskip("pyarrow", reason="the extra [ray] is not installed")
    worker = _Worker(partial(Marked, nonsense="a report"), None)
    assert worker._failed == "TypeError"
    with pytest.raises(ClusterFailed, match="the encoder failed on a worker: TypeError"):
        list(_read(_table([(0, worker._failed)])))


def test_vectors_go_through_arrow_unchanged(make_case: Callable[..., SourceCase]) -> None:
    pytest.importorskip("pyarrow", reason="the extra [ray] is not installed")
    made = [make_case(number) for number in range(5)]
    asked = answer(HashEncoder(DIMENSION), [case.image for case in made], [case.card.report for case in made])
    odd = replace(asked, image_rows=np.array([[np.nan, -0.0, 1e-45], [np.inf, 0.1, -1]], np.float32), refused={2: "no", 0: "neither"})
    ((first, one), (second, other)) = _read(_table([(7, asked), (8, odd)]))
    assert (first, second) == (7, 8)
    assert same([embed_batch(one, made)], [embed_batch(HashEncoder(DIMENSION), made)])
    assert (other.image_rows.tobytes(), other.image_rows.shape, other.refused) == (odd.image_rows.tobytes(), (2, 3), odd.refused)


def test_a_batch_without_a_case_has_no_vectors_of_the_right_length() -> None:
    asked = answer(HashEncoder(DIMENSION), [], [])
    assert (asked.image_rows.shape, asked.text_rows.shape) == ((0, DIMENSION), (0, DIMENSION))


def test_a_batch_is_handed_out_until_its_vectors_have_arrived_and_not_for_ever() -> None:
    async def told() -> None:
        feeder = _Feeder()
        await feeder.put(0, ["a reference"])
        assert await feeder.exists(0)
        assert [await feeder.batch(0) for _ in range(4)] == [["a reference"]] * 4
        with pytest.raises(RuntimeError, match="ends each worker"):
            await feeder.batch(0)
        await feeder.put(1, ["another"])
        await feeder.let_go(1)
        assert await feeder.batch(1) == []
        waiting = asyncio.create_task(feeder.exists(2))
        await asyncio.sleep(0)
        assert not waiting.done()
        await feeder.end()
        assert await waiting is False

    asyncio.run(told())


def children() -> list[Path]:
    """The processes that descend from this one, whoever is their parent by now."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdigit() and f"SIDENOTE_TEST={os.getpid()}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(folder)
    return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """The cluster that is started when none runs; several builds then use it, as they would one that somebody else started."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("the extra [ray] is not installed")
    with pytest.MonkeyPatch.context() as patched, tempfile.TemporaryDirectory() as folder:
        patched.setenv("SIDENOTE_TEST", str(os.getpid()))
        patched.setattr(tempfile, "tempdir", folder)  # a short path: Ray has sockets in it
        with cluster_of(Workers(2)) as ray:
            (own,) = Path(folder).glob("ray*")
            yield ray
        assert not ray.is_initialized()
        ends = time.monotonic() + 60  # a worker that is being ended may still be there for a moment
        while children() and time.monotonic() < ends:
            time.sleep(0.1)
        assert children() == []
        assert not own.exists()


@pytest.mark.slow
def test_a_cluster_started_for_a_build_listens_on_the_loopback_interface_alone(cluster: Any) -> None:
    assert [node["NodeManagerAddress"] for node in cluster.nodes()] == ["127.0.0.1"]
    assert children()
    listening = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    sockets = {fields[9]: fields[1].split(":")[0] for fields in listening if fields[3] == "0A"}
    ours = {sockets[inode] for inode in open_sockets() if inode in sockets}
    assert ours
    assert ours <= {"0100007F", "0000000000000000FFFF00000100007F"}


def open_sockets() -> Iterator[str]:
    """Inodes of the sockets that the cluster's processes and this one hold."""
    for process in (Path("/proc/self"), *children()):
        for handle in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                target = os.readlink(handle)
                if target.startswith("socket:["):
                    yield target[8:-1]


@pytest.mark.slow
def test_an_index_built_on_ray_has_the_bytes_of_one_built_here_though_a_worker_is_killed_and_a_case_is_refused(
    cluster: Any, make_case: Callable[..., SourceCase], keyring: Keyring, tmp_path: Path
) -> None:
    from retrieval.building.build import build
    from retrieval.library import open_library

    cases: list[SourceCase | Rejected] = [make_case(number) for number in range(330)]
    refused, kills = make_case(100), make_case(200)
    cases[100], cases[200], cases[64:70] = marked(refused, REFUSED), marked(kills, KILLS), [Rejected("image is missing", "line 65")] * 6
    killed, taken, given = tmp_path / "killed", [], []

    def watched(batches: Iterable[Sequence[SourceCase | Rejected]]) -> Iterator[Embedded]:
        on_workers = on_ray(partial(Marked, killed), Workers(2))
        for one in on_workers(taken.append(number) or batch for number, batch in enumerate(batches)):
            given.append(one)
            assert len(taken) <= len(given) + 4, "more than two batches a worker were under way"
            yield one

    ray = built(build(cases, Marked(killed), tmp_path / "ray", keyring=keyring, embed=watched), open_library)
    assert killed.exists(), "the worker was never killed"
    assert len(taken) == len(given) == 6
    assert ("image is refused", f"case key {refused.card.key}") in given[1].skipped
    cases[100] = Rejected("image is refused", "line 101")
    here = built(build(cases, Marked(killed), tmp_path / "here", keyring=keyring), open_library)
    assert ray == here


def built(info: Any, open_library: Callable[..., Any]) -> Any:
    """What an index is, without its times: hashes of vectors, columns and cards among it."""
    library = open_library(info.folder.parent, info.encoder_fingerprint)
    library.close()
    manifest = library.manifest
    (segment,) = manifest.segments
    (source,) = manifest.sources
    return manifest.files, segment, manifest.thresholds, manifest.image_weight, source.skipped, source.cases


@pytest.mark.slow
def test_an_encoder_that_fails_ends_the_build_with_a_typed_error_and_what_it_said_stays_there(
    cluster: Any, make_case: Callable[..., SourceCase], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ClusterFailed, match="failed on a worker: ValueError") as caught:
        list(on_ray(Marked, Workers(1))([[make_case(0)], [marked(make_case(1), FAILS)]]))
    said = "".join(capfd.readouterr()) + "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert "the encoder is broken" not in said
    assert cluster.is_initialized()
