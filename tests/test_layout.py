"""The shape of the project: the shared name `fhir`, what imports load, how large things may grow."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("fhir", "retrieval", "policies", "tools", "agent", "evaluation", "sidenote", "sandbox")
HEAVY = (
    "torch",
    "transformers",
    "faiss",
    "langgraph",
    "sentence_transformers",
    "httpx",
    "joserfc",
    "pint",
    "starlette",
    "fastapi",
    "uvicorn",
    "prometheus_client",
    "openvino",
    "psycopg",
    "pymilvus",
    "milvus_lite",
    "ray",
    "pyarrow",
    "pandas",
)
MOST_LINES = 400
LONGEST_FUNCTION = 60

PRODUCT = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def run(*command: str, cwd: str | Path = "/") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


@pytest.mark.parametrize("module", [*FOLDERS, "sidenote.cli", "sidenote.wiring", "fhir.source", "policies.engine"])
def test_what_is_imported_before_anything_is_asked_for_loads_no_heavy_library(module: str) -> None:
    done = run(sys.executable, "-c", f"import sys, {module}; print([n for n in {HEAVY!r} if n in sys.modules])", cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_name_fhir_is_shared_in_the_editable_install() -> None:
    done = run(sys.executable, "-c", "import fhir.chart, fhir.resources.R4B.patient as p; print(p.Patient.__name__)")
    assert done.stdout.strip() == "Patient", done.stderr


def test_the_console_script_runs_from_the_root_folder() -> None:
    script = Path(sysconfig.get_path("scripts")) / "sidenote"
    if not script.exists():
        pytest.skip("sidenote is not installed in this environment")
    assert "Clinical decision support" in run(str(script), "--help").stdout


@pytest.mark.slow
def test_a_wheel_in_a_fresh_environment_runs_from_the_root_folder(tmp_path: Path) -> None:
    built = run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(copied(tmp_path)))
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("sidenote-*.whl")
    python, site = fresh_environment(tmp_path / "env")
    installed = run(sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index", str(wheel))
    assert installed.returncode == 0, installed.stderr
    assert "Clinical decision support" in run(str(python.parent / "sidenote"), "--help").stdout
    code = """
import fhir.chart, fhir.resources.R4B.patient as model, policies.engine as engine
print(fhir.chart.__file__, model.__file__, len(engine.load_rules()))
"""
    done = run(str(python), "-c", code)
    chart, model, rules = done.stdout.split()
    assert chart.startswith(str(site)), done.stderr
    assert model.startswith(str(site))
    assert int(rules) >= 18


def copied(folder: Path) -> Path:
    """The project without what is not its own, so that building leaves nothing behind in the checkout."""
    keep = (*FOLDERS, "pyproject.toml", "README.md", "LICENSE")
    target = folder / "source"
    target.mkdir()
    for name in keep:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return target


def fresh_environment(folder: Path) -> tuple[Path, Path]:
    """An environment of its own whose dependencies are this one's: fhir.resources side by side, the rest by a path file."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    site = Path(run(str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
    ours = Path(sysconfig.get_path("purelib"))
    shutil.copytree(ours / "fhir", site / "fhir", ignore=shutil.ignore_patterns("__pycache__"))
    (site / "dependencies.pth").write_text(str(ours) + "\n")
    return python, site


