"""Cases, keyrings and built indexes for the tests of `retrieval`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from retrieval.cards import CaseCard, CaseFinding, SourceCase
from retrieval.encoders.fake import HashEncoder
from retrieval.keys import Keyring, difference_hash, report_sketch

if TYPE_CHECKING:
    from retrieval.library import Library

FINDINGS = ("pleural_effusion", "pneumothorax", "cardiomegaly", "nodule")


@dataclass(frozen=True)
class Made:
    """A built index and what it was built from."""

    folder: Path
    encoder: HashEncoder
    cases: tuple[SourceCase, ...]


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring(b"a secret of the tests, long enough", b"salt")


@pytest.fixture(scope="session")
def make_case(keyring: Keyring) -> Callable[..., SourceCase]:
    """`make_case(n, **fields of the card)`: an image and a report that differ by `n`."""

    def made(number: int, *, image: np.ndarray | None = None, **changes: Any) -> SourceCase:
        rng = np.random.default_rng(number)
        pixels = rng.random((32, 32), dtype=np.float32) if image is None else image
        words = " ".join(
            hashlib.sha256(f"{number} {n}".encode()).hexdigest().translate(str.maketrans("0123456789", "ghijklmnop"))[:6] for n in range(6)
        )
        finding = FINDINGS[number % 4]
        report = changes.pop("report", f"{finding.replace('_', ' ')} {words}")
        card = CaseCard(
            key=keyring.case(f"case {number}"),
            person=keyring.person(f"person {number // 2}"),
            study=keyring.study(f"study {number}"),
            as_of=date(2015, 1, 1) + timedelta(days=37 * number),
            modality="DX" if number % 3 else "CR",
            body_part="CHEST",
            view="AP" if number % 5 else "PA",
            age_band="60-69",
            sex="female" if number % 2 else "male",
            findings=(CaseFinding(finding, "left"),),
            report=report,
            report_hash=keyring.report(report),
            report_sketch=report_sketch(report),
            image_hash=difference_hash(pixels),
            consent="synthetic",
            licence="Apache-2.0",
        )
        return SourceCase(replace(card, **changes), pixels)

    return made


@pytest.fixture(scope="session")
def make_index(keyring: Keyring) -> Callable[..., Made]:
    def made(folder: Path, cases: Sequence[SourceCase], encoder: HashEncoder | None = None) -> Made:
        chosen = encoder or HashEncoder(32)
        from retrieval.building.build import build

        build(cases, chosen, folder, keyring=keyring)
        return Made(folder, chosen, tuple(cases))

    return made


@pytest.fixture(scope="session")
def index(tmp_path_factory: pytest.TempPathFactory, make_case: Callable[..., SourceCase], make_index: Callable[..., Made]) -> Made:
    """An index of 60 cases. Tests that change files work on a copy."""
    return make_index(tmp_path_factory.mktemp("index") / "library", [make_case(n) for n in range(60)])


@pytest.fixture(scope="session")
def library(index: Made) -> Library:
    from retrieval.library import open_library

    return open_library(index.folder, index.encoder.fingerprint)


@pytest.fixture(scope="session")
def open_wide() -> Callable[[Library], Library]:
    """The library as if every case were comparable, so that exclusions alone decide what is found."""

    def widened(library: Library) -> Library:
        limits = {kind: limit.model_copy(update={"distance": 2.0}) for kind, limit in library.manifest.thresholds.items()}
        return replace(library, manifest=library.manifest.model_copy(update={"thresholds": limits}))

    return widened


@pytest.fixture(scope="session")
def make_stack() -> Callable[..., Any]:
    """`make_stack(images, texts, **columns)`: rows without cards, for what reads vectors and columns alone.

    Everybody is another person with another study, report and image unless `columns` says otherwise.
    """
    from typing import cast

    from retrieval.generation.columns import Coded, Columns
    from retrieval.generation.stack import Segment, Stack
    from retrieval.store import CardStore
    from retrieval.vectors import Dimensions, VectorTable

    def made(images: np.ndarray, texts: np.ndarray, *, gone: Sequence[int] = (), findings: Sequence[str] = (), **columns: Any) -> Stack:
        count, words = len(images), np.random.default_rng(len(images))
        numbers = {
            name: columns.pop(name, words.integers(1, 2**63, count).astype(np.uint64))
            for name in ("key", "person", "study", "report", "image_hash")
        }
        same = Coded.of(["" for _ in range(count)])
        coded: dict[str, Any] = dict.fromkeys(("modality", "body_part", "view", "age_band", "sex", "site", "licence"), same)
        made_columns = Columns(
            **numbers,
            **coded,
            sketch=columns.pop("sketch", np.zeros(count, np.uint64)),
            as_of=np.full(count, date(2020, 1, 1).toordinal(), np.int32),
            linked_key=columns.pop("linked_key", np.zeros(0, np.uint64)),
            linked_row=columns.pop("linked_row", np.zeros(0, np.int64)),
            findings=Coded.of(list(findings)) if len(findings) else same,
        )
        assert not columns
        dimensions = Dimensions(images.shape[1], texts.shape[1])
        table = VectorTable(np.ascontiguousarray(np.hstack((images, texts)), dtype=np.float32), dimensions)
        return Stack((Segment("seg-0001", 0, table, cast(CardStore, None)),), made_columns, np.array(sorted(gone), np.int64), dimensions)

    return made


@pytest.fixture(scope="session")
def unit() -> Callable[[np.ndarray], np.ndarray]:
    """Rows made of length 1."""
    return lambda rows: (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
