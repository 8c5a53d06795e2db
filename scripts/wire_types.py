"""TypeScript types of everything that goes over HTTP, for tsc at a desk: `python scripts/wire_types.py` writes `static/wire.d.ts`.

Made from the JSON Schema of the models in `sidenote/web/wire/`: what a page sends (`…Asked`) as it is taken, the rest as it is sent.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import sidenote.web.wire

TARGET = Path(__file__).resolve().parents[1] / "sidenote" / "web" / "static" / "wire.d.ts"
HEAD = "// Made by scripts/wire_types.py from the models in sidenote/web/wire/. Change those, and run it again. Never served.\n"
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}

Schema = Mapping[str, Any]


def models_of_the_wire() -> Iterator[type[BaseModel]]:
    """Every model of the package, in the order of modules by name and of definitions within them."""
    for module in _modules():
        yield from (
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, BaseModel) and value.__module__ == module.__name__
        )


def choices_of_the_wire() -> Iterator[tuple[str, tuple[object, ...]]]:
    """Every `Literal` that has a name in the package, with its values."""
    for module in _modules():
        yield from ((name, get_args(value)) for name, value in vars(module).items() if get_origin(value) is Literal)


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(sidenote.web.wire.__path__):
        yield importlib.import_module(f"{sidenote.web.wire.__name__}.{found.name}")


def _is_sent_by_the_page(name: str) -> bool:
    return name.endswith("Asked")


def _mode(model: type[BaseModel]) -> Literal["validation", "serialization"]:
    return "validation" if _is_sent_by_the_page(model.__name__) else "serialization"


def type_of(schema: Schema) -> str:
    """The TypeScript type of one JSON Schema.

    Raises:
        TypeError: it has a form that no model of the wire has had so far.
    """
    for key, write in _FORMS.items():
        if key in schema:
            return write(schema[key])
    match schema:
        case {"type": "array", "prefixItems": [*items]}:
            return f"readonly [{', '.join(map(type_of, items))}]"
        case {"type": "array", "items": dict(items)}:
            item = type_of(items)
            return f"readonly ({item})[]" if "|" in item or item.startswith("readonly") else f"readonly {item}[]"
        case {"type": "object", "additionalProperties": dict(values)}:
            return f"Record<string, {type_of(values)}>"
        case {"type": str(name)} if name in _PLAIN:
            return _PLAIN[name]
    raise TypeError(f"no TypeScript type is known for {sorted(schema)}")


_FORMS: dict[str, Callable[[Any], str]] = {
    "$ref": lambda reference: str(reference).rpartition("/")[2],
    "const": json.dumps,
    "enum": lambda values: " | ".join(map(json.dumps, values)),
    "anyOf": lambda schemas: " | ".join(dict.fromkeys(map(type_of, schemas))),
}


def _interface(name: str, schema: Schema) -> Iterator[str]:
    if "description" in schema:
        yield f"/** {schema['description'].partition(chr(10) * 2)[0].replace(chr(10), ' ')} */"
    yield f"export interface {name} {{"
    fields = schema.get("properties", {})
    needed = schema.get("required", ()) if _is_sent_by_the_page(name) else fields  # what we send is sent whole, defaults and all
    for field, one in fields.items():
        yield f"  readonly {field}{'' if field in needed else '?'}: {type_of(one)};"
    yield "}"


def declarations() -> str:
    """The text of `wire.d.ts`, the same for the same models."""
    models = tuple(models_of_the_wire())
    _, whole = models_json_schema([(model, _mode(model)) for model in models])
    schemas: dict[str, Schema] = whole["$defs"]
    own = [model.__name__ for model in models]
    names = [*own, *sorted(set(schemas) - set(own))]
    choices = (f"export type {name} = {type_of({'enum': values})};\n" for name, values in dict(choices_of_the_wire()).items())
    return "\n".join([HEAD, *choices, *("\n".join(_interface(name, schemas[name])) + "\n" for name in names)])


def main() -> int:
    """Write the file, and return the exit code."""
    TARGET.write_text(declarations(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
