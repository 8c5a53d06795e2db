"""The ground truth of a spec as (finding, side) pairs."""

from __future__ import annotations

from fhir.codes import FINDING, Side
from sandbox.phantoms.spec import PhantomSpec


def truth(spec: PhantomSpec) -> tuple[tuple[str, Side | None], ...]:
    """What is in the picture: (finding key, side), side None where the finding has none; in vocabulary order, without repeats.

    A tension pneumothorax is a pneumothorax of the same side too. Findings on both sides become one, "bilateral".
    """
    found: dict[str, set[Side]] = {}
    for f in spec.findings:
        for key in (f.key, "pneumothorax") if f.key == "tension_pneumothorax" else (f.key,):
            found.setdefault(key, set()).update({f.side} if f.side and FINDING[key].lateral else set())
    return tuple((key, _one_side(found[key])) for key in FINDING if key in found)


def _one_side(named: set[Side]) -> Side | None:
    if not named:
        return None
    return "bilateral" if "bilateral" in named or len(named) == 2 else next(iter(named))
