"""Everything a manifest names, fetched: resources to files, deletions and errors to what they say."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fhir.bulk.deletions import deletions_of
from fhir.bulk.files import FileAsker, FileReport, download
from fhir.bulk.issues import UNREADABLE, Issue, issues_of
from fhir.bulk.manifest import ExportedFile, ExportManifest
from fhir.errors import RecordError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of a manifest."""

    files: tuple[FileReport, ...]
    """Of `output`, in its order."""
    references: frozenset[str]
    """`Type/id` of what came, where it was to be remembered."""
    deletions: tuple[FileReport, ...]
    deleted: frozenset[str]
    """`Type/id` of what is gone."""
    issues: Counter[Issue]
    """What the error files say, and how often; an error file that did not come is an issue that cannot be read."""


async def fetch(
    asker: FileAsker, manifest: ExportManifest, folder: Path, *, remember: bool, at_once: int, on_file: Callable[[FileReport], None]
) -> Fetched:
    """Fetch all files of a manifest into `folder`, `at_once` together.

    Raises:
        OSError: the folder cannot be written. What a server does wrong is told in what came, file by file.
    """
    slots = asyncio.Semaphore(at_once)

    async def output(place: int, file: ExportedFile) -> tuple[FileReport, frozenset[str]]:
        async with slots:
            came = await download(asker, file, folder / f"{file.resource_type}.{place:04}.ndjson", remember=remember)
        on_file(came[0])
        return came

    outputs = await _together(output(place, file) for place, file in enumerate(manifest.output, start=1))
    gone = [await _deletions(asker, file, f"deleted.{place:04}") for place, file in enumerate(manifest.deleted, start=1)]
    said = [await _issues(asker, file) for file in manifest.error]
    return Fetched(
        tuple(report for report, _ in outputs),
        frozenset().union(*(references for _, references in outputs)),
        tuple(report for report, _ in gone),
        frozenset().union(*(references for _, references in gone)),
        sum(said, Counter()),
    )


async def _deletions(asker: FileAsker, file: ExportedFile, name: str) -> tuple[FileReport, frozenset[str]]:
    try:
        found, bad = await asker.read(file, partial(deletions_of, limit=asker.limits.line))
    except RecordError as error:
        return FileReport(name, "Bundle", count=file.count, problem=error.code), frozenset()
    return FileReport(name, "Bundle", len(found), bad, len(bad)), found


async def _issues(asker: FileAsker, file: ExportedFile) -> Counter[Issue]:
    try:
        return await asker.read(file, partial(issues_of, limit=asker.limits.line))
    except RecordError:
        return Counter([UNREADABLE])


async def _together(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """All results in order; the first fault ends the others."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
