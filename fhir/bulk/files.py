"""Getting the files of an export: line by line to disk, whole or not at all, asked again from the beginning after a fault.

Bulk Data Access 2.0, "Bulk Data Output File Request". The token goes along only when the manifest says that it must, and then only
to origins that may see it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from fhir.bulk.inflate import inflated
from fhir.bulk.lines import LINE_LIMIT, BadLine, checked, lines_of
from fhir.bulk.manifest import ExportedFile
from fhir.bulk.request import NDJSON
from fhir.bulk.whole import whole
from fhir.chart import Pulled
from fhir.errors import AccessRefused, NotFhir, Overloaded, RecordError, Unreachable
from fhir.rest.outcome import require_success
from fhir.wire.exchange import Answer, Ask
from fhir.wire.patience import LONGEST_WAIT
from fhir.wire.wire import Wire

T = TypeVar("T")
MOST_BAD_LINES = 1000
"""Of one file that are named one by one; further ones are counted."""
_PAGE = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Bytes, numbers, seconds."""

    file: int = 64 * 1024**3
    """Of one file, unpacked."""
    line: int = LINE_LIMIT
    attempts: int = 4
    wait: float = 1.0
    """Before a file is asked for again; doubled for each further time."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What came of one file of the manifest."""

    name: str
    """In the folder of the run; nothing stands there when nothing came."""
    resource_type: str
    lines: int = 0
    """Resources that came and stand in the file."""
    bad: tuple[BadLine, ...] = ()
    bad_lines: int = 0
    """All of them; `bad` names the first 1,000."""
    count: int | None = None
    """How many resources the manifest promised."""
    problem: str | None = None
    """Code of the error that kept the file from coming."""

    @property
    def state(self) -> Pulled:
        """How the file ended: "truncated" when a line was left out, or fewer or more came than were promised."""
        if self.problem is not None:
            return "refused" if self.problem == AccessRefused.code else "failed"
        promised = self.count in (None, self.lines + self.bad_lines)
        return "complete" if promised and not self.bad_lines else "truncated"


class FileAsker:
    """Asks for the files of one export, again where that can help."""

    def __init__(self, wire: Wire, limits: FileLimits, *, with_token: bool) -> None:
        """`with_token` is `requiresAccessToken` of the manifest."""
        self._wire, self.limits, self._with_token = wire, limits, with_token

    async def read(self, file: ExportedFile, take: Callable[[AsyncIterator[bytes]], Awaitable[T]]) -> T:
        """What `take` makes of the body. After a fault it is called anew, with a body that begins at its first byte.

        Raises:
            ElsewhereRefused: the file is on a host that is not on the list.
            AccessRefused, NotThere, RequestRefused, NotFhir: it is not given.
            Unreachable: not whole, after every attempt. SourceError: larger than allowed.
        """
        pause = self.limits.wait
        for left in reversed(range(self.limits.attempts)):
            try:
                async with self._body(file) as body:
                    return await take(body)
            except Unreachable as error:
                if not left:
                    raise
                asked = error.retry_after if isinstance(error, Overloaded) else None
                await asyncio.sleep(pause if asked is None else min(asked, LONGEST_WAIT))
                pause *= 2
        raise AssertionError("the last attempt returns or raises")  # pragma: no cover

    @asynccontextmanager
    async def _body(self, file: ExportedFile) -> AsyncIterator[AsyncIterator[bytes]]:
        ask = Ask("GET", file.url, {"Accept": NDJSON}, limit=self.limits.file, with_token=self._with_token)
        async with self._wire.stream(ask) as stream:
            head = Answer(stream.status, stream.headers, b"", file.url)
            require_success(head)
            if head.status not in (200, 204) or head.media_type in _PAGE:
                raise NotFhir("a file URL answered with an HTML page, or a status that is no answer")
            yield inflated(stream.parts, self.limits.file)


async def download(asker: FileAsker, file: ExportedFile, path: Path, *, remember: bool) -> tuple[FileReport, frozenset[str]]:
    """Get one output file to `path`, without its bad lines, which are told.

    Args:
        asker: How it is asked for.
        file: What the manifest says of it.
        path: Where to: nothing is there until the file is whole, and nothing when it holds no resource. Its owner alone may read it.
        remember: Whether to say what is in it.

    Returns:
        What came, and `Type/id` of each of it; empty unless `remember`. A file that did not come is told with its code, not raised.

    Raises:
        OSError: it cannot be written, which is no fault of the server's.
    """
    write = partial(_written, resource_type=file.resource_type, path=path, line_limit=asker.limits.line, remember=remember)
    try:
        taken = await asker.read(file, write)
    except RecordError as error:
        return FileReport(path.name, file.resource_type, count=file.count, problem=error.code), frozenset()
    report = FileReport(path.name, file.resource_type, taken.lines, tuple(taken.bad), taken.bad_lines, file.count)
    return report, frozenset(taken.references)


@dataclass
class _Taken:
    """What came so far."""

    lines: int = 0
    bad: list[BadLine] = field(default_factory=list)
    bad_lines: int = 0
    references: set[str] = field(default_factory=set)

    def left_out(self, line: BadLine) -> None:
        self.bad_lines += 1
        if len(self.bad) < MOST_BAD_LINES:
            self.bad.append(line)


async def _written(body: AsyncIterator[bytes], *, resource_type: str, path: Path, line_limit: int, remember: bool) -> _Taken:
    taken = _Taken()
    with whole(path) as out:
        async for found in checked(lines_of(body, line_limit), resource_type):
            if isinstance(found, BadLine):
                taken.left_out(found)
                continue
            out.write(found.raw + b"\n")
            taken.lines += 1
            if remember:
                taken.references.add(found.local)
    return taken
