"""A library with something to exclude and to filter, and the same library in milvus-lite."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from retrieval.cards import CaseFinding, SourceCase
from retrieval.keys import Keyring
from retrieval.milvus.connecting import Connection
from retrieval.milvus.library import open_milvus

SITES = ("north", "south", 'ea"st\\ or row >= 0')
BANDS = ("40-49", "60-69", "90+")


@pytest.fixture(scope="session", autouse=True)
def patient() -> Iterator[None]:
    """Where a test does not say how long an answer may take, it may take a minute: this machine has more to do than a server's."""
    with pytest.MonkeyPatch.context() as patch:
        for opening in (Connection.__init__, open_milvus):
            patch.setitem(opening.__kwdefaults__, "timeout", 60.0)
        yield


@pytest.fixture(scope="session")
def milvus_lite() -> None:
    for package in ("pymilvus", "milvus_lite"):
        if importlib.util.find_spec(package) is None:
            pytest.skip("the extra [milvus] is not installed")


@pytest.fixture(scope="session")
def archive(make_case: Callable[..., SourceCase], keyring: Keyring) -> list[SourceCase]:
    """150 cases of three sites; some persons have a second identifier, some reports are almost those of another case."""

    def made(number: int) -> SourceCase:
        case = make_case(
            number,
            site=SITES[number % 3],
            age_band=BANDS[number % 7 % 3],
            body_part="CHEST" if number % 4 else "HAND",
            linked=(keyring.person(f"other {number // 2}"),) if number % 6 < 2 else (),
            licence="CC0-1.0" if number % 11 == 0 else "Apache-2.0",
        )
        both = (CaseFinding("nodule", "left", "upper lobe"), CaseFinding("cardiomegaly"))
        return SourceCase(replace(case.card, findings=both), case.image) if number % 13 == 0 else case

    return [made(number) for number in range(150)]


@pytest.fixture(scope="session")
def shelved(archive: list[SourceCase], make_index: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The library in its folder."""
    from retrieval.library import open_library

    made = make_index(tmp_path_factory.mktemp("milvus") / "library", archive)
    library = open_library(made.folder, made.encoder.fingerprint)
    yield library
    library.close()


@pytest.fixture(scope="session")
def uri(milvus_lite: None, tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("milvus") / "cases.db")


@pytest.fixture(scope="session")
def published(shelved: Any, uri: str) -> Any:
    """What the publication of the library returned."""
    from retrieval.milvus.publishing import publish

    return publish(shelved, uri, "cases")


@pytest.fixture(scope="session")
def in_milvus(shelved: Any, published: Any, uri: str) -> Iterator[Any]:
    """The same library in milvus-lite."""
    from retrieval.milvus.library import open_milvus

    library = open_milvus(uri, "cases", shelved.manifest.encoder_fingerprint)
    yield library
    library.close()


@pytest.fixture
def own_uri(milvus_lite: None, tmp_path: Path) -> str:
    """A file of one test's own."""
    return str(tmp_path / "own.db")
