"""Embeds an archive on a Ray cluster with Ray Data: the same cards and vectors as in one process, in the same order.

Only images and report texts travel, under a number: cards, with their keys and dates, stay where the index is written, and so
does the site's secret. A batch is embedded as it was made, never regrouped, since the last bits of a vector may depend on its
neighbours in a batch. A read task yields tickets (numbers of batches) and workers fetch a batch when they hold its ticket, so
that a worker that dies, or a read that is tried again, loses nothing; a batch is let go when its vectors have arrived. At most
two batches a worker are under way, whatever the length of the archive.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.building.embedding import Embed, Embedded, embed_batch
from retrieval.building.ray_cluster import Workers, cluster, failing
from retrieval.cards import Encoder, Rejected, SourceCase
from retrieval.errors import BadCase, ClusterFailed
from retrieval.vectors import Vectors

__all__ = ["Workers", "answer", "on_ray"]

_AHEAD = 2
"""Batches under way for each worker: one embedded, one waiting."""
_TRIES = 3
"""How often a batch is tried again whose worker died: one that kills every worker must end the build."""
Case = SourceCase | Rejected


def on_ray(make_encoder: Callable[[], Encoder], workers: Workers) -> Embed:
    """Embeds on Ray workers, each with an encoder of its own that it makes once.

    The vectors are those of `in_process`, bit for bit where the encoder's answer to a batch does not depend on its number of
    threads or its processor.

    Args:
        make_encoder: Called on each worker. Ray sends it there, so it names its encoder rather than holding one; the workers'
            Python needs this package.
        workers: How many, where, and with what.

    Raises (while it embeds):
        ExtraMissing: Ray is not installed.
        ClusterFailed: no cluster at that address, an encoder that fails or cannot be made, or a batch that ended four workers.
    """

    def embed(batches: Iterable[Sequence[Case]]) -> Iterator[Embedded]:
        with cluster(workers) as ray, failing():
            yield from _Stream(ray, make_encoder, workers).run(batches)

    return embed


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a worker made of a batch: an encoder that has been asked already."""

    image_rows: Vectors
    text_rows: Vectors
    refused: Mapping[int, str]
    """Place of a case within the batch -> why the encoder refused it."""
    one_space: bool = False
    fingerprint: str = ""

    @property
    def image_dimension(self) -> int:
        """Length of an image's vector."""
        return int(self.image_rows.shape[1])

    @property
    def text_dimension(self) -> int:
        """Length of a text's vector."""
        return int(self.text_rows.shape[1])

    def images(self, batch: Sequence[NDArray[np.float32]]) -> Vectors:
        """What the worker answered, whatever is asked."""
        return self.image_rows

    def texts(self, batch: Sequence[str]) -> Vectors:
        """What the worker answered, whatever is asked."""
        return self.text_rows


class _Feeder:
    """Holds the batches that are under way. A Ray actor: its methods run in the cluster."""

    def __init__(self) -> None:
        self._batches: dict[int, Any] = {}
        self._fetched: Counter[int] = Counter()
        self._known = 0
        self._ended = False
        self._changed = asyncio.Condition()

    async def put(self, number: int, batch: list[Any]) -> None:
        """Take the reference to batch `number`, in a list so that Ray hands on the reference and not the batch."""
        async with self._changed:
            self._batches[number] = batch
            self._known = number + 1
            self._changed.notify_all()

    async def end(self) -> None:
        """No batch will follow."""
        async with self._changed:
            self._ended = True
            self._changed.notify_all()

    async def exists(self, number: int) -> bool:
        """Whether there is a batch `number`; waits until it is known."""
        async with self._changed:
            await self._changed.wait_for(lambda: number < self._known or self._ended)
            return number < self._known

    async def batch(self, number: int) -> list[Any]:
        """The reference to batch `number`, in a list; an empty list once its vectors have arrived.

        Raises:
            RuntimeError: it was fetched before, more often than workers die by chance: Ray would try it for ever.
        """
        self._fetched[number] += 1
        if self._fetched[number] > 1 + _TRIES:
            raise RuntimeError("a batch ends each worker that embeds it")
        return list(self._batches.get(number, ()))

    async def let_go(self, number: int) -> None:
        """Forget batch `number`: its vectors have arrived."""
        self._batches.pop(number, None)


class _Worker:
    """Makes its encoder once and embeds the batches whose tickets it is given.

    What an encoder says when it fails may quote a report, and Ray would log and print it: the name of the error alone leaves.
    """

    def __init__(self, make_encoder: Callable[[], Encoder], feeder: Any) -> None:
        self._feeder = feeder
        self._encoder: Encoder | None = None
        self._failed = ""
        try:
            self._encoder = make_encoder()
        except Exception as error:  # noqa: BLE001 - see above
            self._failed = type(error).__name__

    def __call__(self, tickets: Any) -> Any:
        import ray

        return _table([(number, self._embed(ray, number)) for number in tickets["number"].to_pylist()])

    def _embed(self, ray: Any, number: int) -> _Answer | str:
        """What came of a batch, or the name of what went wrong."""
        held = ray.get(self._feeder.batch.remote(number))
        images, texts = ray.get(held[0]) if held else ([], [])  # nothing held: a repeated ticket whose vectors have arrived
        if self._encoder is None:
            return self._failed
        try:
            return answer(self._encoder, images, texts)
        except Exception as error:  # noqa: BLE001 - see above
            return type(error).__name__


