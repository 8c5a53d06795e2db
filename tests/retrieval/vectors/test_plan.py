"""The plan: a table of what is asked and how it is answered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.vectors.exact import CpuEngine
from retrieval.vectors.gpu import TorchEngine
from retrieval.vectors.near import NearNote, NearPoint
from retrieval.vectors.plan import Sought, exact_cost, plan

NOTE = NearNote(
    factory="IVF512,PQ96x4fs",
    rows=100_000,
    dimension=384,
    points=(
        NearPoint(kind="fused", limit=10, probes=16, fetch=80, recall=0.99),
        NearPoint(kind="fused", limit=64, probes=16, fetch=256, recall=0.988),
        NearPoint(kind="image", limit=10, probes=64, fetch=160, recall=0.986),
        NearPoint(kind="fused", limit=10, probes=48, fetch=40, recall=0.994, share=0.1),
        NearPoint(kind="fused", limit=64, probes=96, fetch=128, recall=0.995, share=0.1),
    ),
)
WHOLE = NOTE.model_copy(
    update={
        "points": (
            *NOTE.points,
            NearPoint(kind="fused", limit=10, probes=512, fetch=160, recall=0.998),
            NearPoint(kind="fused", limit=64, probes=512, fetch=512, recall=0.997),
        )
    }
)
ASKED = Sought(
    cases=100_000,
    base=None,
    kept=100_000,
    wanted=10,
    kind="fused",
    columns=384,
    batch=1,
    copies_fit=True,
    note=NOTE,
    rates=CpuEngine.rates,
)
ALL, KEPT, PICKED, NEAR, CODES = (
    "exact scan over all rows",
    "exact scan over kept rows",
    "exact scan over rows picked one by one",
    "approximate index",
    "codes of kept rows",
)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        pytest.param({}, NEAR, id="everything, one query"),
        pytest.param({"batch": 64}, NEAR, id="everything, many queries"),
        pytest.param({"note": None}, ALL, id="no approximate index"),
        pytest.param({"kind": "text"}, ALL, id="no setting found enough for this kind"),
        pytest.param({"wanted": 65}, ALL, id="more neighbours than it was tuned for"),
        pytest.param({"kind": "image", "wanted": 11}, ALL, id="more neighbours than it was tuned for, of an image"),
        pytest.param({"kept": 99_990}, NEAR, id="a patient's own rows dropped"),
        pytest.param({"kept": 0}, "none", id="nothing remains"),
        pytest.param({"base": 0, "kept": 0}, "none", id="the filter keeps nothing"),
        pytest.param({"base": 1_000, "kept": 990}, KEPT, id="1 %"),
        pytest.param({"base": 10_000, "kept": 9_000}, KEPT, id="10 %, one query: short"),
        pytest.param({"base": 12_000, "kept": 12_000, "batch": 64}, KEPT, id="12 %, many queries: not worth it"),
        pytest.param({"base": 30_000, "kept": 29_990}, NEAR, id="30 %"),
        pytest.param({"base": 30_000, "kept": 29_990, "kind": "image"}, KEPT, id="30 %, no setting under filters for this kind"),
        pytest.param({"base": 9_000, "kept": 9_000}, KEPT, id="less than any filter that was tried"),
        pytest.param({"base": 10_000, "kept": 9_000, "copies_fit": False, "note": None}, PICKED, id="10 %, too large to keep"),
        pytest.param({"base": 10_000, "kept": 9_900, "copies_fit": False}, NEAR, id="10 %, too large to keep, and an index"),
        pytest.param(
            {"base": 10_000, "kept": 9_000, "copies_fit": False, "note": None, "rates": TorchEngine.rates}, ALL, id="10 %, on a GPU"
        ),
        pytest.param({"base": 90_000, "kept": 90_000}, NEAR, id="90 %"),
        pytest.param({"base": 90_000, "kept": 90_000, "note": None}, ALL, id="90 % without an index"),
        pytest.param({"base": 45_000, "kept": 45_000, "note": None, "copies_fit": False}, ALL, id="45 % too large to keep"),
        pytest.param({"cases": 3_000, "kept": 3_000}, ALL, id="a scan is short"),
        pytest.param({"note": WHOLE}, NEAR, id="without a filter all codes are too many"),
        pytest.param({"note": WHOLE, "base": 30_000, "kept": 30_000}, CODES, id="30 %, all codes"),
        pytest.param({"note": WHOLE, "base": 20_000, "kept": 20_000}, CODES, id="20 %, all codes"),
        pytest.param({"note": WHOLE, "base": 10_000, "kept": 10_000}, KEPT, id="10 %, all codes, but an exact scan is short"),
        pytest.param({"note": WHOLE, "base": 30_000, "kept": 30_000, "kind": "image"}, KEPT, id="30 %, no such setting for this kind"),
        pytest.param({"note": WHOLE, "base": 30_000, "kept": 30_000, "wanted": 65}, KEPT, id="30 %, more neighbours than were tried"),
        pytest.param({"note": WHOLE, "whole": True}, NEAR, id="all codes wanted, without a filter"),
        pytest.param({"note": NOTE, "base": 30_000, "kept": 30_000, "whole": True}, NEAR, id="all codes wanted, and never tried"),
    ],
)
def test_how_a_query_is_answered(changes: dict[str, object], name: str) -> None:
    chosen = plan(replace(ASKED, **changes))  # type: ignore[arg-type]
    assert chosen.name == name
    assert f"{changes.get('kept', 100_000)} of {changes.get('cases', 100_000)} cases remain" in chosen.reason


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({}, 10),
        ({"kept": 99_990}, 10),
        ({"base": 99_000, "kept": 98_000}, 10),
        ({"base": 30_000, "kept": 29_990}, 10),
        ({"base": 60_000, "kept": 20_000}, 64),
        ({"wanted": 11}, 64),
        ({"base": 60_000, "kept": 60_000}, 10),
        ({"kept": 50_000}, 64),
    ],
)
def test_the_fewer_rows_may_be_found_the_more_are_looked_at(changes: dict[str, int], limit: int) -> None:
    point = plan(replace(ASKED, **changes)).point  # type: ignore[arg-type]
    assert point is not None
    assert point.limit == limit


def test_an_approximate_answer_says_what_was_measured() -> None:
    reason = plan(ASKED).reason
    assert "99.0% of the nearest 10 were found" in reason
    assert "held-out fused queries" in reason


def test_under_a_filter_an_approximate_answer_says_what_was_measured_under_filters() -> None:
    chosen = plan(replace(ASKED, base=30_000, kept=30_000))
    assert "under filters that kept 10%" in chosen.reason
    assert "99.0% of the nearest 10 were found" in chosen.reason, "the lesser of what was found under filters and without"
    assert (chosen.point.probes, chosen.point.fetch) == (48, 80) if chosen.point else False


@given(
    base=st.none() | st.integers(0, 100_000),
    kept=st.integers(0, 100_000),
    limit=st.integers(1, 500),
    batch=st.integers(1, 1_000),
    fits=st.booleans(),
)
def test_an_approximate_answer_is_never_planned_where_an_exact_one_is_short(
    base: int | None, kept: int, limit: int, batch: int, fits: bool
) -> None:
    sought = replace(ASKED, base=base, kept=min(kept, 100_000 if base is None else base), wanted=limit, batch=batch, copies_fit=fits)
    chosen, exact = plan(sought), plan(replace(sought, note=None))
    if chosen.name == NEAR:
        assert exact_cost(sought, exact.name) * batch >= 2_000
    else:
        assert chosen == exact


@pytest.mark.parametrize(("share", "name"), [(0.02, CODES), (0.1, CODES), (0.6, NEAR), (0.9, NEAR)])
def test_of_a_million_rows_lists_are_looked_at_where_a_filter_keeps_many(share: float, name: str) -> None:
    note = WHOLE.model_copy(update={"factory": "IVF2048,PQ96x4fs", "rows": 1_000_000})
    whole = tuple(one.model_copy(update={"probes": 2_048}) if one.probes == 512 else one for one in note.points)
    kept = round(share * 1_000_000)
    sought = replace(ASKED, cases=1_000_000, base=kept, kept=kept, note=note.model_copy(update={"points": whole}))
    assert plan(sought).name == name
    assert plan(replace(sought, whole=True)).name == CODES


def test_a_plan_is_that_of_its_own_library() -> None:
    """Plans are remembered: equal counts under another note or other rates are another question."""
    slow = replace(CpuEngine.rates, read=33.0, multiply=3.0)
    sought = replace(ASKED, base=10_000, kept=10_000)
    assert [plan(replace(sought, **other)).name for other in ({}, {"note": WHOLE, "rates": slow}, {"note": None}, {})] == [  # type: ignore[arg-type]
        KEPT,
        CODES,
        KEPT,
        KEPT,
    ]


def test_many_queries_together_cost_less_each() -> None:
    assert exact_cost(replace(ASKED, batch=64), ALL) < exact_cost(ASKED, ALL) / 10
