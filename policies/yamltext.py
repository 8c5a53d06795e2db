"""Strict YAML for data that people write: rules and guidance.

Stricter than `yaml.safe_load`: no key twice, no tags, no anchors or aliases (they can expand without bound), a size
limit, and plain scalars keep FHIR's forms: a date stays text, and only `true` and `false` are booleans.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any, ClassVar

import yaml

from policies.errors import RuleUnreadable

_MAX_BYTES = 262_144
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _StrictLoader(_Base):  # type: ignore[misc]  # the base is chosen at run time: libyaml's loader where it is built
    """A safe loader that refuses duplicate keys and resolves fewer plain scalars."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping, refusing a key that stands twice or is no text."""
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = key_node.value
            if not isinstance(key, str) or not isinstance(key_node, yaml.ScalarNode):
                raise _Refused("a key that is not text", node)
            if key in seen:
                raise _Refused(f"key {key!r} given twice", key_node)
            seen.add(key)
        built: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        return built


class _Refused(Exception):
    def __init__(self, what: str, node: yaml.Node | yaml.Event) -> None:
        line = f" (line {node.start_mark.line + 1})" if node.start_mark is not None else ""
        super().__init__(f"{what}{line}")


_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^-?[0-9]+\.[0-9]+$"), list("-0123456789"))
_StrictLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:null|~|)$"), ["n", "~", ""])


def read_yaml(text: bytes, name: str) -> dict[str, Any]:
    """Read one YAML mapping. `name` names the file in messages.

    Raises:
        RuleUnreadable: not plain YAML, a key twice, a tag, an anchor or alias, more than 256 KiB, or no mapping.
    """
    if len(text) > _MAX_BYTES:
        raise RuleUnreadable(f"{name}: larger than {_MAX_BYTES} bytes")
    try:
        _check_events(text)
        value = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a subclass of the safe loader
    except _Refused as error:
        raise RuleUnreadable(f"{name}: {error}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1})" if mark is not None else ""
        raise RuleUnreadable(f"{name}: not plain YAML{where}") from error
    if not isinstance(value, dict):
        raise RuleUnreadable(f"{name}: not a mapping")
    return value


def _check_events(text: bytes) -> None:
    for event in yaml.parse(text, Loader=_Base):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _Refused("anchors and aliases are not allowed", event)
        if getattr(event, "tag", None) is not None:
            raise _Refused("tags are not allowed", event)