def answer(encoder: Encoder, images: Sequence[NDArray[np.float32]], texts: Sequence[str]) -> _Answer:
    """Vectors of a batch as the encoder gives them. A case that it refuses gets none and costs the others nothing."""
    try:
        return _asked(encoder, images, texts, {})
    except BadCase:
        refused: dict[int, str] = {}
        for place, (image, text) in enumerate(zip(images, texts, strict=True)):
            try:
                _asked(encoder, [image], [text], {})
            except BadCase as error:
                refused[place] = error.reason
        kept = [place for place in range(len(images)) if place not in refused]
        return _asked(encoder, [images[place] for place in kept], [texts[place] for place in kept], refused)


def _asked(encoder: Encoder, images: Sequence[NDArray[np.float32]], texts: Sequence[str], refused: Mapping[int, str]) -> _Answer:
    if not images:
        return _Answer(np.zeros((0, encoder.image_dimension), np.float32), np.zeros((0, encoder.text_dimension), np.float32), refused)
    return _Answer(encoder.images(images), encoder.texts(texts), refused)


def _table(answered: Sequence[tuple[int, _Answer | str]]) -> Any:
    """An Arrow table with one row a batch: bytes go through Arrow unchanged."""
    import pyarrow as pa

    nothing = _Answer(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32), {})
    made = [nothing if isinstance(one, str) else one for _, one in answered]
    return pa.table(
        {
            "number": pa.array([number for number, _ in answered], pa.int64()),
            "images": pa.array([_bytes(one.image_rows) for one in made], pa.large_binary()),
            "texts": pa.array([_bytes(one.text_rows) for one in made], pa.large_binary()),
            "shapes": [json.dumps([one.image_rows.shape, one.text_rows.shape]) for one in made],
            "refused": [json.dumps(sorted(one.refused.items())) for one in made],
            "failed": [one if isinstance(one, str) else "" for _, one in answered],
        }
    )


def _read(table: Any) -> Iterator[tuple[int, _Answer]]:
    for row in table.to_pylist():
        if row["failed"]:
            raise ClusterFailed(f"the encoder failed on a worker: {row['failed']}")
        images, texts = (
            np.frombuffer(row[name], dtype="<f4").reshape(shape)
            for name, shape in zip(("images", "texts"), json.loads(row["shapes"]), strict=True)
        )
        yield row["number"], _Answer(images, texts, dict(json.loads(row["refused"])))


def _bytes(rows: Vectors) -> bytes:
    return np.ascontiguousarray(rows, dtype="<f4").tobytes()


class _Stream:
    """One run of batches through the workers."""

    def __init__(self, ray: Any, make_encoder: Callable[[], Encoder], workers: Workers) -> None:
        self._ray = ray
        self._window = _AHEAD * workers.count
        self._feeder = ray.remote(num_cpus=0)(_Feeder).remote()
        self._dataset = _dataset(ray, self._feeder, make_encoder, workers)
        self._waiting: deque[tuple[int, Sequence[Case]]] = deque()
        self._fed = 0

    def run(self, batches: Iterable[Sequence[Case]]) -> Iterator[Embedded]:
        """One `Embedded` for each of `batches`, in their order. The batches are read here, in the caller's thread."""
        source = iter(batches)
        try:
            self._feed(source, self._window)
            for number, answered in self._answered():
                expected, batch = self._waiting.popleft()
                if number != expected:
                    raise ClusterFailed("Ray answered out of order")
                self._feeder.let_go.remote(number)
                self._feed(source, 1)
                yield embed_batch(answered, _without(batch, answered.refused))
            if self._waiting:
                raise ClusterFailed("Ray ended before every batch was embedded")
        finally:
            self._ray.kill(self._feeder)

    def _feed(self, source: Iterator[Sequence[Case]], count: int) -> None:
        batches = list(islice(source, count))
        for batch in batches:
            cases = [case for case in batch if isinstance(case, SourceCase)]
            payload = self._ray.put(([case.image for case in cases], [case.card.report for case in cases]))
            self._waiting.append((self._fed, batch))
            self._ray.get(self._feeder.put.remote(self._fed, [payload]))
            self._fed += 1
        if len(batches) < count:
            self._ray.get(self._feeder.end.remote())

    def _answered(self) -> Iterator[tuple[int, _Answer]]:
        for table in self._dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            yield from _read(table)


def _without(batch: Sequence[Case], refused: Mapping[int, str]) -> list[Case]:
    """The batch with what the encoder refused as rejected. Places count the cases that were sent."""
    places = iter(range(len(batch)))
    made: list[Case] = []
    for case in batch:
        reason = refused.get(next(places)) if isinstance(case, SourceCase) else None
        made.append(case if reason is None or isinstance(case, Rejected) else Rejected(reason, f"case key {case.card.key}"))
    return made


def _dataset(ray: Any, feeder: Any, make_encoder: Callable[[], Encoder], workers: Workers) -> Any:
    """Tickets in order, then the workers."""
    import pyarrow as pa
    from ray.data.block import BlockMetadata
    from ray.data.datasource import Datasource, ReadTask

    class Tickets(Datasource):  # type: ignore[misc, unused-ignore]
        """One task that yields the numbers of the batches as they become known. Made again, it yields the same."""

        def estimate_inmemory_data_size(self) -> int | None:
            return None

        def get_read_tasks(self, parallelism: int, per_task_row_limit: int | None = None, data_context: Any = None) -> list[Any]:
            metadata = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
            return [ReadTask(tickets, metadata, schema=pa.schema([("number", pa.int64())]))]

    def tickets() -> Iterator[Any]:
        import pyarrow as pa
        import ray

        number = 0
        while ray.get(feeder.exists.remote(number)):
            yield pa.table({"number": [number]})
            number += 1

    return ray.data.read_datasource(Tickets(), override_num_blocks=1, num_cpus=0).map_batches(
        _Worker,
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=workers.count),
        fn_constructor_args=(make_encoder, feeder),
        num_cpus=workers.cpus,
        num_gpus=workers.gpus,
    )
