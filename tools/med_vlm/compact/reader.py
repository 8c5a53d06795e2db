"""The compact model as a `Reader`: one frontal chest image in, a reading or an abstention out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.asked import Asked
from tools.med_vlm.asking.quality import quality
from tools.med_vlm.asking.technique import technique
from tools.med_vlm.compact.files import CALIBRATION, SHIPPED, WEIGHTS, Calibration, load_calibration, verify
from tools.med_vlm.compact.heads import VIEWS
from tools.med_vlm.compact.reading.drafting import Bank
from tools.med_vlm.compact.reading.narrative import narrative
from tools.med_vlm.errors import ImageRefused
from tools.med_vlm.profile import Profile
from tools.med_vlm.reading import FindingReading, Reading, Sentence

if TYPE_CHECKING:
    from retrieval.encoders.forms import Chosen
    from tools.med_vlm.compact.card import Card
    from tools.med_vlm.compact.network import Output
    from tools.med_vlm.compact.reading.gates import Judged
    from tools.med_vlm.compact.weights import Parts

F32 = NDArray[np.float32]

NOT_SCORED = -1.0
"""The distance of an image that was refused before it reached the network."""

BATCH = 32


class CompactReader:
    """Implements `tools.med_vlm.reading.Reader`. Make one with `load_compact`; safe to share between threads."""

    def __init__(self, parts: Parts, calibration: Calibration, card: Card, *, many: bool = False) -> None:
        from tools.med_vlm.compact.minilm import SentenceCache
        from tools.med_vlm.compact.reading.gates import Gates

        self.name = f"{calibration.name} {calibration.version}"
        self.weights = card.files[WEIGHTS].sha256
        told = f"compact-reader-1:{self.weights}:{card.files[CALIBRATION].sha256}"  # both move what is answered
        self.fingerprint = hashlib.sha256(told.encode()).hexdigest()
        self.card = card
        self.profile = Profile(role="classifier", licence=card.licence)
        self._parts, self._calibration = parts, calibration
        self._gates, self._bank = Gates(parts, calibration), Bank(calibration.drafting, parts.drafting)
        self.sentences = SentenceCache(many=many)
        self._many = many

    def read(self, asked: Asked) -> Reading:
        """Read the focal image; abstains on what it cannot or should not read, never raises for content."""
        from tools.med_vlm.compact.preprocess import Frame, prepare, problem
        from tools.med_vlm.compact.reading.statements import finding_readings

        image = asked.focal.pixels
        refused = problem(image)
        if refused:
            return self._abstain(refused, None, None)
        output = self._forward(prepare(image, self._parts.net.shape.size)[None])
        (judged,) = self._gates.judge(output)
        view = VIEWS[int(output.view[0].argmax())]
        if judged.reason:
            return self._abstain(judged.reason, judged, view)
        if view == "LATERAL":
            return self._abstain("a lateral view; the model reads frontal radiographs only", judged, view)
        findings = finding_readings(output, 0, judged.findings, Frame(*image.shape), judged.localised)
        drafted = self._bank.draft(output.embedding[0].numpy(), findings)
        read = self._reading("", judged, view, findings, narrative(findings, drafted))
        return read.model_copy(update={"technique": technique((asked.focal,)), "quality": quality(image)})

    def probabilities(self, asked: Asked) -> Mapping[str, float]:
        """Calibrated probabilities by finding, nothing gated.

        Raises:
            ImageRefused: the array is not two-dimensional or holds no finite values.
        """
        return self.scores(asked.focal.pixels)[0]

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
        from tools.med_vlm.compact.reading.statements import probabilities

        output = self._measured(image)
        (judged,) = self._gates.judge(output)
        return probabilities(output, 0, judged.findings), judged.score

    def measured(self, image: F32) -> tuple[dict[str, float], str]:
        """Calibrated probabilities by finding and the view, abstention ignored: for measuring only.

        Raises:
            ImageRefused: the array is not two-dimensional or holds no finite values.
        """
        from tools.med_vlm.compact.reading.statements import probabilities

        output = self._measured(image)
        (judged,) = self._gates.judge(output)
        return probabilities(output, 0, judged.findings), VIEWS[int(output.view[0].argmax())]

    def _measured(self, image: F32) -> Output:
        from tools.med_vlm.compact.preprocess import prepare

        if image.ndim != 2 or not bool(np.isfinite(image).all()):
            raise ImageRefused("not a two-dimensional array of finite numbers")
        return self._forward(prepare(image, self._parts.net.shape.size)[None])

    def _forward(self, batch: object) -> Output:
        import torch

        with torch.inference_mode():
            output: Output = self._parts.net(batch)
        return output

    def _abstain(self, reason: str, judged: Judged | None, view: str | None) -> Reading:
        return self._reading(reason, judged, view, (), ())

    def _reading(
        self, reason: str, judged: Judged | None, view: str | None, findings: tuple[FindingReading, ...], said: tuple[Sentence, ...]
    ) -> Reading:
        return Reading(
            model=self.name,
            fingerprint=self.fingerprint,
            abstained=bool(reason),
            reason=reason,
            ood_score=judged.score if judged else NOT_SCORED,
            ood_threshold=judged.threshold if judged else self._calibration.gate.threshold,
            view=view,
            calibrated=True,
            findings=findings,
            narrative=said,
        )


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
