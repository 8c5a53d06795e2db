"""From a trained network to what ships: the rounded network, its gates, its calibration and the sentences to draft from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.compact.card import Admission
from tools.med_vlm.compact.examples.store import Store, picked, spread_sample
from tools.med_vlm.compact.files import Calibration, DomainCalibration
from tools.med_vlm.compact.fitting.admission import admission
from tools.med_vlm.compact.fitting.sentence_bank import sentence_bank
from tools.med_vlm.compact.heads import KEYS, LATERAL
from tools.med_vlm.compact.measuring import evaluate
from tools.med_vlm.compact.minilm import SentenceCache, centred_unit
from tools.med_vlm.compact.network import CompactNet, Output
from tools.med_vlm.compact.reading import ood
from tools.med_vlm.compact.reading.calibration import FindingCalibration, fit_finding
from tools.med_vlm.compact.reading.drafting import BankSentence
from tools.med_vlm.compact.training.loop import outputs_of
from tools.med_vlm.compact.weights import NOTHING, Parts, gate_units, rounded, stored_shape

F32 = NDArray[np.float32]

VERSION = "0.3.0"

PASSED = 0.99
"""Share of images like the calibration's that a gate lets pass. What is strange lies at 1.6 times its threshold and more (measured)."""

GATED = 3000
"""Training images whose texture the gate learns: enough for its 96 axes."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model ready to be written."""

    parts: Parts
    calibration: Calibration
    admissions: tuple[Admission, ...]


def calibrate(output: Output, store: Store) -> tuple[FindingCalibration, ...]:
    """Fit every head on the frontal examples of a calibration set that know the finding."""
    return tuple(_calibrated(head, key, output, store) for head, key in enumerate(KEYS))


def _calibrated(head: int, key: str, output: Output, store: Store) -> FindingCalibration:
    rows = evaluate.frontal(store) & (store.known[:, head] == 1)
    truth, sided = evaluate.half_labels(store, head, rows)
    halves = output.halves[rows][:, head].numpy()[sided].reshape(-1)
    labels = truth.reshape(-1) if LATERAL[head] and truth.any() else None
    return fit_finding(key, output.logits[rows][:, head].numpy(), store.present[rows, head] == 1, halves, labels)


def fit_gate(train_output: Output, output: Output, store: Store) -> ood.Gate:
    """The out-of-distribution gate of a domain from training answers, its threshold on the frontal calibration examples."""
    return ood.fit(train_output.texture.numpy(), output.texture.numpy()[evaluate.frontal(store)], PASSED)


def fit(
    trained: CompactNet, stores: Mapping[str, Store], centre: F32, *, reports: Sequence[str], patients: Sequence[str], seed: int
) -> Fitted:
    """Fit everything beside the weights, on the network as it will be shipped.

    `stores` are the sets by name; `reports` names the training reports, `patients` those of the calibration radiographs, if any.
    """
    net = rounded(trained)
    some = picked(stores["train"], spread_sample(len(stores["train"]), GATED, seed))
    drawn = outputs_of(net, stores["calibration"])
    gate = fit_gate(outputs_of(net, some), drawn, stores["calibration"])
    sentences = sentence_bank(list(zip(reports, stores["train"].sentences, strict=True)))
    taken, admitted = _radiographs(net, stores, patients) if patients else (None, ())
    calibration = Calibration(
        name="compact",
        version=VERSION,
        shape=stored_shape(net.shape),
        gate=gate_units(gate),
        findings=calibrate(drawn, stores["calibration"]),
        localised=_localised(drawn, stores["calibration"]),
        radiographs=taken[1] if taken else None,
        drafting=sentences,
    )
    parts = Parts(net, gate, centre, taken[0] if taken else None, sentence_vectors(sentences, centre))
    return Fitted(parts, calibration, admitted)


def sentence_vectors(sentences: Sequence[BankSentence], centre: F32) -> F32:
    """Unit vectors [n, 384] of the sentences in the image's space, rounded as they ship."""
    if not sentences:
        return NOTHING
    means = SentenceCache().mean_vectors([(one.text,) for one in sentences])
    return centred_unit(means, centre).astype(np.float16).astype(np.float32)


def _localised(output: Output, store: Store) -> tuple[str, ...]:
    rows = evaluate.frontal(store)
    return tuple(key for head, key in enumerate(KEYS) if evaluate.trusted(*evaluate.measure_pointing(output, store, head, rows)))


def _radiographs(
    net: CompactNet, stores: Mapping[str, Store], patients: Sequence[str]
) -> tuple[tuple[ood.Gate, DomainCalibration] | None, tuple[Admission, ...]]:
    """Gate and calibration of the radiographs where the measurement on calibration patients admits them."""
    store = stores["radiographs-calibration"]
    output = outputs_of(net, store)
    measured = admission(output.logits.numpy(), store, patients)
    if not measured.admitted:
        return None, (measured,)
    gate = fit_gate(outputs_of(net, stores["radiographs-train"]), output, store)
    return (gate, DomainCalibration(gate=gate_units(gate), findings=calibrate(output, store))), (measured,)
