"""Which domains the model may read: the phantoms it is made for, and radiographs of patients only once that was measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tools.med_vlm.compact.card import Admission
from tools.med_vlm.compact.examples.store import Store
from tools.med_vlm.compact.measuring.evaluate import estimate
from tools.med_vlm.compact.measuring.measure import macro_auroc

WANTED = 0.8
"""What the lower end of the 95 % interval of the mean AUROC has to reach. At 0.8 the model ranks one in five pairs of a carrier
and another image wrongly, which is the least that was thought worth reading; a point estimate would admit a lucky sample."""

CARRIERS = 5
"""A finding with fewer carriers, or fewer others, is left out of the mean."""


def admission(logits: NDArray[np.float32], store: Store, patients: Sequence[str]) -> Admission:
    """Whether radiographs are read, from logits [n, c] of calibration patients' images; `patients` [n] says whose each is.

    Every finding weighs alike. With no finding that can be measured nothing was shown, and nothing is admitted.
    """
    known, labels = store.known == 1, store.present == 1
    enough = [
        head
        for head in range(logits.shape[1])
        if min(int((known & labels)[:, head].sum()), int((known & ~labels)[:, head].sum())) >= CARRIERS
    ]
    macro = macro_auroc(logits[:, enough], labels[:, enough], known[:, enough], patients)
    admitted = bool(enough) and macro.low >= WANTED
    return Admission(domain="radiograph", macro=estimate(macro), wanted=WANTED, admitted=admitted)
