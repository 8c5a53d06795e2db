"""Which source a place opens."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from fhir.errors import SourceMissing
from fhir.files import FileSource
from fhir.server import ServerSource
from fhir.source import open_source


def test_a_url_opens_a_server_and_a_path_opens_files(tmp_path: Path) -> None:
    server = open_source("https://ehr.example/fhir/")
    assert isinstance(server, ServerSource)
    assert server.base == "https://ehr.example/fhir"
    asyncio.run(server.aclose())
    assert isinstance(open_source(str(tmp_path)), FileSource)


def test_refuses_no_source_and_a_server_among_files(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing):
        open_source()
    with pytest.raises(SourceMissing):
        open_source("https://ehr.example/fhir", tmp_path)


def test_opening_files_loads_no_network_model_or_image_library() -> None:
    code = (
        "import sys, fhir.source, fhir.files, fhir.imaging, fhir.views, fhir.pixels, fhir.models; "
        "heavy = {'httpx', 'torch', 'pydicom', 'PIL', 'fhir.resources', 'pydantic', 'transformers', 'faiss'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "[]"
