"""How well drafted sentences fit the held-out phantoms they were drafted for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tools.med_vlm.compact.card import DraftingMeasured
from tools.med_vlm.compact.examples.store import LEFT, RIGHT, Store
from tools.med_vlm.compact.files import Calibration
from tools.med_vlm.compact.heads import KEYS
from tools.med_vlm.compact.measuring import evaluate
from tools.med_vlm.compact.measuring.measure import proportion
from tools.med_vlm.compact.network import Output
from tools.med_vlm.compact.reading.drafting import Bank, BankSentence, Stated
from tools.med_vlm.compact.reading.gates import Gates
from tools.med_vlm.compact.reading.statements import finding_readings
from tools.med_vlm.compact.weights import Parts

SIDES: Mapping[int, str | None] = {0: None, RIGHT: "right", LEFT: "left", RIGHT | LEFT: "bilateral"}


def measure_drafting(parts: Parts, calibration: Calibration, output: Output, store: Store, train: Store) -> DraftingMeasured:
    """Draft for every frontal image of `store` that is read, and hold the sentences against the truth.

    Agreement is of every finding a sentence speaks of, with its side; the micro F1 is of the findings stated as present, of the
    drafts alone, so what no sentence could be found for counts as missed.
    """
    bank, judged = Bank(calibration.drafting, parts.drafting), Gates(parts, calibration).judge(output)
    by_source = {one.source: one for one in bank.sentences}
    rows = [int(row) for row in np.flatnonzero(evaluate.frontal(store)) if not judged[row].reason]
    said: list[list[BankSentence]] = []
    called = 0
    for row in rows:
        findings = finding_readings(output, row, judged[row].findings)
        called += sum(one.presence == "present" for one in findings)
        drafted = bank.draft(output.embedding[row].numpy(), findings)
        said.append([by_source[one.source] for one in drafted if one.source])
    truths = [{key for head, key in enumerate(KEYS) if store.present[row, head]} for row in rows]
    right = [all(_true(stated, store, row) for stated in one.states) for row, each in zip(rows, said, strict=True) for one in each]
    stated = [_present(each) for each in said]
    drawn = np.random.default_rng(0).integers(0, len(train), len(rows))
    random = [{key for head, key in enumerate(KEYS) if train.present[row, head]} for row in drawn]
    return DraftingMeasured(
        bank=len(bank.sentences),
        drafted=len(right),
        agreeing=evaluate.estimate(proportion(sum(right), len(right))),
        micro_f1=round(micro_f1(stated, truths), 4),
        random_f1=round(micro_f1(random, truths), 4),
        covered=round(sum(map(len, stated)) / max(1, called), 4),
        total=len(rows),
    )


def _present(sentences: Iterable[BankSentence]) -> set[str]:
    return {stated.key for one in sentences for stated in one.states if stated.presence == "present"}


def _true(stated: Stated, store: Store, row: int) -> bool:
    head = KEYS.index(stated.key)
    present = bool(store.present[row, head])
    if stated.presence == "absent":
        return not present
    return present and stated.side in (None, SIDES[int(store.sides[row, head])])


def micro_f1(said: Sequence[set[str]], truths: Sequence[set[str]]) -> float:
    """F1 over all pairs of image and finding; 0 where nothing is said or nothing is true."""
    hits = sum(len(one & truth) for one, truth in zip(said, truths, strict=True))
    both = sum(map(len, said)) + sum(map(len, truths))
    return 2 * hits / both if both else 0.0
