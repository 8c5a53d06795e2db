"""Every error class of every errors.py: a code of its own, a word on retrying, a docstring, and its place in the tree above it."""

from __future__ import annotations

import ast
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from sidenote.problems import Coded, problem

ROOT = Path(__file__).parent.parent
FOLDERS = ("fhir", "retrieval", "policies", "tools", "agent", "evaluation", "sidenote", "sandbox")
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for folder in FOLDERS for path in (ROOT / folder).rglob("errors.py")
)
_BRANCH = re.compile(r"^(?P<indent> *)(?P<name>[A-Z]\w+)(?:$| {2,}\S)")
"""A line of a tree: a class name alone, or followed by two spaces and what it means."""
_NAMED = re.compile(r"\b(\w+(?:\.\w+)*\.errors)\.([A-Z]\w+)")


def errors_of(module: ModuleType) -> list[type[Exception]]:
    return [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, Exception) and each.__module__ == module.__name__
    ]


ERRORS = [error for name in MODULES for error in errors_of(import_module(name))]
each_error = pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{error.__module__}.{error.__name__}")
each_module = pytest.mark.parametrize("name", MODULES)


def tree(docstring: str) -> Iterator[tuple[str, str | None]]:
    """The classes an indented tree names, each with the one it stands under."""
    above: list[tuple[int, str]] = []
    for line in docstring.splitlines()[1:]:
        branch = _BRANCH.match(line)
        if branch is None:
            continue
        indent = len(branch["indent"])
        above = [one for one in above if one[0] < indent]
        yield branch["name"], above[-1][1] if above else None
        above.append((indent, branch["name"]))


@each_module
def test_the_tree_of_the_docstring_is_the_tree_of_the_classes(name: str) -> None:
    module = import_module(name)
    own = errors_of(module)
    real = {error.__name__: error.__base__.__name__ if error.__base__ in own else None for error in own if error.__base__}
    assert dict(tree(module.__doc__ or "")) == real


@each_error
def test_an_error_has_a_code_of_its_own_and_says_in_a_sentence_what_it_is(error: type[Exception]) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", vars(error)["code"]), "no code of its own, or one of another style"
    assert (vars(error).get("__doc__") or "").split("\n")[0].endswith((".", ":")), "no sentence of its own, which is a problem's title"


@each_error
def test_an_error_says_whether_trying_again_can_help(error: type[Exception]) -> None:
    assert type(error.__dict__.get("retryable", getattr(error, "retryable", None))) is bool


def test_no_two_errors_of_the_product_have_one_code() -> None:
    assert [code for code, count in Counter(vars(error).get("code") for error in ERRORS).items() if count > 1] == []


def test_only_what_may_pass_by_itself_is_retryable() -> None:
    retryable = {f"{error.__module__}.{error.__name__}" for error in ERRORS if getattr(error, "retryable", None)}
    assert retryable == {
        "fhir.errors.BreakerOpen",
        "fhir.errors.DeadlinePassed",
        "fhir.errors.KeysUnavailable",
        "fhir.errors.Overloaded",
        "fhir.errors.Unreachable",
        "retrieval.errors.ClusterFailed",
        "retrieval.errors.CardsUnreachable",
        "retrieval.errors.IndexBusy",
        "retrieval.errors.IndexUnreachable",
        "sidenote.decisions.errors.DecisionsUnusable",
        "retrieval.errors.StorageFailed",
        "tools.med_vlm.errors.ModelOutOfMemory",
        "tools.med_vlm.errors.ModelServerBusy",
        "tools.med_vlm.errors.ModelServerResting",
        "tools.med_vlm.errors.ModelServerUnreachable",
        "tools.med_vlm.errors.ModelTimedOut",
        "sidenote.audit.errors.AuditDown",
        "sidenote.web.errors.BodySlow",
        "sidenote.web.errors.ReviewRunning",
        "sidenote.web.errors.TooManySessions",
        "tools.med_vlm.errors.TrainingBusy",
    }


@each_error
def test_an_error_becomes_a_problem_document(error: type[Exception]) -> None:
    made = of_texts(error)
    assert isinstance(made, Coded)
    document = problem(made, "case-1")
    assert document["type"] == f"urn:sidenote:problem:{vars(error)['code']}"
    assert document["retryable"] is made.retryable
    assert document["detail"]


def of_texts(error: type[Exception]) -> Exception:
    """The error with a text for everything its constructor asks for."""
    if error.__init__ in (Exception.__init__, ValueError.__init__):
        return error("what is wrong")
    asked = list(inspect.signature(error).parameters.values())
    by_name = {one.name: "x" for one in asked if one.kind is one.KEYWORD_ONLY}
    return error(*("x" for one in asked if one.kind is one.POSITIONAL_OR_KEYWORD), **by_name)


def test_every_coded_error_stands_in_an_errors_file() -> None:
    outside = [path for path in product() if path.name != "errors.py" and any(map(is_coded, ast.walk(ast.parse(path.read_text("utf-8")))))]
    said = ["sidenote/problems.py", "sidenote/web/wire/decide.py", "sidenote/web/wire/session.py"]
    assert [str(path.relative_to(ROOT)) for path in outside] == said, "the protocol, and problem documents: no error"


def is_coded(node: ast.AST) -> bool:
    """Whether it is a class that carries a code and a word on retrying, or is derived from one that does."""
    if not isinstance(node, ast.ClassDef):
        return False
    fields = [
        one.target if isinstance(one, ast.AnnAssign) else one.targets[0] for one in node.body if isinstance(one, ast.AnnAssign | ast.Assign)
    ]
    own = {field.id for field in fields if isinstance(field, ast.Name)}
    return {"code", "retryable"} <= own or not {error.__name__ for error in ERRORS}.isdisjoint(map(ast.unparse, node.bases))


def test_every_error_a_docstring_names_with_its_module_exists() -> None:
    named = {found.groups() for path in product() for found in _NAMED.finditer(path.read_text("utf-8"))}
    assert len(named) >= 5
    assert [f"{module}.{name}" for module, name in named if not hasattr(import_module(module), name)] == []


def product() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize(
    ("docstring", "expected"),
    [
        (
            "Title.\n\nBase\n  Child    says so\n    Leaf  and so\n  Other  too\n",
            [("Base", None), ("Child", "Base"), ("Leaf", "Child"), ("Other", "Base")],
        ),
        ("Title.\n\nRaised in this folder; never shown.\n", []),
        ("Only a title", []),
    ],
    ids=["a tree", "prose", "a title"],
)
def test_a_tree_is_read_from_its_indentation_and_prose_is_none(docstring: str, expected: list[tuple[str, str | None]]) -> None:
    assert list(tree(docstring)) == expected
