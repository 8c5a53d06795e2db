"""The compact model as a `Reader`: one frontal chest image in, a reading or an abstention out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.compact.calibration import FindingCalibration
from tools.med_vlm.compact.example import VIEWS
from tools.med_vlm.compact.files import SHIPPED, WEIGHTS, Calibration, load_calibration, verify
from tools.med_vlm.compact.narrative import narrative
from tools.med_vlm.errors import ImageRefused
from tools.med_vlm.reading import FindingReading, Reading

if TYPE_CHECKING:
    from retrieval.encoders.forms import Chosen
    from tools.med_vlm.compact.card import Card
    from tools.med_vlm.compact.network import Output
    from tools.med_vlm.compact.preprocess import Frame
    from tools.med_vlm.compact.weights import Parts

F32 = NDArray[np.float32]

NOT_SCORED = -1.0
"""The distance of an image that was refused before it reached the network."""

BATCH = 32


class CompactReader:
    """Implements `tools.med_vlm.reading.Reader`. Make one with `load_compact`; safe to share between threads."""

    def __init__(self, parts: Parts, calibration: Calibration, card: Card, *, many: bool = False) -> None:
        from tools.med_vlm.compact.minilm import SentenceCache

        self.name = f"{calibration.name} {calibration.version}"
        self.fingerprint = card.files[WEIGHTS].sha256
        self.card = card
        self._parts, self._calibration = parts, calibration
        self.sentences = SentenceCache(many=many)
        self._many = many

    def read(self, image: F32) -> Reading:
        """Read `image` [rows, columns], 0 (air) .. 1; abstains on what it cannot or should not read, never raises for content."""
        from tools.med_vlm.compact.preprocess import Frame, prepare, problem

        refused = problem(image)
        if refused:
            return self._abstain(refused, NOT_SCORED, None)
        output = self._forward(prepare(image, self._parts.net.shape.size)[None])
        score = float(self._parts.gate.score(output.embedding.numpy(), output.texture.numpy())[0])
        view = VIEWS[int(output.view[0].argmax())]
        if score > self._parts.gate.threshold:
            return self._abstain("the image is unlike those the model was validated on", score, view)
        if view == "LATERAL":
            return self._abstain("a lateral view; the model reads frontal radiographs only", score, view)
        findings = self._findings(output, Frame(*image.shape))
        return self._reading(abstained=False, reason="", score=score, view=view, findings=findings)

    def embed(self, images: Sequence[F32]) -> F32:
        """Image embeddings [n, 384], unit length, in the space of `embed_texts`.

        Raises:
            ImageRefused: an array is no readable image; the message names its position, not its content.
        """
        from tools.med_vlm.compact.preprocess import prepare, problem

        made: list[F32] = []
        for start in range(0, len(images), BATCH):
            part = images[start : start + BATCH]
            for position, image in enumerate(part, start):
                if refused := problem(image):
                    raise ImageRefused(f"number {position}: {refused}")
            import torch

            batch = torch.stack([prepare(image, self._parts.net.shape.size) for image in part])
            made.append(self.embedder.forward(batch))
        return np.concatenate(made) if made else np.zeros((0, 384), dtype=np.float32)

    @cached_property
    def embedder(self) -> Chosen:
        """The network that `embed` runs, and its form."""
        from tools.med_vlm.compact.embedder import embedder

        return embedder(self._parts.net, many=self._many)

    def embed_texts(self, texts: Sequence[str]) -> F32:
        """Report embeddings [n, 384], unit length (zeros for an empty text), in the space of `embed`.

        Raises:
            EncoderMissing: the packaged text model is not complete.
        """
        from tools.med_vlm.compact.minilm import centred_unit, sentences

        means = self.sentences.mean_vectors([sentences(text) for text in texts])
        return centred_unit(means, self._parts.text_centre)

    def scores(self, image: F32) -> tuple[dict[str, float], float]:
        """Calibrated probabilities by finding and the out-of-distribution score, abstention ignored: for measuring only.

        Raises:
            ImageRefused: the array is not two-dimensional or holds no finite values.
        """
        from tools.med_vlm.compact.preprocess import prepare

        if image.ndim != 2 or not bool(np.isfinite(image).all()):
            raise ImageRefused("not a two-dimensional array of finite numbers")
        output = self._forward(prepare(image, self._parts.net.shape.size)[None])
        score = float(self._parts.gate.score(output.embedding.numpy(), output.texture.numpy())[0])
        logits = output.logits[0].numpy()
        return {one.key: _probability(one, logits[head]) for head, one in enumerate(self._calibration.findings)}, score

    def _forward(self, batch: object) -> Output:
        import torch

        with torch.inference_mode():
            output: Output = self._parts.net(batch)
        return output

    def _findings(self, output: Output, frame: Frame) -> tuple[FindingReading, ...]:
        cells = output.cells[0].sigmoid().numpy()
        logits, halves = output.logits[0].numpy(), output.halves[0].numpy()
        rows = enumerate(self._calibration.findings)
        return tuple(self._finding(one, float(logits[head]), halves[head], cells[head], frame) for head, one in rows)

    def _finding(self, one: FindingCalibration, logit: float, halves: F32, cells: F32, frame: Frame) -> FindingReading:
        from tools.med_vlm.compact.localise import heat_map, region

        probability = _probability(one, logit)
        presence = one.presence(probability)
        shown = one.key in self._calibration.localised and presence != "absent"
        return FindingReading(
            key=one.key,
            presence=presence,
            probability=probability,
            side=None if presence == "absent" else one.which_side(float(halves[0]), float(halves[1])),
            region=region(cells, frame) if shown and presence == "present" else None,
            heat_map=heat_map(cells, frame) if shown else None,
        )

    def _abstain(self, reason: str, score: float, view: str | None) -> Reading:
        return self._reading(abstained=True, reason=reason, score=score, view=view, findings=())

    def _reading(self, *, abstained: bool, reason: str, score: float, view: str | None, findings: tuple[FindingReading, ...]) -> Reading:
        return Reading(
            model=self.name,
            fingerprint=self.fingerprint,
            abstained=abstained,
            reason=reason,
            ood_score=score,
            ood_threshold=self._calibration.gate.threshold,
            view=view,
            findings=findings,
            narrative=narrative(findings),
        )


def _probability(one: FindingCalibration, logit: float) -> float:
    return float(one.scaling.probability(np.array(logit, dtype=np.float64)))


def load_compact(folder: Path | None = None, *, many: bool = False) -> CompactReader:
    """Load the compact model from `folder`, or the one that ships; every file is checked against its card first.

    With `many`, embedding takes the fastest form that keeps its vectors (`retrieval.encoders.forms`), which pays from a few
    hundred cases on. Reading is exact either way.

    Raises:
        ModelMissing: a file is not there.
        ModelFilesChanged: a file is not the one the card describes.
    """
    place = SHIPPED if folder is None else folder
    card = verify(place)
    from tools.med_vlm.compact.weights import load

    calibration = load_calibration(place)
    return CompactReader(load(place, calibration), calibration, card, many=many)
