"""The types that tsc checks the sidebar against are those of the models, now."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wire_types() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wire_types", ROOT / "scripts" / "wire_types.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["wire_types"] = module
    spec.loader.exec_module(module)
    return module


def test_the_types_that_are_committed_are_those_of_the_models(wire_types: ModuleType) -> None:
    assert wire_types.TARGET.read_text("utf-8") == wire_types.declarations(), "run scripts/wire_types.py and commit what it wrote"


def test_every_model_of_the_wire_has_its_type(wire_types: ModuleType) -> None:
    names = {model.__name__ for model in wire_types.models_of_the_wire()}
    assert {"ReviewView", "StudyView", "DecisionAsked", "SessionOpened", "ModelCardView", "StepEvent"} <= names
    assert {name for name in names if f"export interface {name} {{" not in wire_types.declarations()} == set()


@pytest.mark.parametrize(
    ("schema", "type_"),
    [
        ({"type": "string"}, "string"),
        ({"type": "integer"}, "number"),
        ({"$ref": "#/$defs/CardView"}, "CardView"),
        ({"const": 409, "type": "integer"}, "409"),
        ({"enum": ["a", "b"], "type": "string"}, '"a" | "b"'),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string | null"),
        ({"type": "array", "items": {"type": "string"}}, "readonly string[]"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, 'readonly ("a" | "b")[]'),
        ({"type": "array", "items": {"type": "array", "items": {"type": "number"}}}, "readonly (readonly number[])[]"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]}, "readonly [string, number]"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "Record<string, string>"),
    ],
)
def test_a_schema_has_one_type(wire_types: ModuleType, schema: dict[str, Any], type_: str) -> None:
    assert wire_types.type_of(schema) == type_


@pytest.mark.parametrize("schema", [{}, {"type": "object", "additionalProperties": True}, {"not": {}}])
def test_a_schema_of_an_unknown_form_is_no_guess(wire_types: ModuleType, schema: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        wire_types.type_of(schema)


def test_what_we_send_is_there_and_what_the_page_sends_may_be_left_out(wire_types: ModuleType) -> None:
    text = wire_types.declarations()
    assert "readonly launch?: string | null;" in text
    assert "readonly study: StudyView | null;" in text