DECLARATIONS: dict[str, str] = {
    **dict.fromkeys(
        [
            f"{folder}/errors.py"
            for folder in (
                "agent",
                "evaluation",
                "fhir",
                "policies",
                "retrieval",
                "sidenote/audit",
                "sidenote/batch",
                "sidenote/decisions",
                "tools",
            )
        ],
        "an error tree, proved by tests/test_errors.py",
    ),
    **dict.fromkeys(
        [f"sandbox/patients/{name}.py" for name in ("chests", "contrast", "procedures", "traps")],
        "stories as data, proved by tests/sandbox/patients/test_hospital.py and told to their end by tests/sidenote/test_stories.py",
    ),
    "sandbox/patients/story.py": "the types of a story, proved by tests/sandbox/patients/test_hospital.py",
    "sandbox/patients/vocabulary.py": "codes as data; what is made of them is validated by tests/sandbox/patients/test_hospital.py",
    "tools/med_vlm/vision_model.py": "types only: what a back end is",
    "tools/med_vlm/profile.py": "types only: what a model is for",
    "agent/parts.py": "types only: the collaborators of a review",
    "sidenote/web/parts.py": "types only: the collaborators of the web door",
    "agent/snapshot.py": "types only: what a finished review was made of",
    "agent/state.py": "types only: the keys of what is checkpointed",
    "agent/workspace.py": "fields of a review, which tests/agent/test_steps.py fills and asks for too early",
    "sandbox/ehr/auth/clients.py": "types only: registered clients and people",
    "sandbox/ehr/auth/grants.py": "types only: what codes and tokens stand for",
    "sandbox/ehr/config.py": "types only: how a pretend hospital behaves",
    "fhir/access.py": "types only: how a site says that a server is asked",
    "fhir/types.py": "types only: the elements that are read",
    "policies/case.py": "types only: what a rule may look at",
    "policies/claim.py": "types only: claims and verdicts",
    "policies/outcome.py": "types only: how a policy answered",
    "retrieval/vectors/engine.py": "types only: what holds rows and searches them",
    "retrieval/cards.py": "types only: cases, queries and answers",
    **dict.fromkeys(
        [f"sidenote/web/wire/{name}.py" for name in ("ask", "card", "review", "stream", "view")],
        "types only: what goes over HTTP, held to the page's types by tests/scripts/test_wire_types.py",
    ),
    "sidenote/__main__.py": "one call of what tests/sidenote/test_cli.py proves",
}
"""Product module -> why no test file mirrors it."""


@pytest.mark.parametrize("path", [path for path in PRODUCT if path.name != "__init__.py"], ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_has_its_test_file_or_stands_among_the_declarations(path: Path) -> None:
    module = path.relative_to(ROOT)
    mirror = ROOT / "tests" / module.with_name(f"test_{module.name}")
    assert mirror.is_file() != (str(module) in DECLARATIONS), "both, or neither"


def test_the_declarations_name_modules_that_are_there_and_tests_that_are_there() -> None:
    assert [module for module in DECLARATIONS if not (ROOT / module).is_file()] == []
    named = {word for reason in DECLARATIONS.values() for word in reason.replace(",", " ").split() if word.startswith("tests/")}
    assert [word for word in named if not (ROOT / word).is_file()] == []


@pytest.mark.parametrize("module", [module for module, reason in DECLARATIONS.items() if reason.startswith("types only")])
def test_a_module_of_types_alone_computes_nothing(module: str) -> None:
    """No function but a method of a Protocol or a cached view: what branches or loops belongs under a test of its own."""
    logic = ast.If | ast.For | ast.While | ast.Try | ast.comprehension | ast.IfExp
    functions = [node for node in nodes(ROOT / module) if isinstance(node, ast.FunctionDef)]
    assert [function.name for function in functions if any(isinstance(node, logic) for node in ast.walk(function))] == []


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= MOST_LINES
    functions = [node for node in nodes(path) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [node.name for node in functions if (node.end_lineno or node.lineno) - node.lineno + 1 > LONGEST_FUNCTION]
    assert long == []


def test_only_one_file_names_the_fhir_models() -> None:
    naming = [str(path.relative_to(ROOT)) for path in PRODUCT if "fhir.resources" in imports(path)]
    assert naming in ([], ["fhir/models.py"])


def test_nothing_imports_pickle() -> None:
    assert [str(path) for path in PRODUCT if "pickle" in imports(path)] == []


def imports(path: Path) -> set[str]:
    """Top-level and dotted names that a file imports."""
    names: set[str] = set()
    for node in nodes(path):
        modules = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        for module in modules:
            parts = module.split(".")
            names |= {".".join(parts[:length]) for length in (1, 2)}
    return names


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """The functions and imports of a file, which is parsed once for all that is asked of it."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.Import | ast.ImportFrom
    return tuple(node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, kinds))
